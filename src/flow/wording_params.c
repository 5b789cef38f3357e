/*
 * wording_params.c - parameters of a message against the table of kinds: checks those that a caller
 * gives, and makes up those that the checks at loading and the proofreader need. It renders
 * nothing.
 */
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "flow/wording_kinds.h"

/* ------------------------------------------------------------------ what a caller gives */

static bool refuse(const char **why, const char *word)
{
    *why = word;
    return false;
}

static bool is_control(int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Jansson's strings are valid UTF-8. */
static bool check_string(const struct wording_field *field, const json_t *value, const char **why)
{
    const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)json_string_value(value);
    utf8proc_ssize_t left = (utf8proc_ssize_t)json_string_length(value);
    int units = 0;

    if (left == 0 && !field->optional)
        return refuse(why, "parameter empty");
    while (left > 0) {
        int32_t c;
        utf8proc_ssize_t bytes = utf8proc_iterate(text, left, &c);

        if (bytes <= 0 || is_control(c))
            return refuse(why, "parameter with a control character");
        units += c > 0xffff ? 2 : 1;
        text += bytes;
        left -= bytes;
    }
    return units <= field->max || refuse(why, "parameter too long");
}

static bool check_integer(const struct wording_field *field, json_int_t value, const char **why)
{
    int units = value < 0 ? 2 : 1;

    while (value /= 10)
        units++;
    return units <= field->max || refuse(why, "parameter too long");
}

static bool check_fields(const struct wording_field *fields, enum wording_medium medium,
                         json_t *params, const char **why);

static bool check_list(const struct wording_field *field, enum wording_medium medium,
                       const json_t *value, const char **why)
{
    size_t i;
    json_t *entry;

    if (json_array_size(value) == 0 && !field->optional)
        return refuse(why, "parameter empty");
    if (json_array_size(value) > (size_t)field->max)
        return refuse(why, "parameter with too many entries");
    json_array_foreach(value, i,
                       entry) if (!check_fields(field->fields, medium, entry, why)) return false;
    return true;
}

static bool check_value(const struct wording_field *field, enum wording_medium medium,
                        const json_t *value, const char **why)
{
    switch (field->type) {
    case WORDING_TEXT:
        if (json_is_string(value))
            return check_string(field, value, why);
        if (json_is_integer(value))
            return check_integer(field, json_integer_value(value), why);
        break;
    case WORDING_FLAG:
        if (json_is_boolean(value))
            return true;
        break;
    case WORDING_LIST:
        if (json_is_array(value))
            return check_list(field, medium, value, why);
        break;
    }
    return refuse(why, "parameter of a wrong type");
}

/* How many of the flags that stand together are true. */
static int count_chosen(const struct wording_field *fields, const json_t *params, int choice,
                        int some)
{
    int count = 0;

    for (const struct wording_field *field = fields; field->name != NULL; field++)
        if (field->choice == choice && field->some == some)
            count += json_is_true(json_object_get(params, field->name));
    return count;
}

static bool check_choices(const struct wording_field *fields, const json_t *params,
                          const char **why)
{
    for (const struct wording_field *field = fields; field->name != NULL; field++) {
        int chosen = count_chosen(fields, params, field->choice, field->some);

        if ((field->choice != 0 && chosen != 1) || (field->some != 0 && chosen == 0))
            return refuse(why, "parameters contradictory");
    }
    return true;
}

/* A flag that follows from a list may be given, but not against it. */
static bool settle_flag(const struct wording_field *field, json_t *params, const char **why)
{
    bool is = json_array_size(json_object_get(params, field->follows)) > 0;
    const json_t *given = json_object_get(params, field->name);

    if (given != NULL && !json_is_null(given) && json_is_true(given) != is)
        return refuse(why, "parameters contradictory");
    json_object_set_new(params, field->name, json_boolean(is));
    return true;
}

static bool is_needed(const struct wording_field *field, enum wording_medium medium)
{
    return field->type != WORDING_FLAG && !field->optional &&
           (medium == WORDING_MAIL || !field->mail_only);
}

static bool check_fields(const struct wording_field *fields, enum wording_medium medium,
                         json_t *params, const char **why)
{
    if (!json_is_object(params))
        return refuse(why, "parameter of a wrong type");
    for (const struct wording_field *field = fields; field->name != NULL; field++) {
        const json_t *value = json_object_get(params, field->name);
        bool absent = value == NULL || json_is_null(value);

        if (absent && is_needed(field, medium))
            return refuse(why, "parameter missing");
        if (!absent && !check_value(field, medium, value, why))
            return false;
        if (field->follows != NULL && !settle_flag(field, params, why))
            return false;
    }
    return check_choices(fields, params, why);
}

json_t *wording_checked_params(const struct wording_kind *kind, enum wording_medium medium,
                               const json_t *params, const char **why)
{
    json_t *copy = params != NULL ? json_copy((json_t *)params) : json_object();

    if (check_fields(kind->fields, medium, copy, why))
        return copy;
    json_decref(copy);
    return NULL;
}

/* ------------------------------------------------------------------ what is made up */

static bool has_bit(const struct wording_field *field)
{
    return field->type == WORDING_FLAG ? field->follows == NULL
                                       : field->type == WORDING_TEXT && field->optional;
}

static int count_bits(const struct wording_field *fields)
{
    int count = 0;

    for (; fields->name != NULL; fields++)
        count += fields->type == WORDING_LIST ? count_bits(fields->fields) : has_bit(fields);
    return count;
}

int wording_count_bits(const struct wording_kind *kind)
{
    return count_bits(kind->fields);
}

static json_t *filled_text(const struct wording_field *field, enum wording_fill fill, int entry)
{
    const char *letter = field->plain || fill == WORDING_FILL_PLAIN ? "8" : "あ";
    size_t len = strlen(letter);
    char text[256];

    if (fill == WORDING_FILL_SAMPLE)
        return json_string(field->sample[field->sample[1] != NULL ? entry % 2 : 0]);
    for (int i = 0; i < field->max; i++)
        memcpy(text + (size_t)i * len, letter, len);
    return json_stringn(text, (size_t)field->max * len);
}

/* Takes its bits from `*bits`. */
static json_t *filled_fields(const struct wording_field *fields, const struct wording_shape *shape,
                             enum wording_fill fill, unsigned *bits, int entry)
{
    json_t *params = json_object();
    const char *why;

    for (const struct wording_field *field = fields; field->name != NULL; field++) {
        bool bit = has_bit(field) && (*bits & 1);
        unsigned rest = *bits;
        json_t *list;

        *bits >>= has_bit(field);
        switch (field->type) {
        case WORDING_FLAG:
            if (field->follows != NULL)
                bit = shape->entries > 0;
            json_object_set_new(params, field->name, json_boolean(bit));
            break;
        case WORDING_TEXT:
            if (bit || !field->optional)
                json_object_set_new(params, field->name, filled_text(field, fill, entry));
            break;
        case WORDING_LIST:
            list = json_array();
            for (int i = 0; i < shape->entries; i++) {
                *bits = rest;
                json_array_append_new(list, filled_fields(field->fields, shape, fill, bits, i));
            }
            *bits = rest >> count_bits(field->fields);
            json_object_set_new(params, field->name, list);
            break;
        }
    }
    if (!check_choices(fields, params, &why)) {
        json_decref(params);
        return NULL;
    }
    return params;
}

json_t *wording_filled_params(const struct wording_kind *kind, const struct wording_shape *shape,
                              enum wording_fill fill, unsigned bits)
{
    json_t *params = filled_fields(kind->fields, shape, fill, &bits, 0);
    const char *why;
    json_t *checked;

    if (params == NULL)
        return NULL;
    checked = wording_checked_params(kind, WORDING_MAIL, params, &why);
    json_decref(params);
    return checked;
}
