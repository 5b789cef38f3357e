/*
 * receive.h - a message's way in: read, store with all that follows from it, and only then
 * acknowledge.
 */
#ifndef HERSYS_FLOW_RECEIVE_H
#define HERSYS_FLOW_RECEIVE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "flow/wording.h"
#include "store/store.h"

struct receive;

enum receive_outcome {
    RECEIVE_STORED, /* committed, now or when it was brought before: the carrier may forget it */
    RECEIVE_UNAVAILABLE, /* not stored, or not known to be: the carrier shall bring it again */
};

struct receive_message {
    const char *link;        /* the carrier link: "sandbox" */
    const char *provider_id; /* the carrier's name of the message, 1 to 200 bytes of UTF-8 */
    const char *sender;      /* as the carrier wrote it, at most 254 bytes of UTF-8 */
    const char *recipient;
    const char *text; /* any bytes */
    size_t len;
};

typedef void receive_done_cb(void *arg, enum receive_outcome outcome);

struct receive_rules {
    const struct wording *wording; /* borrowed */
    bool spo2_required;
    bool confirm_by_sms;
    const struct keyring *keyring; /* borrowed: codes are compared with what it mints */
};

struct receive *receive_new(struct event_base *base, struct store *store,
                            const struct receive_rules *rules);
void receive_free(struct receive *receive);
void receive_set_rules(struct receive *receive, const struct receive_rules *rules);

/* Whether nothing can be taken now: the database is away, or too much waits. The carrier shall come
 * again. */
bool receive_is_full(const struct receive *receive);

/* Takes one message (copied). `done` is called once, on a later turn. */
void receive_take(struct receive *receive, const struct receive_message *message,
                  receive_done_cb *done, void *arg);

/* Messages without an answer yet. */
int receive_busy(const struct receive *receive);

#endif
