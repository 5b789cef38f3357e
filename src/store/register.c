/* register.c - asks the schema for a registration link. */
#include "store/register.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_link_send = {
    "link_send",
    "SELECT link_id, message_id FROM hersys.link_send($1::bigint, $2::int, $3::bytea, $4::text)",
};

/* The words of the schema's own refusals (SQLSTATE class HS) are for people and hold ids only; no
 * other message of the server is passed on. */
static const char *refusal(const PGresult *result)
{
    if (result == NULL || strncmp(db_sqlstate(result), "HS", 2) != 0)
        return "";
    return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
}

static void read_link(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_link_cb *cb = (store_link_cb *)answer->cb;

    if (outcome == DB_OK && PQntuples(result) == 1)
        cb(answer->arg, outcome, "", atoll(PQgetvalue(result, 0, 0)),
           atoll(PQgetvalue(result, 0, 1)));
    else
        cb(answer->arg, outcome, outcome == DB_ERROR ? refusal(result) : "", 0, 0);
}

bool store_link_send(struct store *store, int64_t patient_id, int key_id,
                     const uint8_t salt[STORE_SALT_BYTES], const char *actor, store_link_cb *cb,
                     void *arg)
{
    char id_text[24], key_text[24];
    struct db_param params[] = {
        PARAM(param_int(id_text, patient_id)),
        PARAM(param_int(key_text, key_id)),
        {.value = (const char *)salt, .len = STORE_SALT_BYTES, .binary = true},
        PARAM(actor),
    };
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_link};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_link_send, params, MEM_COUNT(params),
                       &answer);
}
