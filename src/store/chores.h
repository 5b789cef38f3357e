/*
 * chores.h - what daemons do by the clock: say that they live, make reminders due.
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

/* Removes up to `limit` rows of each kind that have had their time: counters, answers kept for a
 * repeated request, codes that are over, dedupe keys. The count is that of all. */
bool store_housekeeping(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

#endif
