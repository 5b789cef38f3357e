/*
 * register.h - registration links: asked for, minted, sent.
 */
#ifndef HERSYS_FLOW_REGISTER_H
#define HERSYS_FLOW_REGISTER_H

#include <stdbool.h>

#include "base/secret.h"
#include "store/outbox.h"
#include "store/register.h"

enum { REGISTER_URL_MAX = 160 }; /* bytes, NUL included */

/* Sends a patient the link that the current key mints, with a fresh salt; see store_link_send(). */
bool register_send_link(struct store *store, const struct keyring *keyring, int64_t patient_id,
                        const char *actor, store_link_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* The address in the message: BASE/r/ID-TOKEN. It is minted anew for each try, and is the same each
 * time. False where the key is gone, or the address would not fit. */
bool register_link_url(const struct keyring *keyring, const char *base_url,
                       const struct store_claim *claim, char url[REGISTER_URL_MAX])
    __attribute__((warn_unused_result));

#endif
