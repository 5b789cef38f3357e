/* story.c - asks the schema for a patient's story. */
#include "store/story.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/answer.h"
#include "store/caller.h"

static const struct db_statement sql_story = {
    "patient_story",
    "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), what, id, detail"
    " FROM hersys.patient_story($1::bigint, $2::text)",
};

static void read_story(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_story_cb *cb = (store_story_cb *)answer->cb;
    const char *error = store_refusal(outcome == DB_ERROR ? result : NULL).message;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_event *events = mem_new((size_t)count, sizeof(*events));

    for (int i = 0; i < count; i++)
        events[i] = (struct store_event){
            .at = PQgetvalue(result, i, 0),
            .what = PQgetvalue(result, i, 1),
            .id = PQgetvalue(result, i, 2),
            .detail = PQgetvalue(result, i, 3),
        };
    cb(answer->arg, outcome, error, events, count);
    free(events);
}

bool store_patient_story(struct store *store, int64_t patient, const char *actor,
                         store_story_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_story};
    char id_text[24];
    struct db_param params[] = {PARAM(param_int(id_text, patient)), PARAM(actor)};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_story, params, MEM_COUNT(params),
                       &answer);
}
