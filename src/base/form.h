/*
 * form.h - application/x-www-form-urlencoded (WHATWG URL, section 5): bytes in, pairs out; NULs and
 * bytes that are not UTF-8 come through as they are.
 */
#ifndef HERSYS_BASE_FORM_H
#define HERSYS_BASE_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct form;

/* NULL where it is malformed (a '%' without two hexadecimal digits) or has more than `max_pairs`.
 */
struct form *form_parse(const char *body, size_t len, size_t max_pairs)
    __attribute__((warn_unused_result));
void form_free(struct form *form);

/* The value of a name that occurs exactly once, with a NUL behind its `*len` bytes; NULL otherwise.
 */
const char *form_get(const struct form *form, const char *name, size_t *len);

/* The same as text: NULL also where it holds a NUL, or is no UTF-8. */
const char *form_get_text(const struct form *form, const char *name);

/* All pairs, in their order: for signatures, which are taken over every one. */
struct form_pair {
    const char *name, *value; /* any bytes */
    size_t name_len, value_len;
};
size_t form_count(const struct form *form);
struct form_pair form_pair(const struct form *form, size_t index);

/* Appends name=value, encoded, to the text `form` of `*len` of `size` bytes, with a NUL behind it.
 * False, and the text as it was, where it does not fit. */
bool form_append(char *form, size_t size, size_t *len, const char *name, const char *value,
                 size_t value_len) __attribute__((warn_unused_result));

#endif
