/*
 * outbox.h - messages that go out: claim, finish, leases, receipts (schema/0005_outbox.sql).
 *
 * Every function returns false where the database cannot take more statements now: nothing was
 * asked, the callback is not called. A callback with an outcome other than DB_OK has no rows.
 */
#ifndef HERSYS_STORE_OUTBOX_H
#define HERSYS_STORE_OUTBOX_H

#include <stdint.h>

#include "store/store.h"

enum { STORE_UUID_MAX = 37, STORE_SALT_BYTES = 16 };

/* What a secret of a row is minted from; the row has no more than this. */
struct store_mint {
    int key_id;
    int generation;
    uint8_t salt[STORE_SALT_BYTES];
};

/* A patient who is to get a link, and what the asker's own list says of them, to be compared with
 * the register: a list that has slipped by a row is noticed. */
struct store_link_patient {
    int64_t id;
    const char *phone;    /* E.164; NULL where the list does not say */
    const char *input_id; /* NULL where the list does not say */
};

/* A message that is ours to send until its lease runs out. Strings live during the callback. */
struct store_claim {
    int64_t id;
    int epoch; /* the fence: to be given back with everything that is said of this claim */
    const char *kind;
    const char *language;
    const char *recipient;
    const char *params; /* a JSON object */
    int attempts;       /* that were spent before this one */
    int64_t link_id;    /* 0, or the registration link that is to be minted */
    struct store_mint link;
    int code_digits; /* 0, or how many digits the confirmation code has that is to be minted */
    struct store_mint code;
};

typedef void store_claims_cb(void *arg, enum db_outcome outcome, const struct store_claim *claims,
                             int count);

/* Claims up to `limit` due messages of a channel ("sms"), the most urgent first, for `lease_s`
 * seconds. */
bool store_outbox_claim(struct store *store, const char *instance, const char *channel, int limit,
                        int lease_s, store_claims_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* What became of a claimed message; the words are those of hersys.outbox_finish(). Strings are
 * copied. */
struct store_finish {
    int64_t id;
    int epoch;
    const char *outcome;
    const char *provider_id; /* NULL where there is none */
    const char
        *error; /* a word of ours or the carrier's status, never a text; NULL where there is none */
};

/* `landed`: how many of them were still ours; the rest was fenced off. */
typedef void store_count_cb(void *arg, enum db_outcome outcome, int landed);

bool store_outbox_finish(struct store *store, const char *carrier_link,
                         const struct store_finish *finishes, int count, int pause_s,
                         store_count_cb *cb, void *arg) __attribute__((warn_unused_result));

/* Extends leases. */
bool store_outbox_renew(struct store *store, const char *instance,
                        const struct store_finish *claims, int count, int lease_s,
                        store_count_cb *cb, void *arg) __attribute__((warn_unused_result));

/* Gives back what was claimed and never put on the wire. */
bool store_outbox_release(struct store *store, const char *instance,
                          const struct store_finish *claims, int count, store_count_cb *cb,
                          void *arg) __attribute__((warn_unused_result));

/* Settles up to `limit` leases that ran out. */
bool store_outbox_reap(struct store *store, int limit, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* One receipt; `state` is "delivered", "undelivered" or "expired". Known or not, it is stored. */
bool store_receipt(struct store *store, const char *carrier_link, const char *provider_id,
                   const char *state, const char *error, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Ends the waiting for receipts that did not come. */
bool store_receipt_give_up(struct store *store, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

struct store_queue_row {
    const char *channel;
    const char *state;
    int64_t count;
    double oldest_s; /* age of the oldest that is due; negative for what is over */
};
typedef void store_queue_cb(void *arg, enum db_outcome outcome, const struct store_queue_row *rows,
                            int count);
bool store_queue_summary(struct store *store, store_queue_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* `word`: "queued", or the state for which a retry makes no sense, or "not_found". */
typedef void store_word_cb(void *arg, enum db_outcome outcome, const char *word);
bool store_outbox_retry(struct store *store, int64_t id, const char *actor, store_word_cb *cb,
                        void *arg) __attribute__((warn_unused_result));

#endif
