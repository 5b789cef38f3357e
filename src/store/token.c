/* token.c - the statements about tokens. */
#include "store/token.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/answer.h"
#include "store/array.h"

static const struct db_statement sql_create = {
    "token_create",
    "SELECT to_char(t, 'YYYY-MM-DD HH24:MI TZHTZM') FROM hersys.token_create($1::text, $2::bytea, "
    "$3::bigint, $4::text, $5::text[], $6::integer, $7::text) AS t",
};
static const struct db_statement sql_list = {
    "token_list",
    "SELECT kid, centre_id, actor, array_to_string(scopes, ','),"
    " CASE WHEN revoked_at IS NOT NULL THEN 'revoked'"
    " WHEN expires_at <= hersys.clock_now() THEN 'expired' ELSE 'alive' END,"
    " to_char(expires_at, 'YYYY-MM-DD HH24:MI TZHTZM'), coalesce(last_used_on::text, 'never')"
    " FROM hersys.token_list()",
};
static const struct db_statement sql_revoke = {
    "token_revoke",
    "SELECT hersys.token_revoke($1::text, $2::text)::integer",
};

static void read_token(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_token_cb *cb = (store_token_cb *)answer->cb;
    struct store_reply refusal = store_refusal(outcome == DB_ERROR ? result : NULL);
    bool made = outcome == DB_OK && PQntuples(result) == 1;

    cb(answer->arg, outcome, refusal.message, made ? PQgetvalue(result, 0, 0) : "");
}

bool store_token_create(struct store *store, const struct store_new_token *token, const char *by,
                        store_token_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_token};
    char centre_text[24], days_text[24];
    struct array scopes;
    bool asked;

    array_begin(&scopes);
    for (const char *const *scope = token->scopes; *scope != NULL; scope++)
        array_add_text(&scopes, *scope);
    array_end(&scopes);

    struct db_param params[] = {
        PARAM(token->kid),
        {.value = (const char *)token->secret_hash, .len = STORE_HASH_BYTES, .binary = true},
        PARAM(param_int(centre_text, token->centre_id)),
        PARAM(token->actor),
        PARAM(scopes.text),
        PARAM(param_int(days_text, token->days)),
        PARAM(by),
    };

    asked = answer_rows(store_lane(store, STORE_CHORES), &sql_create, params, MEM_COUNT(params),
                        &answer);
    free(scopes.text);
    return asked;
}

static void read_tokens(const struct answer *answer, enum db_outcome outcome,
                        const PGresult *result)
{
    store_tokens_cb *cb = (store_tokens_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_token_row *rows = mem_new((size_t)count, sizeof(*rows));

    for (int i = 0; i < count; i++)
        rows[i] = (struct store_token_row){
            .kid = PQgetvalue(result, i, 0),
            .centre_id = PQgetvalue(result, i, 1),
            .actor = PQgetvalue(result, i, 2),
            .scopes = PQgetvalue(result, i, 3),
            .state = PQgetvalue(result, i, 4),
            .expires_at = PQgetvalue(result, i, 5),
            .last_used_on = PQgetvalue(result, i, 6),
        };
    cb(answer->arg, outcome, rows, count);
    free(rows);
}

bool store_token_list(struct store *store, store_tokens_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_tokens};

    return answer_rows(store_lane(store, STORE_CHORES), &sql_list, NULL, 0, &answer);
}

bool store_token_revoke(struct store *store, const char *kid, const char *by, store_count_cb *cb,
                        void *arg)
{
    struct db_param params[] = {PARAM(kid), PARAM(by)};

    return answer_count(store_lane(store, STORE_CHORES), &sql_revoke, params, MEM_COUNT(params), cb,
                        arg);
}
