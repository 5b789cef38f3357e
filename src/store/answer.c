/* answer.c - carries a caller's callback through the database and back. It reads no column but a
 * lone count. */
#include "store/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* What failed is logged here, once for every statement: its name and SQLSTATE, never the server's
 * words, which could quote a value. */
static void answer_log(const char *statement, enum db_outcome outcome, const PGresult *result)
{
    /* Class HS is the schema's own refusal, an answer like any other. */
    if (outcome == DB_ERROR && strncmp(db_sqlstate(result), "HS", 2) != 0)
        log_error("statement_failed", LOG_STR("statement", statement),
                  LOG_STR("sqlstate", db_sqlstate(result)));
}

struct waiting {
    struct answer answer;
    const char *statement;
};

static void on_result(void *arg, enum db_outcome outcome, const PGresult *result)
{
    struct waiting *waiting = arg;

    answer_log(waiting->statement, outcome, result);
    waiting->answer.read(&waiting->answer, outcome, result);
    free(waiting);
}

bool answer_rows(struct db *db, const struct db_statement *statement, const struct db_param *params,
                 int count, const struct answer *answer)
{
    struct waiting *waiting = mem_new(1, sizeof(*waiting));

    waiting->answer = *answer;
    waiting->statement = statement->name;
    if (db_query(db, statement, params, count, on_result, waiting))
        return true;
    free(waiting);
    return false;
}

/* One row with one number: the number (-1 for null). Otherwise: how many rows. */
static void read_count(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_count_cb *cb = (store_count_cb *)answer->cb;
    int count = 0;

    if (outcome == DB_OK) {
        if (PQntuples(result) == 1 && PQnfields(result) == 1)
            count = PQgetisnull(result, 0, 0) ? -1 : atoi(PQgetvalue(result, 0, 0));
    }
    cb(answer->arg, outcome, count);
}

bool answer_count(struct db *db, const struct db_statement *statement,
                  const struct db_param *params, int count, store_count_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_count};

    return answer_rows(db, statement, params, count, &answer);
}

static void read_word(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_word_cb *cb = (store_word_cb *)answer->cb;

    cb(answer->arg, outcome,
       outcome == DB_OK && PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "");
}

bool answer_word(struct db *db, const struct db_statement *statement, const struct db_param *params,
                 int count, store_word_cb *cb, void *arg)
{
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_word};

    return answer_rows(db, statement, params, count, &answer);
}

const char *param_int(char buffer[24], int64_t value)
{
    snprintf(buffer, 24, "%" PRId64, value);
    return buffer;
}

/* Two digits of the salt's hexadecimal form. */
static uint8_t hex_byte(const char *digits)
{
    char text[3] = {digits[0], digits[1], '\0'};

    return (uint8_t)strtoul(text, NULL, 16);
}

bool store_read_mint(struct store_mint *mint, const PGresult *result, int row, int column)
{
    if (PQgetlength(result, row, column + 2) != 2 * STORE_SALT_BYTES)
        return false;
    mint->key_id = atoi(PQgetvalue(result, row, column));
    mint->generation = atoi(PQgetvalue(result, row, column + 1));
    for (int i = 0; i < STORE_SALT_BYTES; i++)
        mint->salt[i] = hex_byte(PQgetvalue(result, row, column + 2) + (size_t)i * 2);
    return true;
}
