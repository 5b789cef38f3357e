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

/* What a text is for: each has files of its own, KIND/LANGUAGE.sms and KIND/LANGUAGE.mail. */
enum wording_medium { WORDING_SMS, WORDING_MAIL };

enum { WORDING_MEDIA = 2, WORDING_KINDS = 29, WORDING_LANGUAGES = 7 };

/* How the HTML part of an e-mail shows a value. */
enum wording_show {
    WORDING_AS_TEXT,
    WORDING_AS_CODE,  /* a line that is nothing else: large, and spaced for reading */
    WORDING_AS_LINK,  /* a line that is nothing else: to be opened, the address in sight */
    WORDING_AS_PHONE, /* anywhere: to be called */
};

/* One placeholder of a kind, or of an entry of a list. */
struct wording_field {
    const char *name; /* NULL ends an array */
    enum wording_type type;
    int max;        /* text: UCS-2 units; list: entries */
    bool plain;     /* text: digits and the like, never letters beyond GSM 7-bit */
    bool optional;  /* may be absent */
    bool unused;    /* a text may do without it */
    bool mail_only; /* an SMS may do without it, and need not be given it */
    enum wording_show show;
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
    bool has[WORDING_MEDIA]; /* texts */
    struct wording_field fields[10];
    struct wording_shape shapes[4];
};

struct wording_language {
    const char *code;
    bool gsm7;       /* the fixed text of an SMS keeps to the letters of the GSM 7-bit alphabet */
    bool keep_words; /* it is written with spaces, though a browser would break it anywhere */
};

extern const char *const wording_endings[WORDING_MEDIA]; /* of the files: "sms", "mail" */

extern const struct wording_kind wording_kinds[WORDING_KINDS];
extern const struct wording_language wording_languages[WORDING_LANGUAGES];

/* What the layout of the e-mails is given; see wording_mail.c. */
extern const struct wording_kind wording_layout;

const struct wording_field *wording_find_field(const struct wording_field *fields,
                                               const char *name);
bool wording_find_kind(const char *name, size_t *kind) __attribute__((warn_unused_result));
bool wording_find_language(const char *code, size_t *language) __attribute__((warn_unused_result));

/* ---- wording_params.c: parameter objects against the table */

/* A copy with the flags that follow from lists; NULL with a static word in `why`. */
json_t *wording_checked_params(const struct wording_kind *kind, enum wording_medium medium,
                               const json_t *params, const char **why)
    __attribute__((warn_unused_result));

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
    enum wording_medium medium;
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
    struct template *texts[WORDING_MEDIA][WORDING_KINDS][WORDING_LANGUAGES];
    struct wording_partial *partials;
    size_t partial_count;
    struct template *layout; /* of the HTML part of every e-mail */
};

/* The file of a text; of a partial, with "partials/" as `folder`. The caller frees it. */
char *wording_path(const struct wording *wording, const char *folder, const char *name,
                   enum wording_medium medium, size_t language);

const struct template *wording_partial(const struct wording *wording, enum wording_medium medium,
                                       size_t language, const char *name);

/* Kind, language and parameters as wording_render_sms() takes them: a checked copy of the
 * parameters, or NULL and a static word in `why`. */
json_t *wording_begin(enum wording_medium medium, const char *kind, const char *language,
                      const json_t *params, size_t *k, size_t *l, const char **why)
    __attribute__((warn_unused_result));

/* Renders without looking at the parameters. */
bool wording_render(const struct wording *wording, enum wording_medium medium, size_t kind,
                    size_t language, const json_t *params, char *out, size_t size)
    __attribute__((warn_unused_result));

/* ---- wording_mail.c: e-mails */

/* Makes an e-mail without looking at the parameters; false as wording_render_mail(). */
bool wording_make_mail(const struct wording *wording, size_t kind, size_t language,
                       const json_t *params, struct wording_mail *mail, const char **why)
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
void wording_check_text(const struct wording *wording, enum wording_medium medium, size_t kind,
                        size_t language, struct wording_faults *faults);

/* The placeholders of the layout. */
void wording_check_layout(const struct wording *wording, const char *path,
                          struct wording_faults *faults);

/* ---- wording_check_mail.c: what holds for e-mails alone */

/* The form of a file: a subject, an empty line, a text, no line too long. */
bool wording_check_mail_form(const char *path, const char *text, size_t len,
                             struct wording_faults *faults);

/* The layout lets no value bring markup, and includes nothing. */
bool wording_check_layout_form(const char *path, const char *text, size_t len,
                               struct wording_faults *faults);

/* What an e-mail becomes with every placeholder at its greatest length. */
void wording_check_mail(const struct wording *wording, size_t kind, size_t language,
                        const char *path, struct wording_faults *faults);

#endif
