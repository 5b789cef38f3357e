/* outbox.c - the statements of a message's life. It decides nothing: the schema's functions do. */
#include "store/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/answer.h"
#include "store/array.h"

static const struct db_statement sql_claim = {
    "outbox_claim",
    "SELECT id, epoch, kind, language, recipient, params, attempts, link_id, link_key_id, "
    "link_generation, link_salt, code_digits, code_key_id, code_generation, code_salt"
    " FROM hersys.outbox_claim($1::uuid, $2::text, $3::int, make_interval(secs => $4::int))",
};
static const struct db_statement sql_finish = {
    "outbox_finish",
    "SELECT count(*) FROM hersys.outbox_finish($1::text, $2::bigint[], $3::int[], $4::text[], "
    "$5::text[], $6::text[],"
    " make_interval(secs => $7::int))",
};
static const struct db_statement sql_renew = {
    "outbox_renew",
    "SELECT count(*) FROM hersys.outbox_renew($1::uuid, $2::bigint[], $3::int[], "
    "make_interval(secs => $4::int))",
};
static const struct db_statement sql_release = {
    "outbox_release",
    "SELECT hersys.outbox_release($1::uuid, $2::bigint[], $3::int[])",
};
static const struct db_statement sql_reap = {"outbox_reap", "SELECT hersys.outbox_reap($1::int)"};
static const struct db_statement sql_receipt = {
    "receipt_store",
    "SELECT hersys.receipt_store($1::text, ARRAY[$2::text], ARRAY[$3::text], ARRAY[$4::text])",
};
static const struct db_statement sql_give_up = {"receipt_give_up", "SELECT "
                                                                   "hersys.receipt_give_up()"};
static const struct db_statement sql_summary = {
    "queue_summary",
    "SELECT channel, state, count, oldest_seconds FROM hersys.queue_summary()",
};
static const struct db_statement sql_retry = {"outbox_retry", "SELECT "
                                                              "hersys.outbox_retry($1::bigint, "
                                                              "$2::text)"};

static void read_claim(struct store_claim *claim, const PGresult *result, int row)
{
    *claim = (struct store_claim){
        .id = atoll(PQgetvalue(result, row, 0)),
        .epoch = atoi(PQgetvalue(result, row, 1)),
        .kind = PQgetvalue(result, row, 2),
        .language = PQgetvalue(result, row, 3),
        .recipient = PQgetvalue(result, row, 4),
        .params = PQgetvalue(result, row, 5),
        .attempts = atoi(PQgetvalue(result, row, 6)),
    };
    if (store_read_mint(&claim->link, result, row, 8))
        claim->link_id = atoll(PQgetvalue(result, row, 7));
    if (store_read_mint(&claim->code, result, row, 12))
        claim->code_digits = atoi(PQgetvalue(result, row, 11));
}

static void read_claims(const struct answer *answer, enum db_outcome outcome,
                        const PGresult *result)
{
    store_claims_cb *cb = (store_claims_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_claim *claims = mem_new((size_t)count, sizeof(*claims));

    for (int i = 0; i < count; i++)
        read_claim(&claims[i], result, i);
    cb(answer->arg, outcome, claims, count);
    free(claims);
}

bool store_outbox_claim(struct store *store, const char *instance, const char *channel, int limit,
                        int lease_s, store_claims_cb *cb, void *arg)
{
    char limit_text[24], lease_text[24];
    struct db_param params[] = {PARAM(instance), PARAM(channel),
                                PARAM(param_int(limit_text, limit)),
                                PARAM(param_int(lease_text, lease_s))};
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_claims};

    return answer_rows(store_lane(store, STORE_DELIVER), &sql_claim, params, MEM_COUNT(params),
                       &answer);
}

/* The claims' ids and epochs as two arrays; the caller frees their texts. */
static void claim_arrays(const struct store_finish *claims, int count, struct array *ids,
                         struct array *epochs)
{
    array_begin(ids);
    array_begin(epochs);
    for (int i = 0; i < count; i++) {
        array_add_int(ids, claims[i].id);
        array_add_int(epochs, claims[i].epoch);
    }
    array_end(ids);
    array_end(epochs);
}

bool store_outbox_finish(struct store *store, const char *carrier_link,
                         const struct store_finish *finishes, int count, int pause_s,
                         store_count_cb *cb, void *arg)
{
    struct array ids, epochs, outcomes, provider_ids, errors;
    char pause_text[24];

    claim_arrays(finishes, count, &ids, &epochs);
    array_begin(&outcomes);
    array_begin(&provider_ids);
    array_begin(&errors);
    for (int i = 0; i < count; i++) {
        array_add_text(&outcomes, finishes[i].outcome);
        array_add_text(&provider_ids, finishes[i].provider_id);
        array_add_text(&errors, finishes[i].error);
    }
    array_end(&outcomes);
    array_end(&provider_ids);
    array_end(&errors);

    struct db_param params[] = {PARAM(carrier_link),
                                PARAM(ids.text),
                                PARAM(epochs.text),
                                PARAM(outcomes.text),
                                PARAM(provider_ids.text),
                                PARAM(errors.text),
                                PARAM(param_int(pause_text, pause_s))};
    bool asked = answer_count(store_lane(store, STORE_DELIVER), &sql_finish, params,
                              MEM_COUNT(params), cb, arg);

    free(ids.text);
    free(epochs.text);
    free(outcomes.text);
    free(provider_ids.text);
    free(errors.text);
    return asked;
}

bool store_outbox_renew(struct store *store, const char *instance,
                        const struct store_finish *claims, int count, int lease_s,
                        store_count_cb *cb, void *arg)
{
    struct array ids, epochs;
    char lease_text[24];

    claim_arrays(claims, count, &ids, &epochs);
    struct db_param params[] = {PARAM(instance), PARAM(ids.text), PARAM(epochs.text),
                                PARAM(param_int(lease_text, lease_s))};
    bool asked = answer_count(store_lane(store, STORE_DELIVER), &sql_renew, params,
                              MEM_COUNT(params), cb, arg);

    free(ids.text);
    free(epochs.text);
    return asked;
}

bool store_outbox_release(struct store *store, const char *instance,
                          const struct store_finish *claims, int count, store_count_cb *cb,
                          void *arg)
{
    struct array ids, epochs;

    claim_arrays(claims, count, &ids, &epochs);
    struct db_param params[] = {PARAM(instance), PARAM(ids.text), PARAM(epochs.text)};
    bool asked = answer_count(store_lane(store, STORE_DELIVER), &sql_release, params,
                              MEM_COUNT(params), cb, arg);

    free(ids.text);
    free(epochs.text);
    return asked;
}

bool store_outbox_reap(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    char limit_text[24];
    struct db_param params[] = {PARAM(param_int(limit_text, limit))};

    return answer_count(store_lane(store, STORE_CHORES), &sql_reap, params, MEM_COUNT(params), cb,
                        arg);
}

bool store_receipt(struct store *store, const char *carrier_link, const char *provider_id,
                   const char *state, const char *error, store_count_cb *cb, void *arg)
{
    struct db_param params[] = {PARAM(carrier_link), PARAM(provider_id), PARAM(state),
                                PARAM(error)};

    return answer_count(store_lane(store, STORE_RECEIVE), &sql_receipt, params, MEM_COUNT(params),
                        cb, arg);
}

bool store_receipt_give_up(struct store *store, store_count_cb *cb, void *arg)
{
    return answer_count(store_lane(store, STORE_CHORES), &sql_give_up, NULL, 0, cb, arg);
}

static void read_summary(const struct answer *answer, enum db_outcome outcome,
                         const PGresult *result)
{
    store_queue_cb *cb = (store_queue_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_queue_row *rows = mem_new((size_t)count, sizeof(*rows));

    for (int i = 0; i < count; i++)
        rows[i] = (struct store_queue_row){
            .channel = PQgetvalue(result, i, 0),
            .state = PQgetvalue(result, i, 1),
            .count = atoll(PQgetvalue(result, i, 2)),
            .oldest_s = PQgetisnull(result, i, 3) ? -1 : atof(PQgetvalue(result, i, 3)),
        };
    cb(answer->arg, outcome, rows, count);
    free(rows);
}

bool store_queue_summary(struct store *store, store_queue_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_summary};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_summary, NULL, 0, &answer);
}

bool store_outbox_retry(struct store *store, int64_t id, const char *actor, store_word_cb *cb,
                        void *arg)
{
    char id_text[24];
    struct db_param params[] = {PARAM(param_int(id_text, id)), PARAM(actor)};

    return answer_word(store_lane(store, STORE_CHORES), &sql_retry, params, MEM_COUNT(params), cb,
                       arg);
}
