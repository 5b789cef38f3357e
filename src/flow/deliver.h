/*
 * deliver.h - a message's way out: claim, render, hand to the channel, finish.
 */
#ifndef HERSYS_FLOW_DELIVER_H
#define HERSYS_FLOW_DELIVER_H

#include <event2/event.h>
#include <stdbool.h>

#include "base/secret.h"
#include "channel/channel.h"
#include "flow/wording.h"
#include "store/store.h"

struct deliver;

/* What a reload can change; borrowed, valid until the next deliver_set_rules(). */
struct deliver_rules {
    const struct wording *wording;
    const struct keyring *keyring;
    const char *links_base_url;
    const char *console_url; /* "": none */
    int lease_s;             /* lengthened where a send of the channel can take longer */
    int poll_s;
};

/* `instance` names this process (a UUID). The channel is borrowed. */
struct deliver *deliver_new(struct event_base *base, struct store *store, const char *instance,
                            const struct channel *channel, const struct deliver_rules *rules);

/* Nothing may be on the wire. */
void deliver_free(struct deliver *deliver);

void deliver_set_rules(struct deliver *deliver, const struct deliver_rules *rules);

/* "sms" or "email". */
const char *deliver_channel(const struct deliver *deliver);

/* There are other links on the same channel: one that pauses leaves them what it could not send. */
void deliver_set_shared(struct deliver *deliver);

/* Looks for work on the next turn of the loop: something was queued, or the database is back. */
void deliver_wake(struct deliver *deliver);

/* Claims no more; what is on the wire goes on to its end. */
void deliver_stop(struct deliver *deliver);

/* Messages that are claimed and not finished yet. */
int deliver_busy(const struct deliver *deliver);

#endif
