/* body.c - reads a JSON body by a table of fields. What a single value must be stands in
 * body_forms.c. */
#include "api/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

enum { BODY_DEPTH_MAX = 4, BODY_FAULTS_MAX = 50 };

/* ---------------------------------------------------------------- is it JSON? */

/* The type, with no other parameter than the character set that JSON has anyway. */
static bool type_is(const struct http_exchange *exchange, const char *wanted)
{
    static const char charset[] = "charset=utf-8";
    const char *type = http_header(exchange, "Content-Type");
    size_t len = strlen(wanted);

    if (type == NULL || http_header_count(exchange, "Content-Type") != 1 ||
        strncasecmp(type, wanted, len) != 0)
        return false;
    type += len;
    type += strspn(type, " ");
    if (*type == '\0')
        return true;
    if (*type++ != ';')
        return false;
    type += strspn(type, " ");
    return strcasecmp(type, charset) == 0;
}

/* Brackets within brackets, those in strings left out. The parser itself would go on to thousands.
 */
static bool is_deep(const char *text, size_t len)
{
    bool quoted = false;
    int depth = 0;

    for (size_t at = 0; at < len; at++) {
        if (quoted && text[at] == '\\')
            at++;
        else if (text[at] == '"')
            quoted = !quoted;
        else if (!quoted && (text[at] == '{' || text[at] == '['))
            depth++;
        else if (!quoted && (text[at] == '}' || text[at] == ']'))
            depth--;
        if (depth > BODY_DEPTH_MAX)
            return true;
    }
    return false;
}

static json_t *refuse(struct http_exchange *exchange, const char *detail)
{
    problem_answer(exchange, PROBLEM_MALFORMED, detail, NULL);
    return NULL;
}

/* NULL after it has answered. */
static json_t *parse(struct http_exchange *exchange, const char *text, size_t len)
{
    json_error_t error;
    json_t *given;
    char detail[120];

    if (!text_is_utf8(text, len))
        return refuse(exchange, "The body is not UTF-8.");
    if (is_deep(text, len))
        return refuse(exchange, "The body is nested too deeply.");
    given = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (given != NULL)
        return given;
    if (json_error_code(&error) == json_error_duplicate_key)
        return refuse(exchange, "The body has a member twice.");
    /* Not the parser's own words, which quote the body. */
    snprintf(detail, sizeof(detail), "The body is no JSON: line %d, column %d.", error.line,
             error.column);
    return refuse(exchange, detail);
}

static bool media_type_is_right(struct http_exchange *exchange, enum body_type type)
{
    const char *wanted =
        type == BODY_MERGE_PATCH ? "application/merge-patch+json" : "application/json";
    char detail[80];

    if (type_is(exchange, wanted))
        return true;
    if (type == BODY_MERGE_PATCH)
        http_reply_header(exchange, "Accept-Patch", wanted);
    snprintf(detail, sizeof(detail), "The body has to be %s.", wanted);
    problem_answer(exchange, PROBLEM_MEDIA_TYPE, detail, NULL);
    return false;
}

bool body_open(struct body *body, const struct request *request, enum body_type type)
{
    struct http_exchange *exchange = request->exchange;
    size_t len;
    const char *text = http_body(exchange, &len);

    *body = (struct body){.exchange = exchange, .patch = type == BODY_MERGE_PATCH};
    if (type == BODY_EMPTY_OBJECT && len == 0)
        body->given = json_object();
    else if (media_type_is_right(exchange, type))
        body->given = parse(exchange, text, len);
    if (body->given == NULL)
        return false;
    body->values = json_object();
    body->faults = json_array();
    if (!json_is_object(body->given))
        body_add_fault(body, NULL, "The body has to be an object.");
    return true;
}

void body_free(struct body *body)
{
    json_decref(body->given);
    json_decref(body->values);
    json_decref(body->faults);
    *body = (struct body){.exchange = NULL};
}

/* ---------------------------------------------------------------- faults */

/* RFC 6901: '~' is "~0", '/' is "~1". Nothing where there is no name. */
static void write_step(FILE *stream, const char *name)
{
    if (name != NULL)
        fputc('/', stream);
    for (; name != NULL && *name != '\0'; name++) {
        if (*name == '~' || *name == '/')
            fprintf(stream, "~%c", *name == '~' ? '0' : '1');
        else
            fputc(*name, stream);
    }
}

/* A NULL name is the whole body; index -1, the member itself; a NULL inner, the whole item. */
static char *pointer_to(const char *name, int index, const char *inner)
{
    char *text;
    size_t len;
    FILE *stream = open_memstream(&text, &len);

    if (stream == NULL)
        log_fatal("out of memory");
    write_step(stream, name);
    if (index >= 0)
        fprintf(stream, "/%d", index);
    write_step(stream, inner);
    if (fclose(stream) != 0)
        log_fatal("out of memory");
    return text;
}

static void add_fault_at(struct body *body, const char *name, int index, const char *inner,
                         const char *detail)
{
    char *pointer = pointer_to(name, index, inner);

    if (json_array_size(body->faults) < BODY_FAULTS_MAX)
        json_array_append_new(body->faults,
                              json_pack("{s:s, s:s}", "pointer", pointer, "detail", detail));
    free(pointer);
}

void body_add_fault(struct body *body, const char *name, const char *detail)
{
    add_fault_at(body, name, -1, NULL, detail);
}

bool body_is_good(struct body *body)
{
    if (json_array_size(body->faults) == 0)
        return true;
    problem_answer_faults(body->exchange, body->faults);
    body->faults = NULL; /* taken */
    body_free(body);
    return false;
}

/* ---------------------------------------------------------------- fields */

static bool is_known(const char *name, const struct body_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

static void read_list(struct body *body, const struct body_field *field, json_t *given)
{
    struct body_list_fault fault;
    json_t *value = NULL;

    if (body_check_patients(field, given, &value, &fault))
        json_object_set_new(body->values, field->name, value);
    else
        add_fault_at(body, field->name, fault.index, fault.member, fault.detail);
}

static void read_field(struct body *body, const struct body_field *field)
{
    json_t *given = json_object_get(body->given, field->name), *value = NULL;
    const char *fault = NULL;

    if (given == NULL || json_is_null(given)) {
        if (body->patch && given != NULL && !field->lasting)
            value = json_null();
        else if (body->patch && given != NULL)
            fault = "It cannot be removed.";
        else if (!body->patch && field->required)
            fault = "It has to be there.";
    } else if (field->form == BODY_PATIENTS) {
        read_list(body, field, given);
    } else {
        fault = body_check_value(field, given, &value);
    }
    if (fault != NULL)
        body_add_fault(body, field->name, fault);
    else if (value != NULL)
        json_object_set_new(body->values, field->name, value);
}

void body_read_fields(struct body *body, const struct body_field *fields, size_t count)
{
    const char *name;
    json_t *value;

    if (!json_is_object(body->given))
        return;
    for (size_t i = 0; i < count; i++)
        read_field(body, &fields[i]);
    json_object_foreach(body->given, name, value)
    {
        if (!is_known(name, fields, count))
            body_add_fault(body, name, "There is no such member.");
    }
}

bool body_read(struct body *body, const struct request *request, enum body_type type,
               const struct body_field *fields, size_t count)
{
    if (!body_open(body, request, type))
        return false;
    body_read_fields(body, fields, count);
    return body_is_good(body);
}

const char *body_text(const struct body *body, const char *name)
{
    return json_string_value(json_object_get(body->values, name));
}
