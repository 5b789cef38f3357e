/* chores.c - the statements that a clock triggers. */
#include "store/chores.h"

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_beat = {
    "instance_beat",
    "SELECT coalesce(hersys.instance_beat($1::uuid, $2::text, $3::int, $4::text)::text, '')",
};
static const struct db_statement sql_housekeeping = {"housekeeping", "SELECT "
                                                                     "hersys.housekeeping($1::"
                                                                     "int)"};
static const struct db_statement sql_remind = {"remind_due", "SELECT hersys.remind_due($1::int)"};
static const struct db_statement sql_nudge = {"nudge_due", "SELECT hersys.nudge_due($1::int)"};
static const struct db_statement sql_calls = {"calls_due", "SELECT hersys.calls_due($1::int)"};
static const struct db_statement sql_end = {"monitoring_end", "SELECT "
                                                              "hersys.monitoring_end($1::int)"};

bool store_instance_beat(struct store *store, const char *instance, const char *host, int pid,
                         const char *version, store_word_cb *cb, void *arg)
{
    char pid_text[24];
    struct db_param params[] = {PARAM(instance), PARAM(host), PARAM(param_int(pid_text, pid)),
                                PARAM(version)};

    return answer_word(store_lane(store, STORE_CHORES), &sql_beat, params, MEM_COUNT(params), cb,
                       arg);
}

static bool chore(struct store *store, const struct db_statement *statement, int limit,
                  store_count_cb *cb, void *arg)
{
    char limit_text[24];
    struct db_param params[] = {PARAM(param_int(limit_text, limit))};

    return answer_count(store_lane(store, STORE_CHORES), statement, params, MEM_COUNT(params), cb,
                        arg);
}

bool store_remind_due(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    return chore(store, &sql_remind, limit, cb, arg);
}

bool store_nudge_due(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    return chore(store, &sql_nudge, limit, cb, arg);
}

bool store_calls_due(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    return chore(store, &sql_calls, limit, cb, arg);
}

bool store_monitoring_end(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    return chore(store, &sql_end, limit, cb, arg);
}

bool store_housekeeping(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    return chore(store, &sql_housekeeping, limit, cb, arg);
}
