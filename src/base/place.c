/* place.c - finds values in requests and answers. It judges none. */
#include "base/place.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/form.h"
#include "base/mem.h"
#include "base/text.h"

enum { PLACE_PAIRS_MAX = 128, PLACE_NAME_MAX = 200 };

static const struct {
    const char *prefix;
    enum place_kind kind;
} prefixes[] = {
    {"json:", PLACE_JSON},     {"form:", PLACE_FORM}, {"query:", PLACE_QUERY},
    {"header:", PLACE_HEADER}, {"body:", PLACE_BODY},
};

static bool split(const char *place, enum place_kind *kind, const char **name)
{
    if (strcmp(place, "body") == 0) {
        *kind = PLACE_BODY;
        *name = "*";
        return true;
    }
    for (size_t i = 0; i < MEM_COUNT(prefixes); i++) {
        size_t len = strlen(prefixes[i].prefix);

        if (strncmp(place, prefixes[i].prefix, len) != 0)
            continue;
        *kind = prefixes[i].kind;
        *name = place + len;
        return true;
    }
    return false;
}

/* Between two points, or at an end, there is a name. */
static bool is_path(const char *name)
{
    return *name != '.' && strstr(name, "..") == NULL && name[strlen(name) - 1] != '.';
}

/* RFC 9110, 5.6.2. */
static bool is_header_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "!#$%&'*+-.^_`|~";

    return name[strspn(name, letters)] == '\0';
}

const char *place_fault(const char *place, unsigned kinds)
{
    enum place_kind kind;
    const char *name;

    if (!split(place, &kind, &name))
        return "a place is wanted, such as \"json:message.id\", \"form:id\", \"query:id\", "
               "\"header:X-Id\" or \"body:ID=*\"";
    if ((kinds & kind) == 0)
        return "a value cannot stand at a place of this kind here";
    if (*name == '\0' || strlen(name) > PLACE_NAME_MAX)
        return "the name of the place is missing or too long";
    if (kind == PLACE_JSON && !is_path(name))
        return "names stand between the points of a JSON path";
    if (kind == PLACE_HEADER && !is_header_name(name))
        return "this is no name of a header";
    if (kind == PLACE_BODY && strcmp(place, "body") != 0 &&
        (*name == '*' || strchr(name, '*') == NULL || strchr(name, '*') != strrchr(name, '*')))
        return "one star has to stand for the value, behind some text";
    return NULL;
}

enum place_kind place_kind(const char *place)
{
    enum place_kind kind = PLACE_BODY;
    const char *name;

    (void)split(place, &kind, &name);
    return kind;
}

/* ---- reading */

struct place_reader {
    struct place_source source;
    json_t *json;
    struct form *form, *query;
    bool json_read, form_read, query_read;
    char **kept; /* texts that had to be made */
    size_t count;
};

struct place_reader *place_reader_new(const struct place_source *source)
{
    struct place_reader *reader = mem_new(1, sizeof(*reader));

    reader->source = *source;
    return reader;
}

void place_reader_free(struct place_reader *reader)
{
    if (reader == NULL)
        return;
    json_decref(reader->json);
    form_free(reader->form);
    form_free(reader->query);
    for (size_t i = 0; i < reader->count; i++)
        free(reader->kept[i]);
    free(reader->kept);
    free(reader);
}

static const char *keep(struct place_reader *reader, const char *bytes, size_t len, size_t *kept)
{
    reader->kept = mem_grow(reader->kept, reader->count + 1, sizeof(*reader->kept));
    reader->kept[reader->count] = mem_strndup(bytes, len);
    *kept = len;
    return reader->kept[reader->count++];
}

static const json_t *step(const json_t *node, const char *name, size_t len)
{
    char *key = mem_strndup(name, len);
    const json_t *next = NULL;

    if (json_is_object(node))
        next = json_object_get(node, key);
    else if (json_is_array(node) && len <= 6 && strspn(key, "0123456789") == len)
        next = json_array_get(node, (size_t)atoi(key));
    free(key);
    return next;
}

static const char *get_json(struct place_reader *reader, const char *path, size_t *len)
{
    const json_t *node;
    char digits[24];

    if (!reader->json_read) {
        reader->json_read = true;
        reader->json =
            json_loadb(reader->source.body, reader->source.len, JSON_REJECT_DUPLICATES, NULL);
    }
    node = reader->json;
    for (; node != NULL && *path != '\0'; path += *path == '.' ? 1 : 0) {
        size_t part = strcspn(path, ".");

        node = step(node, path, part);
        path += part;
    }
    if (json_is_string(node)) {
        *len = json_string_length(node);
        return json_string_value(node);
    }
    if (json_is_boolean(node))
        return keep(reader, json_is_true(node) ? "true" : "false", json_is_true(node) ? 4 : 5, len);
    if (!json_is_integer(node))
        return NULL;
    snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(node));
    return keep(reader, digits, strlen(digits), len);
}

static const char *get_pair(struct form **form, bool *was_read, const char *text, size_t text_len,
                            const char *name, size_t *len)
{
    if (!*was_read) {
        *was_read = true;
        *form = form_parse(text, text_len, PLACE_PAIRS_MAX);
    }
    return *form != NULL ? form_get(*form, name, len) : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *get_body(struct place_reader *reader, const char *pattern, size_t *len)
{
    const char *body = reader->source.body, *end = body + reader->source.len;
    const char *star = strchr(pattern, '*');
    const char *from = body, *until = end;

    if (star > pattern) {
        from = memmem(body, reader->source.len, pattern, (size_t)(star - pattern));
        if (from == NULL)
            return NULL;
        from += star - pattern;
        if (star[1] == '\0')
            for (until = from; until < end && !is_blank(*until);)
                until++;
        else if ((until = memmem(from, (size_t)(end - from), star + 1, strlen(star + 1))) == NULL)
            return NULL;
    }
    while (from < until && is_blank(*from))
        from++;
    while (until > from && is_blank(until[-1]))
        until--;
    return keep(reader, from, (size_t)(until - from), len);
}

const char *place_get(struct place_reader *reader, const char *place, size_t *len)
{
    const struct place_source *source = &reader->source;
    enum place_kind kind;
    const char *name, *value;

    if (!split(place, &kind, &name))
        return NULL;
    switch (kind) {
    case PLACE_JSON:
        return get_json(reader, name, len);
    case PLACE_FORM:
        return get_pair(&reader->form, &reader->form_read, source->body, source->len, name, len);
    case PLACE_QUERY:
        return get_pair(&reader->query, &reader->query_read, source->query, strlen(source->query),
                        name, len);
    case PLACE_HEADER:
        value = source->header != NULL ? source->header(source->arg, name) : NULL;
        *len = value != NULL ? strlen(value) : 0;
        return value;
    case PLACE_BODY:
        return get_body(reader, name, len);
    }
    return NULL;
}

const char *place_get_text(struct place_reader *reader, const char *place)
{
    size_t len = 0;
    const char *value = place_get(reader, place, &len);

    if (value == NULL || len == 0 || memchr(value, '\0', len) != NULL || !text_is_utf8(value, len))
        return NULL;
    return value;
}

bool place_copy_text(struct place_reader *reader, const char *place, char *text, size_t size)
{
    const char *value = place_get_text(reader, place);
    size_t len = value != NULL ? strlen(value) : 0;

    if (value == NULL || len >= size)
        return false;
    memcpy(text, value, len + 1);
    return true;
}
