/*
 * fill.h - patterns of a request, such as "to={{recipient}}&text={{text}}", and the values that are
 * put into them.
 *
 * Which escape a value needs follows from the kind of the pattern, and no value comes into a text
 * without it: a JSON body is taken apart before anything is put in, and only its strings are
 * filled; in forms and queries everything but letters, digits and -._ is written as %XX; in headers
 * everything but what an address or a number has. What was put in is never looked at again, so that
 * a text that holds "{{secret}}" stays that text.
 */
#ifndef HERSYS_BASE_FILL_H
#define HERSYS_BASE_FILL_H

#include <stdbool.h>
#include <stddef.h>

enum fill_kind {
    FILL_URL,    /* an address: values stand behind its '?' alone */
    FILL_FORM,   /* an application/x-www-form-urlencoded body */
    FILL_JSON,   /* a JSON body: values stand within its strings, and in no name */
    FILL_HEADER, /* what stands behind "Name: " */
};

/* {{recipient}}, {{text}} ...; all of them texts, "" where there is none. */
struct fill_values {
    const char *recipient;
    const char *text;
    const char *reference;
    const char *sender;
    const char *callback;
    const char *user;   /* printable ASCII */
    const char *secret; /* printable ASCII */
};

/* What is wrong with a pattern, in words to follow its option's name; NULL where nothing is. */
const char *fill_fault(const char *pattern, enum fill_kind kind);

/* Whether "{{name}}" occurs in the pattern. */
bool fill_uses(const char *pattern, const char *name);

/* The filled pattern, which is without fault, to be freed by the caller; NULL where a value is no
 * UTF-8. */
char *fill(const char *pattern, enum fill_kind kind, const struct fill_values *values)
    __attribute__((warn_unused_result));

#endif
