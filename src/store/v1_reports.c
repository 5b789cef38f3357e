/* v1_reports.c - the statements of the API about reports. */
#include "store/v1.h"

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_list = {
    "v1_reports_list",
    "SELECT status, body::text FROM hersys.v1_reports_list(" STORE_CALLER ", $6::text, $7::bigint, "
    "$8::integer)",
};
static const struct db_statement sql_unreported = {
    "v1_unreported",
    "SELECT status, body::text FROM hersys.v1_unreported(" STORE_CALLER ", $6::bigint, $7::date, "
    "$8::bigint, $9::integer)",
};

bool store_v1_reports_list(struct store *store, const struct store_caller *caller,
                           const char *after_xact, int64_t after_id, int64_t limit,
                           store_reply_cb *cb, void *arg)
{
    char after_text[24], limit_text[24];
    struct db_param more[] = {PARAM(after_xact), PARAM(param_int(after_text, after_id)),
                              PARAM(param_int(limit_text, limit))};

    return store_call(store, &sql_list, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_unreported(struct store *store, const struct store_caller *caller, int64_t slot,
                         const char *day, int64_t after, int64_t limit, store_reply_cb *cb,
                         void *arg)
{
    char slot_text[24], after_text[24], limit_text[24];
    struct db_param more[] = {
        PARAM(slot > 0 ? param_int(slot_text, slot) : NULL),
        PARAM(day),
        PARAM(param_int(after_text, after)),
        PARAM(param_int(limit_text, limit)),
    };

    return store_call(store, &sql_unreported, caller, more, MEM_COUNT(more), cb, arg);
}
