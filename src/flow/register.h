/*
 * register.h - registration links: asked for, minted, sent.
 */
#ifndef HERSYS_FLOW_REGISTER_H
#define HERSYS_FLOW_REGISTER_H

#include <stdbool.h>

#include "base/secret.h"
#include "store/outbox.h"
#include "store/register.h"
#include "store/v1.h"

enum {
    REGISTER_URL_MAX = 160, /* bytes, NUL included */
    REGISTER_PATIENTS_MAX = 5000,
};

/* Patients of one centre who get their links together, or, where that is held, not at all yet. */
struct register_batch {
    const struct store_link_patient *patients; /* 1 to REGISTER_PATIENTS_MAX, each once */
    size_t count;
    const char *channel; /* "sms" or "email" */
};

/* Sends links as a caller of the API asks for it; the current key mints them, each with a fresh
 * salt. */
bool register_send_batch(struct store *store, const struct keyring *keyring,
                         const struct store_caller *caller, const struct register_batch *batch,
                         store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

/* A batch for the operator; see store_link_batch(). */
bool register_send_links(struct store *store, const struct keyring *keyring,
                         const struct register_batch *batch, const char *actor, store_batch_cb *cb,
                         void *arg) __attribute__((warn_unused_result));

/* The address in the message: BASE/r/ID-TOKEN. It is minted anew for each try, for the number
 * or address that the message goes to, and is the same each time. False where the key is gone, or
 * the address would not fit. */
bool register_link_url(const struct keyring *keyring, const char *base_url,
                       const struct store_claim *claim, char url[REGISTER_URL_MAX])
    __attribute__((warn_unused_result));

#endif
