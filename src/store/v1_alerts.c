/* v1_alerts.c - the statements of the API about alerts. */
#include "store/v1.h"

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_list = {
    "v1_alerts_list",
    "SELECT status, body::text FROM hersys.v1_alerts_list(" STORE_CALLER ", $6::text, $7::bigint, "
    "$8::integer)",
};
static const struct db_statement sql_seen = {
    "v1_alert_seen",
    "SELECT status, body::text FROM hersys.v1_alert_seen(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_close = {
    "v1_alert_close",
    "SELECT status, body::text FROM hersys.v1_alert_close(" STORE_CALLER ", $6::bigint)",
};

bool store_v1_alerts_list(struct store *store, const struct store_caller *caller, const char *state,
                          int64_t after, int64_t limit, store_reply_cb *cb, void *arg)
{
    char after_text[24], limit_text[24];
    struct db_param more[] = {PARAM(state), PARAM(param_int(after_text, after)),
                              PARAM(param_int(limit_text, limit))};

    return store_call(store, &sql_list, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_alert_seen(struct store *store, const struct store_caller *caller, int64_t id,
                         store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, &sql_seen, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_alert_close(struct store *store, const struct store_caller *caller, int64_t id,
                          store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, &sql_close, caller, more, MEM_COUNT(more), cb, arg);
}
