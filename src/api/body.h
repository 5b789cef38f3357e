/*
 * body.h - bodies of the /v1 API: JSON (RFC 8259) read strictly, by a table of fields.
 *
 * Refused are: another media type (415); what is no JSON, no UTF-8, nested deeper than any of our
 * bodies, or has a member twice (400); and, all faults of it in one answer (422), members that no
 * field has, that are missing, or whose value is not possible.
 */
#ifndef HERSYS_API_BODY_H
#define HERSYS_API_BODY_H

#include "api/problem.h"

enum body_form {
    BODY_NAME,        /* one line of 1 to `max` characters, without white space around it */
    BODY_DATE,        /* "2026-02-28", of the calendar; 1890 to 2150 */
    BODY_LANGUAGE,    /* one of the seven */
    BODY_PHONE,       /* any way of writing a Japanese or E.164 number; E.164 */
    BODY_EMAIL,       /* in lower case */
    BODY_INPUT_ID,    /* 6 to 8 digits */
    BODY_PASSPORT,    /* 1 to 9 capital letters and digits */
    BODY_BOOL,        /* true or false */
    BODY_SPO2,        /* a whole number of per cent, 50 to 100 */
    BODY_TEMPERATURE, /* degrees Celsius, 34 to 42 */
    BODY_CHANNEL,     /* "sms" or "email" */
    BODY_ADDRESS,     /* some text; what it must be depends on the channel */
    BODY_CLIENT,      /* an IP address, as it is counted: an IPv6 one by its /64 */
    BODY_CODE,        /* 6 to 8 digits, as people type them */
    BODY_PATIENTS,    /* 1 to `max` patients, each once; see body_check_patients() */
};

struct body_field {
    const char *name;
    enum body_form form;
    bool required;
    bool lasting; /* in a merge patch: cannot be removed by null */
    size_t max;
};

enum body_type {
    BODY_JSON,        /* application/json; null is the same as a member that is not there */
    BODY_MERGE_PATCH, /* application/merge-patch+json (RFC 7396); nothing is required, null removes
                       */
    BODY_EMPTY_OBJECT /* no body, or {} */
};

struct body {
    struct http_exchange *exchange;
    json_t *given;
    json_t *values; /* what was given, normalised */
    json_t *faults; /* an array of {"pointer", "detail"} */
    bool patch;
};

/* False after it has answered: it is no JSON object. */
bool body_open(struct body *body, const struct request *request, enum body_type type)
    __attribute__((warn_unused_result));
/* Checks every member, and puts the good ones into `values`. */
void body_read_fields(struct body *body, const struct body_field *fields, size_t count);
/* Adds a fault of one member. */
void body_add_fault(struct body *body, const char *name, const char *detail);
/* False after it has answered with all faults; the body is freed then. */
bool body_is_good(struct body *body) __attribute__((warn_unused_result));
void body_free(struct body *body);

/* All of it in a row. */
bool body_read(struct body *body, const struct request *request, enum body_type type,
               const struct body_field *fields, size_t count) __attribute__((warn_unused_result));

/* The text of a value; NULL where it was not given. */
const char *body_text(const struct body *body, const char *name);

/* ---- body_forms.c: one value */

/* Puts the normalised value into `*value`, or says in words what is wrong. */
const char *body_check_value(const struct body_field *field, const json_t *given, json_t **value);

/* Whether a text is a date as BODY_DATE takes it. */
bool body_is_date(const char *text) __attribute__((warn_unused_result));

/* Where a list of patients is wrong: `index` -1 for the list, `member` NULL for the whole item. */
struct body_list_fault {
    int index;
    const char *member;
    const char *detail;
};

/* A list of patients: an id each, or an object of the id as "patient" and what the caller's own
 * list says, "phone" and "input_id". Puts an array of such objects, normalised, into `*value`;
 * false with the first fault. */
bool body_check_patients(const struct body_field *field, const json_t *given, json_t **value,
                         struct body_list_fault *fault) __attribute__((warn_unused_result));

#endif
