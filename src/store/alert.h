/*
 * alert.h - what daemons do with alerts by the clock: tell the next contact, and the hourly digest.
 */
#ifndef HERSYS_STORE_ALERT_H
#define HERSYS_STORE_ALERT_H

#include "store/store.h"

/* Of how many alerts one centre was told. */
struct store_alerts_told {
    int64_t centre_id;
    int told; /* 0: it has neither a contact nor an address, and its alerts stand */
};
typedef void store_alerts_cb(void *arg, enum db_outcome outcome,
                             const struct store_alerts_told *centres, int count);

/* Queues messages to the next contact for at most `limit` urgent alerts that nobody has seen. */
bool store_alerts_escalate(struct store *store, int limit, store_alerts_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Queues the digests that are due at this hour. */
bool store_alerts_digest(struct store *store, store_alerts_cb *cb, void *arg)
    __attribute__((warn_unused_result));

#endif
