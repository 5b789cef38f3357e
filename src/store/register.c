/* register.c - asks the schema for registration links. */
#include "store/register.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/answer.h"
#include "store/array.h"
#include "store/caller.h"

static const struct db_statement sql_batch = {
    "link_batch",
    "SELECT batch_id, coalesce(held_for, '') FROM hersys.link_batch($1::bigint[], $2::text, "
    "$3::integer, $4::bytea[], $5::text, $6::text[], $7::text[])",
};
static const struct db_statement sql_links = {
    "batch_links",
    "SELECT patient_id, link_id, message_id, reason FROM hersys.batch_links($1::bigint)",
};
static const struct db_statement sql_release = {
    "batch_release",
    "SELECT hersys.batch_release($1::bigint, $2::text)",
};
static const struct db_statement sql_list = {
    "batch_list",
    "SELECT batch_id, centre_id, channel, requested_by,"
    " to_char(created_at, 'YYYY-MM-DD HH24:MI TZHTZM'), links, held_for FROM hersys.batch_list()",
};

/* The words of a refusal, "" where it was none. */
static const char *refusal_of(enum db_outcome outcome, const PGresult *result)
{
    return store_refusal(outcome == DB_ERROR ? result : NULL).message;
}

static void read_batch(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_batch_cb *cb = (store_batch_cb *)answer->cb;

    if (outcome == DB_OK && PQntuples(result) == 1)
        cb(answer->arg, outcome, "", atoll(PQgetvalue(result, 0, 0)), PQgetvalue(result, 0, 1));
    else
        cb(answer->arg, outcome, refusal_of(outcome, result), 0, "");
}

bool store_link_batch(struct store *store, const struct store_link_patient *patients, size_t count,
                      const char *channel, int key_id, const uint8_t *salts, const char *actor,
                      store_batch_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_batch};
    struct links_array links;
    char key_text[24];
    bool asked;

    links_array_write(&links, patients, count, salts);

    struct db_param params[] = {
        PARAM(links.ids.text),       PARAM(channel), PARAM(param_int(key_text, key_id)),
        PARAM(links.salts.text),     PARAM(actor),   PARAM(links.phones.text),
        PARAM(links.input_ids.text),
    };

    asked = answer_rows(store_lane(store, STORE_CHORES), &sql_batch, params, MEM_COUNT(params),
                        &answer);
    links_array_free(&links);
    return asked;
}

static void read_links(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_batch_links_cb *cb = (store_batch_links_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_batch_link *links = mem_new((size_t)count, sizeof(*links));

    for (int i = 0; i < count; i++)
        links[i] = (struct store_batch_link){
            .patient_id = atoll(PQgetvalue(result, i, 0)),
            .link_id = atoll(PQgetvalue(result, i, 1)),
            .message_id = atoll(PQgetvalue(result, i, 2)),
            .reason = PQgetvalue(result, i, 3),
        };
    cb(answer->arg, outcome, links, count);
    free(links);
}

bool store_batch_links(struct store *store, int64_t id, store_batch_links_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_links};
    char id_text[24];
    struct db_param params[] = {PARAM(param_int(id_text, id))};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_links, params, MEM_COUNT(params),
                       &answer);
}

static void read_release(const struct answer *answer, enum db_outcome outcome,
                         const PGresult *result)
{
    store_release_cb *cb = (store_release_cb *)answer->cb;
    bool done = outcome == DB_OK && PQntuples(result) == 1;

    cb(answer->arg, outcome, refusal_of(outcome, result),
       done ? atoi(PQgetvalue(result, 0, 0)) : 0);
}

bool store_batch_release(struct store *store, int64_t id, const char *actor, store_release_cb *cb,
                         void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_release};
    char id_text[24];
    struct db_param params[] = {PARAM(param_int(id_text, id)), PARAM(actor)};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_release, params, MEM_COUNT(params),
                       &answer);
}

static void read_batches(const struct answer *answer, enum db_outcome outcome,
                         const PGresult *result)
{
    store_batches_cb *cb = (store_batches_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_batch_row *rows = mem_new((size_t)count, sizeof(*rows));

    for (int i = 0; i < count; i++)
        rows[i] = (struct store_batch_row){
            .id = atoll(PQgetvalue(result, i, 0)),
            .centre_id = PQgetvalue(result, i, 1),
            .channel = PQgetvalue(result, i, 2),
            .requested_by = PQgetvalue(result, i, 3),
            .created_at = PQgetvalue(result, i, 4),
            .links = atoll(PQgetvalue(result, i, 5)),
            .held_for = PQgetvalue(result, i, 6),
        };
    cb(answer->arg, outcome, rows, count);
    free(rows);
}

bool store_batch_list(struct store *store, store_batches_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_batches};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_list, NULL, 0, &answer);
}
