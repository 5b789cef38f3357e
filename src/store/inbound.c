/* inbound.c - hands messages to the schema, in one call for all that arrived together. */
#include "store/inbound.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/answer.h"

static const struct db_statement sql_store = {
    "inbound_store",
    "SELECT inbound_id, stored, answer_kind, note FROM hersys.inbound_store($1::jsonb) ORDER BY "
    "ordinal",
};
static const struct db_statement sql_store_raw = {
    "inbound_store_raw",
    "SELECT hersys.inbound_store_raw($1::text, $2::text, $3::text, $4::text, $5::bytea), true, "
    "NULL, NULL",
};
static const struct db_statement sql_code_try = {
    "inbound_code_try",
    "SELECT id, recipient, digits, key_id, generation, salt"
    " FROM hersys.inbound_code_try($1::text, $2::text, $3::text)",
};

static void read_results(const struct answer *answer, enum db_outcome outcome,
                         const PGresult *result)
{
    store_inbound_cb *cb = (store_inbound_cb *)answer->cb;
    int count = outcome == DB_OK ? PQntuples(result) : 0;
    struct store_inbound_result *results = mem_new((size_t)count, sizeof(*results));

    for (int i = 0; i < count; i++)
        results[i] = (struct store_inbound_result){
            .id = atoll(PQgetvalue(result, i, 0)),
            .stored = PQgetvalue(result, i, 1)[0] == 't',
            .answer_kind = PQgetvalue(result, i, 2),
            .note = PQgetvalue(result, i, 3),
        };
    cb(answer->arg, outcome, db_sqlstate(result), results, count);
    free(results);
}

/* A JSON string (RFC 8259, section 7); the value is UTF-8. */
static void put_string(FILE *out, const char *key, const char *value)
{
    fprintf(out, "\"%s\":\"", key);
    for (; *value != '\0'; value++) {
        if ((unsigned char)*value < ' ')
            fprintf(out, "\\u%04x", *value);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
    fputs("\",", out);
}

static void put_hex(FILE *out, const char *key, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    fprintf(out, "\"%s\":\"", key);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        fputc(digits[byte >> 4], out);
        fputc(digits[byte & 15], out);
    }
    fputs("\",", out);
}

static void put_flag(FILE *out, const char *key, bool value)
{
    if (value)
        fprintf(out, "\"%s\":true,", key);
}

static void put_message(FILE *out, const struct store_inbound *message)
{
    fputc('{', out);
    put_string(out, "link", message->link);
    put_string(out, "provider_id", message->provider_id);
    put_string(out, "sender", message->sender);
    put_string(out, "recipient", message->recipient);
    put_hex(out, "raw", message->raw, message->raw_len);
    put_string(out, "name", message->name);
    put_string(out, "note", message->note);
    put_flag(out, "needs_review", message->needs_review);
    put_flag(out, "stop_word", message->stop_word);
    put_flag(out, "several", message->several);
    put_flag(out, "cancel", message->cancel);
    if (message->code != NULL) {
        put_string(out, "code", message->code);
        fprintf(out, "\"code_id\":%" PRId64 ",", message->code_id);
    }
    fprintf(out, "\"answerable\":%s,\"own_text\":%s,\"parsed\":%s}",
            message->answerable ? "true" : "false", message->own_text ? "true" : "false",
            message->parsed);
}

bool store_inbound(struct store *store, const struct store_inbound *messages, int count,
                   store_inbound_cb *cb, void *arg)
{
    char *json = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&json, &len);

    if (out == NULL)
        log_fatal("out of memory");
    fputc('[', out);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            fputc(',', out);
        put_message(out, &messages[i]);
    }
    fputc(']', out);
    if (fclose(out) != 0)
        log_fatal("out of memory");

    struct db_param params[] = {PARAM(json)};
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_results};
    bool asked = answer_rows(store_lane(store, STORE_RECEIVE), &sql_store, params,
                             MEM_COUNT(params), &answer);

    free(json);
    return asked;
}

bool store_inbound_raw(struct store *store, const struct store_inbound *message,
                       store_inbound_cb *cb, void *arg)
{
    struct db_param params[] = {
        PARAM(message->link),
        PARAM(message->provider_id),
        PARAM(message->sender),
        PARAM(message->recipient),
        {.value = message->raw, .len = message->raw_len, .binary = true},
    };
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_results};

    return answer_rows(store_lane(store, STORE_RECEIVE), &sql_store_raw, params, MEM_COUNT(params),
                       &answer);
}

static void read_code(const struct answer *answer, enum db_outcome outcome, const PGresult *result)
{
    store_inbound_code_cb *cb = (store_inbound_code_cb *)answer->cb;
    struct store_inbound_code code = {.id = 0};

    if (outcome != DB_OK || PQntuples(result) != 1 || !store_read_mint(&code.mint, result, 0, 3)) {
        cb(answer->arg, outcome, db_sqlstate(result), NULL);
        return;
    }
    code.id = atoll(PQgetvalue(result, 0, 0));
    code.recipient = PQgetvalue(result, 0, 1);
    code.digits = atoi(PQgetvalue(result, 0, 2));
    cb(answer->arg, outcome, "", &code);
}

bool store_inbound_code_try(struct store *store, const struct store_inbound *message,
                            store_inbound_code_cb *cb, void *arg)
{
    struct db_param params[] = {PARAM(message->link), PARAM(message->provider_id),
                                PARAM(message->sender)};
    struct answer answer = {.cb = (void (*)(void))cb, .arg = arg, .read = read_code};

    return answer_rows(store_lane(store, STORE_RECEIVE), &sql_code_try, params, MEM_COUNT(params),
                       &answer);
}
