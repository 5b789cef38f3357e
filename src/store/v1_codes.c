/* v1_codes.c - the statements of the API about confirmation codes. No code passes here: only what
 * it is minted from. */
#include "store/v1.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_request = {
    "v1_code_request",
    "SELECT status, body::text FROM hersys.v1_code_request(" STORE_CALLER
    ", $6::text, $7::text, $8::text, $9::integer, $10::integer, $11::bytea, $12::bytea, "
    "$13::bytea)",
};
static const struct db_statement sql_get = {
    "v1_code_get",
    "SELECT status, body::text FROM hersys.v1_code_get(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_try = {
    "v1_code_try",
    "SELECT recipient, digits, key_id, generation, salt, attempts_left"
    " FROM hersys.v1_code_try(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_consume = {
    "v1_code_consume",
    "SELECT status, body::text FROM hersys.v1_code_consume(" STORE_CALLER ", $6::bigint)",
};

static struct db_param bytes(const uint8_t *value, size_t len)
{
    return (struct db_param){.value = (const char *)value, .len = len, .binary = true};
}

bool store_v1_code_request(struct store *store, const struct store_caller *caller,
                           const struct store_code_request *request, store_reply_cb *cb, void *arg)
{
    char digits_text[24], key_text[24];
    struct db_param more[] = {
        PARAM(request->channel),
        PARAM(request->recipient),
        PARAM(request->language),
        PARAM(param_int(digits_text, request->digits)),
        PARAM(param_int(key_text, request->key_id)),
        bytes(request->salt, STORE_SALT_BYTES),
        bytes(request->address_name, STORE_HASH_BYTES),
        bytes(request->has_client ? request->client_name : NULL, STORE_HASH_BYTES),
    };

    return store_call(store, &sql_request, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_code_get(struct store *store, const struct store_caller *caller, int64_t id,
                       store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, &sql_get, caller, more, MEM_COUNT(more), cb, arg);
}

static void read_try(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_code_try_cb *cb = (store_code_try_cb *)answer->cb;
    struct store_reply refusal = store_refusal(outcome == DB_ERROR ? result : NULL);
    struct store_code_try tried = {.digits = 0};

    if (outcome != DB_OK || PQntuples(result) != 1 || !store_read_mint(&tried.mint, result, 0, 2)) {
        cb(answer->arg, outcome, NULL, &refusal);
        return;
    }
    tried.recipient = PQgetvalue(result, 0, 0);
    tried.digits = atoi(PQgetvalue(result, 0, 1));
    tried.attempts_left = atoi(PQgetvalue(result, 0, 5));
    cb(answer->arg, outcome, &tried, &refusal);
}

bool store_v1_code_try(struct store *store, const struct store_caller *caller, int64_t id,
                       store_code_try_cb *cb, void *arg)
{
    struct db_param params[STORE_CALLER_PARAMS + 1];
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_try};
    char id_text[24];

    store_caller_params(caller, params);
    params[STORE_CALLER_PARAMS] = PARAM(param_int(id_text, id));
    return answer_rows(store_lane(store, STORE_API), &sql_try, params, MEM_COUNT(params), &answer);
}

bool store_v1_code_consume(struct store *store, const struct store_caller *caller, int64_t id,
                           store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, &sql_consume, caller, more, MEM_COUNT(more), cb, arg);
}
