/*
 * run_cases.c - reads every message of the corpus and of the cases, and compares with what is
 * expected.
 *
 * A line of the files is {"id", "text", "expect", "why"}; "hex" instead of "text" where the bytes
 * are not UTF-8; "spo2_required": true where the configuration asks for it. "expect" is the whole
 * object, exactly, but: a "note" of "*" is any note, and "lowest_spo2" and "highest_temperature_c"
 * may be left out; where one of them stands, it is compared ("none" says that it must be absent).
 */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reply/reply.h"

static const char *const extremes[] = {"lowest_spo2", "highest_temperature_c"};

static bool same(const json_t *expected, const json_t *got);

static bool same_number(const json_t *expected, const json_t *got)
{
    return fabs(json_number_value(expected) - json_number_value(got)) < 0.0001;
}

static bool is_extreme(const char *key)
{
    return strcmp(key, extremes[0]) == 0 || strcmp(key, extremes[1]) == 0;
}

static bool same_key(const char *key, const json_t *expected, const json_t *got)
{
    if (strcmp(key, "note") == 0 && json_is_string(expected) &&
        strcmp(json_string_value(expected), "*") == 0)
        return json_is_string(got);
    if (is_extreme(key) && json_is_string(expected))
        return got == NULL;
    return got != NULL && same(expected, got);
}

static bool same_object(const json_t *expected, const json_t *got)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)expected, key, value)
    {
        if (!same_key(key, value, json_object_get(got, key)))
            return false;
    }
    json_object_foreach((json_t *)got, key, value)
    {
        if (json_object_get(expected, key) == NULL && !is_extreme(key))
            return false;
    }
    return true;
}

static bool same_array(const json_t *expected, const json_t *got)
{
    if (json_array_size(expected) != json_array_size(got))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        if (!same(json_array_get(expected, i), json_array_get(got, i)))
            return false;
    }
    return true;
}

static bool same(const json_t *expected, const json_t *got)
{
    if (json_is_number(expected) && json_is_number(got))
        return same_number(expected, got);
    if (json_is_object(expected) && json_is_object(got))
        return same_object(expected, got);
    if (json_is_array(expected) && json_is_array(got))
        return same_array(expected, got);
    return json_equal((json_t *)expected, (json_t *)got);
}

/* The message: its bytes are freed by the caller. */
static char *message_of(const json_t *item, size_t *len)
{
    const json_t *text = json_object_get(item, "text");
    const char *hex = json_string_value(json_object_get(item, "hex"));
    char *bytes;

    if (hex == NULL) {
        *len = json_string_length(text);
        bytes = malloc(*len + 1);
        if (bytes != NULL)
            memcpy(bytes, json_string_value(text), *len);
        return bytes;
    }
    *len = strlen(hex) / 2;
    bytes = malloc(*len + 1);
    for (size_t i = 0; bytes != NULL && i < *len; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (char)strtol(pair, NULL, 16);
    }
    return bytes;
}

static bool run_case(const json_t *item)
{
    static struct reply reply;
    static char json[REPLY_JSON_MAX];
    struct reply_rules rules = {.spo2_required = json_is_true(json_object_get(item, "spo2_"
                                                                                    "required"))};
    const json_t *expected = json_object_get(item, "expect");
    json_t *got;
    size_t len = 0;
    char *bytes = message_of(item, &len);
    bool right;

    if (bytes == NULL || expected == NULL) {
        free(bytes);
        return false;
    }
    reply_parse(bytes, len, &rules, &reply);
    reply_format_json(&reply, json, sizeof(json));
    got = json_loads(json, 0, NULL);
    right = got != NULL && same(expected, got);
    if (!right) {
        char *wanted = json_dumps(expected, JSON_COMPACT);

        printf("%s: %s\n  expected %s\n  got      %s\n",
               json_string_value(json_object_get(item, "id")),
               json_string_value(json_object_get(item, "why")), wanted, json);
        free(wanted);
    }
    json_decref(got);
    free(bytes);
    return right;
}

static bool run_file(const char *folder, const char *name, int least)
{
    char path[4096];
    char *line = NULL;
    size_t size = 0;
    int cases = 0;
    int wrong = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/reply/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL) {
        printf("%s: cannot be read\n", path);
        return false;
    }
    while (getline(&line, &size, file) > 0) {
        json_t *item = json_loads(line, JSON_ALLOW_NUL, NULL);

        cases++;
        if (item == NULL || !run_case(item))
            wrong++;
        json_decref(item);
    }
    free(line);
    fclose(file);
    printf("%s: %d cases, %d wrong\n", name, cases, wrong);
    return wrong == 0 && cases >= least;
}

int main(void)
{
    const char *folder = getenv("HERSYS_TESTS");
    bool corpus = run_file(folder != NULL ? folder : "tests", "corpus.jsonl", 216);
    bool cases = run_file(folder != NULL ? folder : "tests", "cases.jsonl", 1200);

    return corpus && cases ? 0 : 1;
}
