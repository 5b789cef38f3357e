/*
 * query.h - query parameters of the /v1 API, by a table; strictly: each once at most, and no other.
 */
#ifndef HERSYS_API_QUERY_H
#define HERSYS_API_QUERY_H

#include "api/route.h"

enum query_form {
    QUERY_ID,          /* 1 or more */
    QUERY_AFTER,       /* an id behind which a list goes on; 0 is its beginning, and the default */
    QUERY_LIMIT,       /* 1 to 1000; the default is 100 */
    QUERY_DATE,        /* "2026-02-28" */
    QUERY_OPEN_OR_ALL, /* "open", the default, or "all" */
    QUERY_CURSOR,      /* "XACT-ID" of the reports; "0-0" is the beginning, and the default */
};

struct query_param {
    const char *name;
    enum query_form form;
};

enum { QUERY_TEXT_MAX = 48 };

struct query_value {
    bool given;
    int64_t number;            /* of a cursor, the part behind the hyphen */
    char text[QUERY_TEXT_MAX]; /* of a date or word; of a cursor, the part before the hyphen */
};

/* Fills one value for each parameter; false after it has answered. */
bool query_read(const struct request *request, const struct query_param *params, size_t count,
                struct query_value *values) __attribute__((warn_unused_result));

#endif
