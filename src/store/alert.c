/* alert.c - the statements about alerts that a clock triggers. */
#include "store/alert.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_escalate = {
    "alerts_escalate",
    "SELECT centre_id, told FROM hersys.alerts_escalate($1::int)",
};
static const struct db_statement sql_digest = {
    "alerts_digest",
    "SELECT centre_id, told FROM hersys.alerts_digest()",
};

static void read_centres(const struct answer *answer, enum db_outcome outcome,
                         const PGresult *result)
{
    store_alerts_cb *cb = (store_alerts_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_alerts_told *centres = mem_new((size_t)count, sizeof(*centres));

    for (int i = 0; i < count; i++)
        centres[i] = (struct store_alerts_told){
            .centre_id = atoll(PQgetvalue(result, i, 0)),
            .told = atoi(PQgetvalue(result, i, 1)),
        };
    cb(answer->arg, outcome, centres, count);
    free(centres);
}

bool store_alerts_escalate(struct store *store, int limit, store_alerts_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_centres};
    char limit_text[24];
    struct db_param params[] = {PARAM(param_int(limit_text, limit))};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_escalate, params, MEM_COUNT(params),
                       &answer);
}

bool store_alerts_digest(struct store *store, store_alerts_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_centres};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_digest, NULL, 0, &answer);
}
