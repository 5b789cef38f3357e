/*
 * chores.h - what daemons do by the clock: say that they live, go up the ladder of each slot.
 */
#ifndef HERSYS_STORE_CHORES_H
#define HERSYS_STORE_CHORES_H

#include "store/outbox.h"

/* `word`: the instant at which the clock is held, "" in production. */
bool store_instance_beat(struct store *store, const char *instance, const char *host, int pid,
                         const char *version, store_word_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Queues reminders of one slot for at most `limit` telephones. The count is that of the messages;
 * -1: nothing is left to do for now. */
bool store_remind_due(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Queues the nudges of at most `limit` reminders of one slot; counted in the same way. */
bool store_nudge_due(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Puts those on the call list who have not reported for one slot that was due, of at most `limit`
 * telephones; the count is that of the patients, or -1. */
bool store_calls_due(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Looks at no more than `limit` patients whose last day has passed; the count is that of those
 * whose monitoring was ended, or -1. */
bool store_monitoring_end(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Removes up to `limit` rows of each kind that have had their time: counters, answers kept for a
 * repeated request, codes that are over, dedupe keys. The count is that of all. */
bool store_housekeeping(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

#endif
