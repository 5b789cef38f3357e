/*
 * form.c - application/x-www-form-urlencoded, to pairs and from pairs. It knows no name of a field,
 * and takes nothing that is half right: a body that cannot be read whole is none.
 */
#include "base/form.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct form {
    char *bytes;
    struct form_pair *pairs; /* into `bytes`, NULs behind them */
    size_t count;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes into `out` and puts a NUL behind; false at a '%' without two digits. */
static bool decode(const char *in, size_t len, char *out, size_t *out_len)
{
    size_t put = 0;

    for (size_t at = 0; at < len; at++) {
        if (in[at] == '+') {
            out[put++] = ' ';
        } else if (in[at] == '%') {
            int high = at + 2 < len ? hex_digit(in[at + 1]) : -1;
            int low = at + 2 < len ? hex_digit(in[at + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            out[put++] = (char)(unsigned char)(high << 4 | low);
            at += 2;
        } else {
            out[put++] = in[at];
        }
    }
    out[put] = '\0';
    *out_len = put;
    return true;
}

/* Takes "name=value"; what it writes at `out` is never longer than the text and two NULs. */
static bool take_pair(struct form_pair *pair, const char *text, size_t len, char *out)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
    const char *value = equals != NULL ? equals + 1 : text + len;

    if (!decode(text, name_len, out, &pair->name_len))
        return false;
    pair->name = out;
    out += pair->name_len + 1;
    pair->value = out;
    return decode(value, (size_t)(text + len - value), out, &pair->value_len);
}

static size_t count_parts(const char *body, size_t len)
{
    size_t count = 1;

    for (size_t at = 0; at < len; at++)
        if (body[at] == '&')
            count++;
    return count;
}

struct form *form_parse(const char *body, size_t len, size_t max_pairs)
{
    struct form *form = mem_new(1, sizeof(*form));
    size_t parts = count_parts(body, len);
    size_t room = parts < max_pairs ? parts : max_pairs;

    form->bytes = mem_new(len + 2 * parts, 1);
    form->pairs = mem_new(room, sizeof(*form->pairs));
    char *out = form->bytes;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(body + at, '&', len - at);
        size_t part = end != NULL ? (size_t)(end - body) - at : len - at;

        if (part > 0) {
            struct form_pair *pair = &form->pairs[form->count];

            if (form->count == room || !take_pair(pair, body + at, part, out)) {
                form_free(form);
                return NULL;
            }
            out += pair->name_len + pair->value_len + 2;
            form->count++;
        }
        at += part + 1;
    }
    return form;
}

void form_free(struct form *form)
{
    if (form == NULL)
        return;
    free(form->pairs);
    free(form->bytes);
    free(form);
}

const char *form_get(const struct form *form, const char *name, size_t *len)
{
    const struct form_pair *found = NULL;
    size_t name_len = strlen(name);

    for (size_t i = 0; i < form->count; i++) {
        const struct form_pair *pair = &form->pairs[i];

        if (pair->name_len != name_len || memcmp(pair->name, name, name_len) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = pair;
    }
    if (found == NULL)
        return NULL;
    *len = found->value_len;
    return found->value;
}

const char *form_get_text(const struct form *form, const char *name)
{
    size_t len = 0;
    const char *value = form_get(form, name, &len);

    if (value == NULL || memchr(value, '\0', len) != NULL || !text_is_utf8(value, len))
        return NULL;
    return value;
}

size_t form_count(const struct form *form)
{
    return form->count;
}

struct form_pair form_pair(const struct form *form, size_t index)
{
    return form->pairs[index];
}

/* ---- writing */

/* The application/x-www-form-urlencoded percent-encode set leaves these alone. */
static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*' ||
           c == '-' || c == '.' || c == '_';
}

struct output {
    char *form;
    size_t size, len;
    bool full;
};

static void put(struct output *output, char c)
{
    if (output->len + 1 >= output->size)
        output->full = true;
    else
        output->form[output->len++] = c;
}

static void put_encoded(struct output *output, const char *bytes, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t at = 0; at < len; at++) {
        unsigned char c = (unsigned char)bytes[at];

        if (c == ' ') {
            put(output, '+');
        } else if (is_plain(c)) {
            put(output, (char)c);
        } else {
            put(output, '%');
            put(output, hex[c >> 4]);
            put(output, hex[c & 15]);
        }
    }
}

bool form_append(char *form, size_t size, size_t *len, const char *name, const char *value,
                 size_t value_len)
{
    struct output output = {.form = form, .size = size, .len = *len};

    if (*len > 0)
        put(&output, '&');
    put_encoded(&output, name, strlen(name));
    put(&output, '=');
    put_encoded(&output, value, value_len);
    if (!output.full)
        *len = output.len;
    if (*len < size)
        form[*len] = '\0';
    return !output.full;
}
