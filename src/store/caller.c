/* caller.c - hands a caller to the schema, and brings back status and body. It judges neither. */
#include "store/caller.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_admit = {
    "call_admit",
    "SELECT 200, hersys.call_admit(" STORE_CALLER ")",
};

static const char *field(const PGresult *result, int code)
{
    const char *text = result != NULL ? PQresultErrorField(result, code) : NULL;

    return text != NULL ? text : "";
}

struct store_reply store_refusal(const PGresult *result)
{
    struct store_reply reply = {.body = "", .sqlstate = "", .message = "", .extra = ""};

    if (result == NULL)
        return reply;
    reply.sqlstate = db_sqlstate(result);
    /* No other message of the server is passed on: it could quote a row. */
    if (strncmp(reply.sqlstate, "HS", 2) == 0) {
        reply.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
        reply.extra = field(result, PG_DIAG_MESSAGE_DETAIL);
    }
    return reply;
}

static void read_reply(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_reply_cb *cb = (store_reply_cb *)answer->cb;
    struct store_reply reply = store_refusal(outcome == DB_ERROR ? result : NULL);

    if (outcome == DB_OK && PQntuples(result) == 1 && PQnfields(result) == 2) {
        reply.status = atoi(PQgetvalue(result, 0, 0));
        reply.body = PQgetvalue(result, 0, 1);
    }
    cb(answer->arg, outcome, &reply);
}

void store_caller_params(const struct store_caller *caller,
                         struct db_param params[STORE_CALLER_PARAMS])
{
    bool keyed = caller->idempotency_key[0] != '\0';

    params[0] = PARAM(caller->kid);
    params[1] = (struct db_param){
        .value = (const char *)caller->secret_hash, .len = STORE_HASH_BYTES, .binary = true};
    params[2] = PARAM(caller->scope);
    params[3] = PARAM(keyed ? caller->idempotency_key : NULL);
    params[4] = (struct db_param){.value = keyed ? (const char *)caller->request_hash : NULL,
                                  .len = STORE_HASH_BYTES,
                                  .binary = true};
}

bool store_call(struct store *store, const struct db_statement *statement,
                const struct store_caller *caller, const struct db_param *more, int count,
                store_reply_cb *cb, void *arg)
{
    struct db_param params[STORE_CALLER_PARAMS + STORE_CALL_MORE];
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_reply};

    if (count > STORE_CALL_MORE)
        log_fatal("a statement of the API has too many parameters");
    store_caller_params(caller, params);
    for (int i = 0; i < count; i++)
        params[STORE_CALLER_PARAMS + i] = more[i];
    return answer_rows(store_lane(store, STORE_API), statement, params, STORE_CALLER_PARAMS + count,
                       &answer);
}

bool store_call_admit(struct store *store, const struct store_caller *caller, store_reply_cb *cb,
                      void *arg)
{
    return store_call(store, &sql_admit, caller, NULL, 0, cb, arg);
}
