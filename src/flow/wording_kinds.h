/*
 * wording_kinds.h - the table of message kinds: between the wording_*.c files, for nobody else.
 */
#ifndef HERSYS_FLOW_WORDING_KINDS_H
#define HERSYS_FLOW_WORDING_KINDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/template.h"
#include "flow/wording.h"

enum wording_type {
    WORDING_TEXT, /* a string or an integer */
    WORDING_FLAG, /* true or false; absent is false */
    WORDING_LIST, /* of objects */
};

/* One placeholder of a kind, or of an entry of a list. */
struct wording_field {
    const char *name; /* NULL ends an array */
    enum wording_type type;
    int max;             /* text: UCS-2 units; list: entries */
    bool plain;          /* text: digits and the like, never letters beyond GSM 7-bit */
    bool optional;       /* may be absent */
    bool unused;         /* a text may do without it */
    const char *follows; /* flag: true exactly where this list has an entry */
    int choice;          /* flag: of those with the same number exactly one is true */
    int some;            /* flag: of those with the same number one or more are true */
    const struct wording_field *fields; /* list: of each entry */
    const char *sample[2];              /* text: for proofreading; in lists entries alternate */
};

/* One form that a kind takes, and what it may cost. */
struct wording_shape {
    const char *name; /* NULL ends an array */
    int entries;      /* in its list */
    int segments;     /* at most, every placeholder at its greatest length */
};

struct wording_kind {
    const char *name;
    struct wording_field fields[10];
    struct wording_shape shapes[4];
};

struct wording_language {
    const char *code;
    bool gsm7; /* the fixed text keeps to the letters of the GSM 7-bit alphabet */
};

enum { WORDING_KINDS = 12, WORDING_LANGUAGES = 7 };

extern const struct wording_kind wording_kinds[WORDING_KINDS];
extern const struct wording_language wording_languages[WORDING_LANGUAGES];

const struct wording_field *wording_find_field(const struct wording_field *fields,
                                               const char *name);

/* ---- wording_params.c: parameter objects against the table */

/* A copy with the flags that follow from lists; NULL with a static word in `why`. */
json_t *wording_checked_params(const struct wording_kind *kind, const json_t *params,
                               const char **why) __attribute__((warn_unused_result));

enum wording_fill {
    WORDING_FILL_WORST,  /* every text at its greatest length, names in kana */
    WORDING_FILL_PLAIN,  /* the same in letters of GSM 7-bit alone */
    WORDING_FILL_SAMPLE, /* made-up values */
};

/* How many of `bits` below wording_filled_params() looks at. */
int wording_count_bits(const struct wording_kind *kind);

/* Parameters of a shape; each bit says whether one flag is true, or one optional text is there.
 * NULL where the bits contradict a choice. */
json_t *wording_filled_params(const struct wording_kind *kind, const struct wording_shape *shape,
                              enum wording_fill fill, unsigned bits)
    __attribute__((warn_unused_result));

/* ---- wording.c: the texts */

struct wording_partial {
    char *name;
    struct template *texts[WORDING_LANGUAGES];
};

/* A long fixed part of a text, by which the text is known again. */
struct wording_mark {
    const char *text;
    size_t len;
};

struct wording {
    char *directory;
    struct wording_mark *marks;
    size_t mark_count;
    struct template *texts[WORDING_KINDS][WORDING_LANGUAGES];
    struct wording_partial *partials;
    size_t partial_count;
};

const struct template *wording_partial(const struct wording *wording, size_t language,
                                       const char *name);

/* Renders without looking at the parameters. */
bool wording_render(const struct wording *wording, size_t kind, size_t language,
                    const json_t *params, char out[WORDING_SMS_MAX])
    __attribute__((warn_unused_result));

/* ---- wording_check.c: what is loaded against the table */

struct wording_faults {
    wording_fault_cb *cb;
    void *arg;
    size_t count;
};

void wording_report(struct wording_faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether a file may be a text at all: UTF-8 without control characters but the newline. */
bool wording_check_bytes(const char *path, const char *text, size_t len,
                         struct wording_faults *faults);

/* The text of a kind: its placeholders and its length. */
void wording_check_text(const struct wording *wording, size_t kind, size_t language,
                        struct wording_faults *faults);

#endif
