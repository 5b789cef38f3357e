/*
 * v1.h - the calls of the /v1 API: each is one function call of the schema (schema/0008_api.sql to
 * 0015_ladder.sql).
 *
 * Each returns false where the database cannot take more statements now: nothing was asked, the
 * callback is not called. All texts are copied.
 */
#ifndef HERSYS_STORE_V1_H
#define HERSYS_STORE_V1_H

#include "store/caller.h"
#include "store/outbox.h"

/* ---- patients; `body` is a JSON object whose values were checked */

bool store_v1_patient_create(struct store *store, const struct store_caller *caller,
                             const char *body, store_reply_cb *cb, void *arg)
    __attribute__((warn_unused_result));
bool store_v1_patient_change(struct store *store, const struct store_caller *caller, int64_t id,
                             const char *body, store_reply_cb *cb, void *arg)
    __attribute__((warn_unused_result));
bool store_v1_patient_get(struct store *store, const struct store_caller *caller, int64_t id,
                          store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));
bool store_v1_patient_list(struct store *store, const struct store_caller *caller, int64_t after,
                           int64_t limit, store_reply_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* ---- links and batches */

/* `salts`: STORE_SALT_BYTES for each of the patients, one behind the other. */
bool store_v1_links_send(struct store *store, const struct store_caller *caller,
                         const struct store_link_patient *patients, size_t count,
                         const char *channel, int key_id, const uint8_t *salts, store_reply_cb *cb,
                         void *arg) __attribute__((warn_unused_result));
bool store_v1_link_get(struct store *store, const struct store_caller *caller, int64_t id,
                       store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));
bool store_v1_batch_get(struct store *store, const struct store_caller *caller, int64_t id,
                        store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));
bool store_v1_batch_release(struct store *store, const struct store_caller *caller, int64_t id,
                            store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));
bool store_v1_batch_cancel(struct store *store, const struct store_caller *caller, int64_t id,
                           store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

/* ---- confirmation codes */

struct store_code_request {
    const char *channel; /* "email" or "sms" */
    const char *recipient;
    const char *language;
    int digits;
    int key_id;
    uint8_t salt[STORE_SALT_BYTES];
    uint8_t address_name[STORE_HASH_BYTES]; /* what the address is counted by */
    uint8_t client_name[STORE_HASH_BYTES];
    bool has_client;
};
bool store_v1_code_request(struct store *store, const struct store_caller *caller,
                           const struct store_code_request *request, store_reply_cb *cb, void *arg)
    __attribute__((warn_unused_result));
bool store_v1_code_get(struct store *store, const struct store_caller *caller, int64_t id,
                       store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

/* What a try that was counted is compared with. Strings live during the callback. */
struct store_code_try {
    const char *recipient;
    int digits;
    struct store_mint mint;
    int attempts_left;
};
/* `tried` is NULL where the outcome is not DB_OK; `refusal` says why then. */
typedef void store_code_try_cb(void *arg, enum db_outcome outcome,
                               const struct store_code_try *tried,
                               const struct store_reply *refusal);
bool store_v1_code_try(struct store *store, const struct store_caller *caller, int64_t id,
                       store_code_try_cb *cb, void *arg) __attribute__((warn_unused_result));
bool store_v1_code_consume(struct store *store, const struct store_caller *caller, int64_t id,
                           store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

/* ---- alerts */

/* `state`: "open" or "all". */
bool store_v1_alerts_list(struct store *store, const struct store_caller *caller, const char *state,
                          int64_t after, int64_t limit, store_reply_cb *cb, void *arg)
    __attribute__((warn_unused_result));
bool store_v1_alert_seen(struct store *store, const struct store_caller *caller, int64_t id,
                         store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));
bool store_v1_alert_close(struct store *store, const struct store_caller *caller, int64_t id,
                          store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

/* ---- reports */

/* The cursor: a transaction's number as text ("0" begins), and a row's. */
bool store_v1_reports_list(struct store *store, const struct store_caller *caller,
                           const char *after_xact, int64_t after_id, int64_t limit,
                           store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));
/* `slot` 0 and `day` NULL: the slot whose window it is now. */
bool store_v1_unreported(struct store *store, const struct store_caller *caller, int64_t slot,
                         const char *day, int64_t after, int64_t limit, store_reply_cb *cb,
                         void *arg) __attribute__((warn_unused_result));

/* ---- the call list */

bool store_v1_calls_list(struct store *store, const struct store_caller *caller, int64_t after,
                         int64_t limit, store_reply_cb *cb, void *arg)
    __attribute__((warn_unused_result));
bool store_v1_call_close(struct store *store, const struct store_caller *caller, int64_t id,
                         store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

#endif
