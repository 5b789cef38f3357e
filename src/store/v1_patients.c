/* v1_patients.c - the statements of the API about patients. */
#include "store/v1.h"

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_create = {
    "v1_patient_create",
    "SELECT status, body::text FROM hersys.v1_patient_create(" STORE_CALLER ", $6::jsonb)",
};
static const struct db_statement sql_change = {
    "v1_patient_change",
    "SELECT status, body::text FROM hersys.v1_patient_change(" STORE_CALLER ", $6::bigint, "
    "$7::jsonb)",
};
static const struct db_statement sql_get = {
    "v1_patient_get",
    "SELECT status, body::text FROM hersys.v1_patient_get(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_list = {
    "v1_patient_list",
    "SELECT status, body::text FROM hersys.v1_patient_list(" STORE_CALLER ", $6::bigint, "
    "$7::integer)",
};

bool store_v1_patient_create(struct store *store, const struct store_caller *caller,
                             const char *body, store_reply_cb *cb, void *arg)
{
    struct db_param more[] = {PARAM(body)};

    return store_call(store, &sql_create, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_patient_change(struct store *store, const struct store_caller *caller, int64_t id,
                             const char *body, store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id)), PARAM(body)};

    return store_call(store, &sql_change, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_patient_get(struct store *store, const struct store_caller *caller, int64_t id,
                          store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, &sql_get, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_patient_list(struct store *store, const struct store_caller *caller, int64_t after,
                           int64_t limit, store_reply_cb *cb, void *arg)
{
    char after_text[24], limit_text[24];
    struct db_param more[] = {PARAM(param_int(after_text, after)),
                              PARAM(param_int(limit_text, limit))};

    return store_call(store, &sql_list, caller, more, MEM_COUNT(more), cb, arg);
}
