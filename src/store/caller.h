/*
 * caller.h - who makes a call of the /v1 API, and what the schema says to it (doc/schema.md).
 *
 * Every function hersys.v1_*() takes the caller first: it checks the token itself, binds the
 * session to the token's centre, and gives back the answer of an earlier call with the same
 * idempotency key.
 */
#ifndef HERSYS_STORE_CALLER_H
#define HERSYS_STORE_CALLER_H

#include <stdint.h>

#include "store/store.h"

enum { STORE_KID_MAX = 33, STORE_KEY_MAX = 101, STORE_HASH_BYTES = 32 };

/* Plain data, to be copied as it is. */
struct store_caller {
    char kid[STORE_KID_MAX];                /* the token's name */
    uint8_t secret_hash[STORE_HASH_BYTES];  /* SHA-256 of its secret */
    const char *scope;                      /* what it must be allowed; static; NULL is refused */
    char idempotency_key[STORE_KEY_MAX];    /* "" where none was given */
    uint8_t request_hash[STORE_HASH_BYTES]; /* of the request that the key stands for */
};

/* Strings live during the callback. */
struct store_reply {
    int status;       /* of HTTP; 0 where the outcome is not DB_OK */
    const char *body; /* JSON, "" where there is none */
    /* Of a refusal (DB_ERROR): the SQLSTATE, and where it is one of our own class HS, its words for
     * people, which name ids only, and what goes with them (seconds, or a JSON pointer). */
    const char *sqlstate;
    const char *message;
    const char *extra;
};

typedef void store_reply_cb(void *arg, enum db_outcome outcome, const struct store_reply *reply);

/* Whether the token is good for its scope. The reply's body is the token's actor. */
bool store_call_admit(struct store *store, const struct store_caller *caller, store_reply_cb *cb,
                      void *arg) __attribute__((warn_unused_result));

/* ---- for the other files of this folder */

enum { STORE_CALLER_PARAMS = 5, STORE_CALL_MORE = 10 };

/* The caller in a statement's text: its parameters $1 to $5. */
#define STORE_CALLER "ROW($1::text, $2::bytea, $3::text, $4::text, $5::bytea)::hersys.caller"

/* What a failed result says. */
struct store_reply store_refusal(const PGresult *result);

void store_caller_params(const struct store_caller *caller,
                         struct db_param params[STORE_CALLER_PARAMS]);

/* One statement whose parameters are the caller and up to STORE_CALL_MORE others ($6 ...), and
 * whose row is a status and a body. */
bool store_call(struct store *store, const struct db_statement *statement,
                const struct store_caller *caller, const struct db_param *more, int count,
                store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

#endif
