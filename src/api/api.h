/*
 * api.h - the HTTP side of the gateway: which path leads where, and who may call it.
 */
#ifndef HERSYS_API_API_H
#define HERSYS_API_API_H

#include "base/secret.h"
#include "channel/provider.h"
#include "channel/sandbox.h"
#include "flow/receive.h"
#include "io/http_server.h"
#include "store/store.h"

/* What the handlers work with; all of it borrowed. */
struct api {
    struct store *store;
    struct receive *receive;
    const struct keyring *keyring;
    int code_digits;                /* of confirmation codes */
    struct sandbox *sandbox;        /* NULL where it is off: its paths do not exist then */
    const struct carrier *carriers; /* whose webhooks exist */
    size_t carrier_count;
};

/* An http_handler; `arg` is the struct api. */
void api_handle(void *arg, struct http_exchange *exchange);

#endif
