/* fill.c - puts values into the patterns of a request, each with the escape of its surroundings. */
#include "base/fill.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define AT(member) offsetof(struct fill_values, member)

static const struct {
    const char *name;
    size_t offset;
    bool secret; /* checked where it was read: stands in a header as it is */
} values_known[] = {
    {"recipient", AT(recipient), false}, {"text", AT(text), false},
    {"reference", AT(reference), false}, {"sender", AT(sender), false},
    {"callback", AT(callback), false},   {"user", AT(user), true},
    {"secret", AT(secret), true},
};

static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* ---- patterns */

/* The value whose name stands at `at`, and its "}}" behind it; MEM_COUNT where there is none. */
static size_t find_value(const char *at, size_t *len)
{
    size_t i = 0;

    for (; i < MEM_COUNT(values_known); i++) {
        size_t name = strlen(values_known[i].name);

        *len = name + 2;
        if (strncmp(at, values_known[i].name, name) == 0 && strncmp(at + name, "}}", 2) == 0)
            break;
    }
    return i;
}

static const char *names_fault(const char *pattern)
{
    const char *at = pattern;
    size_t len;

    while ((at = strstr(at, "{{")) != NULL) {
        at += 2;
        if (find_value(at, &len) == MEM_COUNT(values_known))
            return "only {{recipient}}, {{text}}, {{reference}}, {{sender}}, {{callback}}, "
                   "{{user}} and {{secret}} can be filled in";
    }
    return NULL;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static bool has_value(const char *text)
{
    return strstr(text, "{{") != NULL;
}

static const char *json_fault(const json_t *node)
{
    const char *why = NULL, *key;
    size_t index;
    json_t *child;

    if (json_is_string(node))
        return names_fault(json_string_value(node));
    json_object_foreach((json_t *)node, key, child)
    {
        if (has_value(key))
            return "a value cannot be filled into a name";
        if ((why = json_fault(child)) != NULL)
            return why;
    }
    json_array_foreach(node, index, child)
    {
        if ((why = json_fault(child)) != NULL)
            return why;
    }
    return NULL;
}

static const char *json_pattern_fault(const char *pattern)
{
    json_t *json = json_loads(pattern, JSON_REJECT_DUPLICATES, NULL);
    const char *why = json != NULL ? json_fault(json)
                                   : "is no JSON object; values stand within quotes: "
                                     "{\"to\": \"{{recipient}}\"}";

    json_decref(json);
    return why;
}

const char *fill_fault(const char *pattern, enum fill_kind kind)
{
    const char *query = strchr(pattern, '?'), *first = strstr(pattern, "{{");

    switch (kind) {
    case FILL_JSON:
        return json_pattern_fault(pattern);
    case FILL_URL:
        if (first != NULL && (query == NULL || first < query))
            return "a value can be filled in behind the question mark only";
        if (strchr(pattern, '#') != NULL)
            return "has a fragment, which is never sent";
        break;
    case FILL_FORM:
    case FILL_HEADER:
        break;
    }
    if (!is_printable(pattern) || (kind != FILL_HEADER && strchr(pattern, ' ') != NULL))
        return "holds a character that has to be written as %XX there";
    return names_fault(pattern);
}

bool fill_uses(const char *pattern, const char *name)
{
    size_t len;

    for (const char *at = pattern; (at = strstr(at, "{{")) != NULL;) {
        at += 2;
        size_t found = find_value(at, &len);
        if (found < MEM_COUNT(values_known) && strcmp(values_known[found].name, name) == 0)
            return true;
    }
    return false;
}

/* ---- filling */

struct output {
    char *text;
    size_t len, size;
};

static void put(struct output *output, const char *bytes, size_t len)
{
    if (output->len + len + 1 > output->size) {
        output->size = (output->len + len + 1) * 2;
        output->text = mem_grow(output->text, output->size, 1);
    }
    memcpy(output->text + output->len, bytes, len);
    output->len += len;
    output->text[output->len] = '\0';
}

/* Bytes that are none of `plain` and no letters or digits become %XX. */
static void put_encoded(struct output *output, const char *text, const char *plain)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char encoded[] = {'%', hex[c >> 4], hex[c & 15]};

        if (strchr(alphanumeric, c) != NULL || strchr(plain, c) != NULL)
            put(output, text, 1);
        else
            put(output, encoded, sizeof(encoded));
    }
}

static void put_value(struct output *output, size_t which, enum fill_kind kind,
                      const struct fill_values *values)
{
    const char *value = *(const char *const *)((const char *)values + values_known[which].offset);

    switch (kind) {
    case FILL_URL:
    case FILL_FORM:
        put_encoded(output, value, "-._");
        return;
    case FILL_JSON: /* the string is escaped as a whole */
        put(output, value, strlen(value));
        return;
    case FILL_HEADER:
        if (values_known[which].secret)
            put(output, value, strlen(value));
        else
            put_encoded(output, value, "-._~+:/@?&=");
        return;
    }
}

static char *fill_text(const char *pattern, enum fill_kind kind, const struct fill_values *values)
{
    struct output output = {0};
    const char *at;

    put(&output, "", 0);
    while ((at = strstr(pattern, "{{")) != NULL) {
        size_t len = 0, which = find_value(at + 2, &len);

        put(&output, pattern, (size_t)(at - pattern));
        pattern = at + 2;
        if (which == MEM_COUNT(values_known)) { /* no pattern without fault has it */
            put(&output, "{{", 2);
            continue;
        }
        put_value(&output, which, kind, values);
        pattern += len;
    }
    put(&output, pattern, strlen(pattern));
    return output.text;
}

/* A copy of the node with its strings filled; NULL where a value is no UTF-8. */
static json_t *fill_node(const json_t *node, const struct fill_values *values)
{
    json_t *copy, *child, *filled;
    const char *key;
    size_t index;

    if (json_is_string(node)) {
        char *text = fill_text(json_string_value(node), FILL_JSON, values);

        copy = json_string(text);
        free(text);
        return copy;
    }
    if (!json_is_object(node) && !json_is_array(node))
        return json_deep_copy(node);
    copy = json_is_object(node) ? json_object() : json_array();
    json_object_foreach((json_t *)node, key, child)
    {
        filled = fill_node(child, values);
        if (filled == NULL || json_object_set_new(copy, key, filled) != 0)
            goto failed;
    }
    json_array_foreach(node, index, child)
    {
        filled = fill_node(child, values);
        if (filled == NULL || json_array_append_new(copy, filled) != 0)
            goto failed;
    }
    return copy;

failed:
    json_decref(copy);
    return NULL;
}

static char *fill_json(const char *pattern, const struct fill_values *values)
{
    json_t *json = json_loads(pattern, JSON_REJECT_DUPLICATES, NULL);
    json_t *filled = json != NULL ? fill_node(json, values) : NULL;
    char *text = filled != NULL ? json_dumps(filled, JSON_COMPACT) : NULL;

    json_decref(json);
    json_decref(filled);
    return text;
}

char *fill(const char *pattern, enum fill_kind kind, const struct fill_values *values)
{
    if (!text_is_utf8(values->text, strlen(values->text)))
        return NULL;
    return kind == FILL_JSON ? fill_json(pattern, values) : fill_text(pattern, kind, values);
}
