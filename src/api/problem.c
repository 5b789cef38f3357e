/* problem.c - RFC 9457 problems: the table of types, and which of them a refusal of the schema is.
 * It says nothing of a patient: details hold ids and words of ours. */
#include "api/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define PROBLEM_URN    "urn:hersys-gateway:problem:"
#define PROBLEM_REALM  "Bearer realm=\"hersys-gateway\""
#define PROBLEM_WAIT_S "5"

static const struct {
    const char *name;
    int status;
    const char *title;
} problems[PROBLEMS] = {
    [PROBLEM_MALFORMED] = {"malformed-request", 400, "Malformed request"},
    [PROBLEM_PARAMETER] = {"invalid-parameter", 400, "Invalid query parameter"},
    [PROBLEM_UNAUTHORIZED] = {"unauthorized", 401, "Token missing or not valid"},
    [PROBLEM_SCOPE] = {"insufficient-scope", 403, "Not allowed with this token"},
    [PROBLEM_NOT_FOUND] = {"not-found", 404, "Not found"},
    [PROBLEM_METHOD] = {"method-not-allowed", 405, "Method not allowed"},
    [PROBLEM_NOT_POSSIBLE] = {"not-possible", 409, "Not possible now"},
    [PROBLEM_TAKEN] = {"already-taken", 409, "Already taken"},
    [PROBLEM_KEY_REUSED] = {"idempotency-key-reused", 409, "Idempotency key used before"},
    [PROBLEM_MEDIA_TYPE] = {"unsupported-media-type", 415, "Unsupported media type"},
    [PROBLEM_INVALID] = {"invalid-values", 422, "Invalid values"},
    [PROBLEM_WRONG_CODE] = {"wrong-code", 422, "Wrong code"},
    [PROBLEM_TOO_OFTEN] = {"too-many-requests", 429, "Asked too often"},
    [PROBLEM_INTERNAL] = {"internal", 500, "Fault of the gateway"},
    [PROBLEM_UNAVAILABLE] = {"unavailable", 503, "Unavailable for now"},
    [PROBLEM_OUTCOME_UNKNOWN] = {"outcome-unknown", 503, "Outcome unknown"},
};

/* ---------------------------------------------------------------- writing */

static void answer_json(struct http_exchange *exchange, int status, const json_t *problem)
{
    char *text = json_dumps(problem, JSON_COMPACT);

    if (text == NULL)
        log_fatal("out of memory");
    http_reply(exchange, status, "application/problem+json", text, strlen(text));
    free(text);
}

void problem_answer(struct http_exchange *exchange, enum problem problem, const char *detail,
                    json_t *more)
{
    char type[80];
    json_t *body;

    snprintf(type, sizeof(type), PROBLEM_URN "%s", problems[problem].name);
    body = json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", problems[problem].title,
                     "status", problems[problem].status, "detail", detail);
    if (body == NULL || (more != NULL && json_object_update(body, more) != 0))
        log_fatal("out of memory");
    answer_json(exchange, problems[problem].status, body);
    json_decref(body);
    json_decref(more);
}

void problem_reply(struct http_exchange *exchange, int status, const char *title,
                   const char *detail)
{
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title,
                                "status", status, "detail", detail);

    if (problem == NULL)
        log_fatal("out of memory");
    answer_json(exchange, status, problem);
    json_decref(problem);
}

void problem_reply_later(struct http_exchange *exchange)
{
    http_reply_header(exchange, "Retry-After", PROBLEM_WAIT_S);
    problem_reply(exchange, 503, "Unavailable for now",
                  "Nothing was stored. Bring the same request again later.");
}

/* ---------------------------------------------------------------- faults of a request */

void problem_answer_faults(struct http_exchange *exchange, json_t *faults)
{
    json_t *more = json_pack("{s:o}", "errors", faults);
    const json_t *first = json_array_get(faults, 0);
    bool single = json_array_size(faults) == 1;

    if (more == NULL)
        log_fatal("out of memory");
    if (single)
        json_object_set(more, "pointer", json_object_get(first, "pointer"));
    problem_answer(exchange, PROBLEM_INVALID,
                   single ? json_string_value(json_object_get(first, "detail"))
                          : "Several values are not possible; errors has each of them.",
                   more);
}

void problem_answer_parameter(struct http_exchange *exchange, const char *parameter,
                              const char *detail)
{
    problem_answer(exchange, PROBLEM_PARAMETER, detail, json_pack("{s:s}", "parameter", parameter));
}

void problem_answer_unauthorized(struct http_exchange *exchange, bool error)
{
    http_reply_header(exchange, "WWW-Authenticate",
                      error ? PROBLEM_REALM ", error=\"invalid_token\"" : PROBLEM_REALM);
    problem_answer(exchange, PROBLEM_UNAUTHORIZED,
                   error ? "The token is not known, expired or revoked."
                         : "The request has to carry a token: Authorization: Bearer KID.SECRET",
                   NULL);
}

/* ---------------------------------------------------------------- refusals of the schema */

/* One fault, by its pointer. */
static json_t *at_pointer(const char *pointer)
{
    return pointer[0] == '/' ? json_pack("{s:s}", "pointer", pointer) : NULL;
}

static void answer_scope(const struct request *request, const struct store_reply *reply)
{
    char challenge[160];

    snprintf(challenge, sizeof(challenge),
             PROBLEM_REALM ", error=\"insufficient_scope\", scope=\"%s\"",
             request->caller.scope != NULL ? request->caller.scope : "");
    http_reply_header(request->exchange, "WWW-Authenticate", challenge);
    problem_answer(request->exchange, PROBLEM_SCOPE, reply->message, NULL);
}

static void answer_too_often(const struct request *request, const struct store_reply *reply)
{
    char seconds[24];
    long wait = strtol(reply->extra, NULL, 10);

    snprintf(seconds, sizeof(seconds), "%ld", wait > 0 ? wait : 1);
    http_reply_header(request->exchange, "Retry-After", seconds);
    problem_answer(request->exchange, PROBLEM_TOO_OFTEN, reply->message, NULL);
}

static bool is_read(const struct request *request)
{
    return strcmp(http_method(request->exchange), "GET") == 0;
}

static void answer_invalid(const struct request *request, const struct store_reply *reply)
{
    /* What is read is asked for by its query alone. */
    if (is_read(request) && reply->extra[0] == '/') {
        problem_answer_parameter(request->exchange, reply->extra + 1, reply->message);
        return;
    }
    problem_answer_faults(request->exchange, json_pack("[{s:s, s:s}]", "pointer",
                                                       reply->extra[0] == '/' ? reply->extra : "",
                                                       "detail", reply->message));
}

static void answer_later(const struct request *request, enum problem problem, const char *detail)
{
    http_reply_header(request->exchange, "Retry-After", PROBLEM_WAIT_S);
    problem_answer(request->exchange, problem, detail, NULL);
}

static const struct {
    const char *sqlstate;
    enum problem problem;
} refusals[] = {
    {"HS002", PROBLEM_NOT_FOUND},
    {"HS003", PROBLEM_NOT_POSSIBLE},
    {"HS004", PROBLEM_NOT_POSSIBLE},
    {"HS005", PROBLEM_UNAUTHORIZED},
    {"HS006", PROBLEM_SCOPE},
    {"HS007", PROBLEM_TOO_OFTEN},
    {"HS008", PROBLEM_KEY_REUSED},
    {"HS009", PROBLEM_TAKEN},
    {"HS010", PROBLEM_INVALID},
    /* Classes: conflicts of transactions, want of resources, locks, an operator's or a time-out's
     * end, trouble of the system. All of them were rolled back. */
    {"40", PROBLEM_UNAVAILABLE},
    {"53", PROBLEM_UNAVAILABLE},
    {"55", PROBLEM_UNAVAILABLE},
    {"57", PROBLEM_UNAVAILABLE},
    {"58", PROBLEM_UNAVAILABLE},
};

static enum problem problem_of(const char *sqlstate)
{
    for (size_t i = 0; i < MEM_COUNT(refusals); i++)
        if (strncmp(sqlstate, refusals[i].sqlstate, strlen(refusals[i].sqlstate)) == 0)
            return refusals[i].problem;
    return PROBLEM_INTERNAL;
}

static void answer_refusal(const struct request *request, const struct store_reply *reply)
{
    enum problem problem = problem_of(reply->sqlstate);

    switch (problem) {
    case PROBLEM_UNAUTHORIZED:
        problem_answer_unauthorized(request->exchange, true);
        return;
    case PROBLEM_SCOPE:
        answer_scope(request, reply);
        return;
    case PROBLEM_TOO_OFTEN:
        answer_too_often(request, reply);
        return;
    case PROBLEM_INVALID:
        answer_invalid(request, reply);
        return;
    case PROBLEM_NOT_FOUND:
    case PROBLEM_NOT_POSSIBLE:
    case PROBLEM_TAKEN:
    case PROBLEM_KEY_REUSED:
        problem_answer(request->exchange, problem, reply->message, at_pointer(reply->extra));
        return;
    case PROBLEM_UNAVAILABLE:
        answer_later(request, problem, "Nothing was stored. Bring the same request again later.");
        return;
    case PROBLEM_MALFORMED:
    case PROBLEM_PARAMETER:
    case PROBLEM_METHOD:
    case PROBLEM_MEDIA_TYPE:
    case PROBLEM_WRONG_CODE:
    case PROBLEM_INTERNAL:
    case PROBLEM_OUTCOME_UNKNOWN:
    case PROBLEMS:
        break;
    }
    problem_answer(request->exchange, PROBLEM_INTERNAL,
                   "Nothing was stored. The log of the gateway says why.", NULL);
}

void problem_answer_outcome(const struct request *request, enum db_outcome outcome,
                            const struct store_reply *reply)
{
    /* What was read and lost has changed nothing. */
    if (outcome == DB_LOST && is_read(request))
        outcome = DB_UNAVAILABLE;
    switch (outcome) {
    case DB_OK: /* with a row that nobody expected */
        problem_answer(request->exchange, PROBLEM_INTERNAL,
                       "The log of the gateway says why, or its database has another schema.",
                       NULL);
        return;
    case DB_ERROR:
        answer_refusal(request, reply);
        return;
    case DB_LOST:
        answer_later(request, PROBLEM_OUTCOME_UNKNOWN,
                     "It may or may not have been done. Bring the same request again with the same "
                     "Idempotency-Key.");
        return;
    case DB_UNAVAILABLE:
        answer_later(request, PROBLEM_UNAVAILABLE,
                     "Nothing was stored. Bring the same request again later.");
        return;
    }
}
