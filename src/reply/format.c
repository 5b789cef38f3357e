/*
 * format.c - writes what was read as the JSON object of doc/reply-grammar.md, section 4.
 *
 * Numbers are written from whole numbers, so that 36.9 is 36.9; jansson would go through a double.
 */
#include "reply/reply.h"

#include <stdio.h>
#include <string.h>

struct json {
    char *bytes;
    size_t len, size;
    bool first; /* the next key is the first of its object */
};

static void put(struct json *json, const char *bytes, size_t len)
{
    if (json->size == 0)
        return;
    if (len > json->size - 1 - json->len)
        len = json->size - 1 - json->len;
    memcpy(json->bytes + json->len, bytes, len);
    json->len += len;
}

static void put_text(struct json *json, const char *text)
{
    put(json, text, strlen(text));
}

static void put_int(struct json *json, int value)
{
    char digits[16];

    put(json, digits, (size_t)snprintf(digits, sizeof(digits), "%d", value));
}

static void put_string(struct json *json, const char *text)
{
    put(json, "\"", 1);
    for (; *text != '\0'; text++) {
        char escaped[8];

        if (*text == '"' || *text == '\\') {
            put(json, "\\", 1);
            put(json, text, 1);
        } else if ((unsigned char)*text < 0x20) {
            put(json, escaped,
                (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*text));
        } else {
            put(json, text, 1);
        }
    }
    put(json, "\"", 1);
}

static void put_key(struct json *json, const char *key)
{
    if (!json->first)
        put(json, ",", 1);
    json->first = false;
    put_string(json, key);
    put(json, ":", 1);
}

static void put_true(struct json *json, const char *key, bool value)
{
    if (!value)
        return;
    put_key(json, key);
    put_text(json, "true");
}

static void put_string_key(struct json *json, const char *key, const char *value)
{
    if (value[0] == '\0')
        return;
    put_key(json, key);
    put_string(json, value);
}

/* 3690 is 36.9, 3645 is 36.45, 3700 is 37.0. */
static void put_centi(struct json *json, int centi)
{
    char digits[16];
    int len = centi % 10 == 0
                  ? snprintf(digits, sizeof(digits), "%d.%d", centi / 100, centi % 100 / 10)
                  : snprintf(digits, sizeof(digits), "%d.%02d", centi / 100, centi % 100);

    put(json, digits, (size_t)len);
}

static void open_object(struct json *json)
{
    put(json, "{", 1);
    json->first = true;
}

static void close_object(struct json *json)
{
    put(json, "}", 1);
    json->first = false;
}

static void put_values(struct json *json, const struct reply_values *values)
{
    if (values->has[REPLY_TEMPERATURE]) {
        put_key(json, "temperature_c");
        put_centi(json, values->temperature_centi);
    }
    if (values->has[REPLY_SPO2]) {
        put_key(json, "spo2");
        put_int(json, values->spo2);
    }
    if (values->has[REPLY_SYMPTOMS]) {
        put_key(json, "symptoms");
        put_text(json, values->symptoms ? "true" : "false");
    }
}

static void put_report(struct json *json, const struct reply_values *values)
{
    open_object(json);
    put_string_key(json, "member", values->member);
    put_key(json, "temperature_c");
    put_centi(json, values->temperature_centi);
    put_key(json, "spo2");
    if (values->has[REPLY_SPO2])
        put_int(json, values->spo2);
    else
        put_text(json, "null");
    put_key(json, "symptoms");
    put_text(json, values->symptoms ? "true" : "false");
    put_string_key(json, "note", values->note);
    close_object(json);
}

static void put_reports(struct json *json, const struct reply *reply)
{
    put_key(json, "reports");
    put(json, "[", 1);
    for (int i = 0; i < reply->count; i++) {
        if (i > 0)
            put(json, ",", 1);
        put_report(json, &reply->reports[i]);
    }
    put(json, "]", 1);
}

static const char *const field_words[] = {"temperature_c", "spo2", "symptoms"};

static void put_incomplete(struct json *json, const struct reply *reply)
{
    bool first = true;

    put_key(json, "missing");
    put(json, "[", 1);
    for (int field = 0; field < REPLY_FIELDS; field++) {
        if (!reply->missing[field])
            continue;
        if (!first)
            put(json, ",", 1);
        first = false;
        put_string(json, field_words[field]);
    }
    put(json, "]", 1);
    put_key(json, "partial");
    open_object(json);
    put_values(json, &reply->reports[0]);
    close_object(json);
}

static void put_command(struct json *json, const struct reply *reply)
{
    put_string_key(json, "command", reply_command_word(reply->command));
    if (reply->language != NULL)
        put_string_key(json, "language", reply->language);
    put_string_key(json, "code", reply->code);
}

static void put_outcome(struct json *json, const struct reply *reply)
{
    put_string_key(json, "member", reply->member);
    switch (reply->outcome) {
    case REPLY_REPORT:
        put_reports(json, reply);
        break;
    case REPLY_INCOMPLETE:
        put_incomplete(json, reply);
        break;
    case REPLY_OUT_OF_RANGE:
        put_string_key(json, "field", field_words[reply->field]);
        put_string_key(json, "value", reply->value);
        break;
    case REPLY_COMMAND:
        put_command(json, reply);
        break;
    case REPLY_AMBIGUOUS:
    case REPLY_CONFLICT:
    case REPLY_UNRECOGNISED:
    case REPLY_EMPTY:
        break;
    }
}

size_t reply_format_json(const struct reply *reply, char *text, size_t size)
{
    struct json json = {.bytes = text, .size = size};

    open_object(&json);
    put_string_key(&json, "outcome", reply_outcome_word(reply->outcome));
    put_outcome(&json, reply);
    put_true(&json, "replaces", reply->replaces);
    put_true(&json, "needs_review", reply->needs_review && reply->outcome == REPLY_REPORT);
    put_true(&json, "red_flag", reply->red_flag);
    if (reply->outcome != REPLY_REPORT && reply->outcome != REPLY_COMMAND) {
        if (reply->lowest_spo2 > 0) {
            put_key(&json, "lowest_spo2");
            put_int(&json, reply->lowest_spo2);
        }
        if (reply->highest_temperature_centi > 0) {
            put_key(&json, "highest_temperature_c");
            put_centi(&json, reply->highest_temperature_centi);
        }
    }
    close_object(&json);
    if (size > 0)
        text[json.len] = '\0';
    return json.len;
}
