/*
 * problem.h - what the /v1 API answers when it does not do what was asked: RFC 9457 problems, each
 * with a type of its own, which doc/openapi.yaml explains.
 *
 * A type is "urn:hersys-gateway:problem:" and a word. Types stay what they are; their details may
 * be worded anew.
 */
#ifndef HERSYS_API_PROBLEM_H
#define HERSYS_API_PROBLEM_H

#include <jansson.h>

#include "api/route.h"

enum problem {
    PROBLEM_MALFORMED,       /* 400: not JSON as we want it, or a header that cannot be read */
    PROBLEM_PARAMETER,       /* 400: of the query; `parameter` names it */
    PROBLEM_UNAUTHORIZED,    /* 401 */
    PROBLEM_SCOPE,           /* 403 */
    PROBLEM_NOT_FOUND,       /* 404 */
    PROBLEM_METHOD,          /* 405 */
    PROBLEM_NOT_POSSIBLE,    /* 409: not now, or not for this patient */
    PROBLEM_TAKEN,           /* 409: `pointer` says which value another one has */
    PROBLEM_KEY_REUSED,      /* 409: the idempotency key stands for another request */
    PROBLEM_MEDIA_TYPE,      /* 415 */
    PROBLEM_INVALID,         /* 422: `errors` has each fault with its pointer */
    PROBLEM_WRONG_CODE,      /* 422: `attempts_left` */
    PROBLEM_TOO_OFTEN,       /* 429, with Retry-After */
    PROBLEM_INTERNAL,        /* 500 */
    PROBLEM_UNAVAILABLE,     /* 503, with Retry-After: nothing was stored */
    PROBLEM_OUTCOME_UNKNOWN, /* 503, with Retry-After: it may have been done */
    PROBLEMS,
};

/* Answers. `more` has members beside type, title, status and detail, and is taken; NULL for none.
 * Where there is one fault, and it has a pointer, `errors` alone would do: `pointer` repeats it. */
void problem_answer(struct http_exchange *exchange, enum problem problem, const char *detail,
                    json_t *more);

/* Answers 422 with all of `faults`, an array of {"pointer", "detail"}, which is taken. */
void problem_answer_faults(struct http_exchange *exchange, json_t *faults);

/* Answers 400: something is wrong with a parameter of the query. */
void problem_answer_parameter(struct http_exchange *exchange, const char *parameter,
                              const char *detail);

/* Answers 401. `error`: whether a token was there that is not good (RFC 6750 section 3.1). */
void problem_answer_unauthorized(struct http_exchange *exchange, bool error);

/* Answers what the database has not done: its refusal (SQLSTATE class HS), or that it is away. */
void problem_answer_outcome(const struct request *request, enum db_outcome outcome,
                            const struct store_reply *reply);

#endif
