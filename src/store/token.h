/*
 * token.h - tokens of the API, for the operator (schema/0008_api.sql). A secret never comes here:
 * its SHA-256 does.
 */
#ifndef HERSYS_STORE_TOKEN_H
#define HERSYS_STORE_TOKEN_H

#include "store/caller.h"
#include "store/outbox.h"

struct store_new_token {
    const char *kid;
    uint8_t secret_hash[STORE_HASH_BYTES];
    int64_t centre_id;
    const char *actor;         /* who calls with it; stands in the audit trail */
    const char *const *scopes; /* ends with NULL */
    int days;
};

/* `refusal`: the schema's own words where it refused, "" otherwise. */
typedef void store_token_cb(void *arg, enum db_outcome outcome, const char *refusal,
                            const char *expires_at);
bool store_token_create(struct store *store, const struct store_new_token *token, const char *by,
                        store_token_cb *cb, void *arg) __attribute__((warn_unused_result));

struct store_token_row {
    const char *kid;
    const char *centre_id;
    const char *actor;
    const char *scopes;       /* "links,patients" */
    const char *state;        /* "alive", "expired" or "revoked" */
    const char *expires_at;   /* "2026-05-01 09:00 +0900", in the session's time zone */
    const char *last_used_on; /* a date, or "never" */
};
typedef void store_tokens_cb(void *arg, enum db_outcome outcome, const struct store_token_row *rows,
                             int count);
bool store_token_list(struct store *store, store_tokens_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* `count` is 1 where it was alive, and 0 where there is none that is. */
bool store_token_revoke(struct store *store, const char *kid, const char *by, store_count_cb *cb,
                        void *arg) __attribute__((warn_unused_result));

#endif
