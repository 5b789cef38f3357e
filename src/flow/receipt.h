/*
 * receipt.h - what a carrier says later of a message that it took.
 */
#ifndef HERSYS_FLOW_RECEIPT_H
#define HERSYS_FLOW_RECEIPT_H

#include <stdbool.h>

#include "store/store.h"

/* `stored`: the carrier may forget it; otherwise it shall bring it again. */
typedef void receipt_done_cb(void *arg, bool stored);

/* Stores one receipt. `state` is "delivered", "undelivered" or "expired"; `error` is the carrier's
 * code, or NULL. A receipt that comes before the answer to its submit waits for it. False: nothing
 * can be taken now. */
bool receipt_take(struct store *store, const char *link, const char *provider_id, const char *state,
                  const char *error, receipt_done_cb *done, void *arg)
    __attribute__((warn_unused_result));

#endif
