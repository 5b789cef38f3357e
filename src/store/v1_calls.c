/* v1_calls.c - the statements of the API about the call list. */
#include "store/v1.h"

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_list = {
    "v1_calls_list",
    "SELECT status, body::text FROM hersys.v1_calls_list(" STORE_CALLER ", $6::bigint, "
    "$7::integer)",
};
static const struct db_statement sql_close = {
    "v1_call_close",
    "SELECT status, body::text FROM hersys.v1_call_close(" STORE_CALLER ", $6::bigint)",
};

bool store_v1_calls_list(struct store *store, const struct store_caller *caller, int64_t after,
                         int64_t limit, store_reply_cb *cb, void *arg)
{
    char after_text[24], limit_text[24];
    struct db_param more[] = {PARAM(param_int(after_text, after)),
                              PARAM(param_int(limit_text, limit))};

    return store_call(store, &sql_list, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_call_close(struct store *store, const struct store_caller *caller, int64_t id,
                         store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, &sql_close, caller, more, MEM_COUNT(more), cb, arg);
}
