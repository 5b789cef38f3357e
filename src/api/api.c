/* api.c - the table of routes, and the checks that come before every handler. It does no work of
 * its own. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "api/bearer.h"
#include "api/problem.h"
#include "api/route.h"
#include "base/log.h"
#include "base/mem.h"

#define WEBHOOK_MESSAGE "/webhooks/{name}/message"
#define WEBHOOK_RECEIPT "/webhooks/{name}/receipt"

struct route {
    const char *path;
    const char *method;
    enum route_access access;
    const char *scope; /* of the token that a ROUTE_BEARER wants; without one nobody is let in */
    enum provider_event event; /* of a carrier's route */
    route_handler *handler;
};

/* A call of the /v1 API. */
#define API(way, where, wants, does)                                                               \
    {                                                                                              \
        .path = (where), .method = (way), .access = ROUTE_BEARER, .scope = (wants),                \
        .handler = (does)                                                                          \
    }

static const struct route routes[] = {
    {.path = "/v1/openapi.yaml", .method = "GET", .access = ROUTE_ANYBODY, .handler = v1_openapi},
    API("POST", "/v1/patients", "patients", v1_patient_create),
    API("GET", "/v1/patients", "patients", v1_patient_list),
    API("GET", "/v1/patients/{id}", "patients", v1_patient_get),
    API("PATCH", "/v1/patients/{id}", "patients", v1_patient_change),
    API("POST", "/v1/links", "links", v1_links_send),
    API("GET", "/v1/links/{id}", "links", v1_link_get),
    API("GET", "/v1/batches/{id}", "links", v1_batch_get),
    API("POST", "/v1/batches/{id}/release", "release", v1_batch_release),
    API("POST", "/v1/batches/{id}/cancel", "links", v1_batch_cancel),
    API("POST", "/v1/codes", "codes", v1_code_request),
    API("GET", "/v1/codes/{id}", "codes", v1_code_get),
    API("POST", "/v1/codes/{id}/verify", "codes", v1_code_verify),
    API("GET", "/v1/alerts", "alerts", v1_alerts_list),
    API("POST", "/v1/alerts/{id}/seen", "alerts", v1_alert_seen),
    API("POST", "/v1/alerts/{id}/close", "alerts", v1_alert_close),
    API("GET", "/v1/reports", "reports", v1_reports_list),
    API("GET", "/v1/unreported", "reports", v1_unreported),
    API("GET", "/v1/calls", "alerts", v1_calls_list),
    API("POST", "/v1/calls/{id}/close", "alerts", v1_call_close),
    {.path = WEBHOOK_MESSAGE,
     .method = "POST",
     .access = ROUTE_CARRIER,
     .event = PROVIDER_MESSAGE,
     .handler = webhook_message},
    {.path = WEBHOOK_MESSAGE,
     .method = "GET",
     .access = ROUTE_CARRIER,
     .event = PROVIDER_MESSAGE,
     .handler = webhook_message},
    {.path = WEBHOOK_RECEIPT,
     .method = "POST",
     .access = ROUTE_CARRIER,
     .event = PROVIDER_RECEIPT,
     .handler = webhook_receipt},
    {.path = WEBHOOK_RECEIPT,
     .method = "GET",
     .access = ROUTE_CARRIER,
     .event = PROVIDER_RECEIPT,
     .handler = webhook_receipt},
    {.path = "/sandbox/messages",
     .method = "GET",
     .access = ROUTE_SANDBOX_PERSON,
     .handler = sandbox_list_messages},
    {.path = "/sandbox/replies",
     .method = "POST",
     .access = ROUTE_SANDBOX_PERSON,
     .handler = sandbox_take_reply},
};

/* ---------------------------------------------------------------- who may call */

/* Where the sandbox is off, its paths do not exist; where a link is not configured, neither do its.
 */
static bool exists(const struct api *api, const struct route *route, const struct request *request)
{
    switch (route->access) {
    case ROUTE_NOBODY:
    case ROUTE_ANYBODY:
    case ROUTE_BEARER:
        break;
    case ROUTE_CARRIER:
        return webhook_exists(api, request->name, route->event, route->method);
    case ROUTE_SANDBOX_PERSON:
        return api->sandbox != NULL;
    }
    return true;
}

/* True where the call may go on now; otherwise it is answered, or will be. */
static bool admit(struct api *api, const struct request *request, const struct route *route)
{
    switch (route->access) {
    case ROUTE_NOBODY:
        break;
    case ROUTE_ANYBODY:
        return true;
    case ROUTE_BEARER: /* the database has the last word */
        bearer_admit(api, request, route->path, route->scope, route->handler);
        return false;
    case ROUTE_SANDBOX_PERSON:
        return true;
    case ROUTE_CARRIER:
        return webhook_admit(api, request);
    }
    problem_reply(request->exchange, 403, "Forbidden", "Nobody may call this.");
    return false;
}

/* ---------------------------------------------------------------- dispatch */

/* One part of a path against one of a pattern; a part that stands for something goes into
 * `request`. */
static bool match_part(const char *pattern, size_t pattern_len, const char *part, size_t len,
                       struct request *request)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

    if (pattern_len == 4 && memcmp(pattern, "{id}", 4) == 0) {
        if (len < 1 || len > 18 || part[0] == '0' || strspn(part, "0123456789") < len)
            return false;
        request->id = strtoll(part, NULL, 10);
        return true;
    }
    if (pattern_len == 6 && memcmp(pattern, "{name}", 6) == 0) {
        if (len < 1 || len >= ROUTE_NAME_MAX || strspn(part, letters) < len)
            return false;
        memcpy(request->name, part, len);
        request->name[len] = '\0';
        return true;
    }
    return pattern_len == len && memcmp(pattern, part, len) == 0;
}

static bool match_path(const char *pattern, const char *path, struct request *request)
{
    for (;;) {
        size_t pattern_len = strcspn(pattern, "/"), len = strcspn(path, "/");

        if (!match_part(pattern, pattern_len, path, len, request))
            return false;
        pattern += pattern_len;
        path += len;
        if (*pattern == '\0' || *path == '\0')
            return *pattern == *path;
        pattern++;
        path++;
    }
}

/* Calls the route that the request is for; `methods` gets those that its path takes. */
static bool dispatch(struct api *api, struct request *request, char *methods, size_t size)
{
    size_t used = 0;

    methods[0] = '\0';
    for (size_t i = 0; i < MEM_COUNT(routes); i++) {
        const struct route *route = &routes[i];

        if (!match_path(route->path, http_path(request->exchange), request) ||
            !exists(api, route, request))
            continue;
        if (strcmp(route->method, http_method(request->exchange)) != 0) {
            used += (size_t)snprintf(methods + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     route->method);
            continue;
        }
        if (admit(api, request, route))
            route->handler(api, request);
        return true;
    }
    return false;
}

void api_handle(void *arg, struct http_exchange *exchange)
{
    struct request request = {.exchange = exchange};
    char methods[64];

    if (dispatch(arg, &request, methods, sizeof(methods)))
        return;
    if (methods[0] == '\0') {
        problem_answer(exchange, PROBLEM_NOT_FOUND, "There is nothing at this path.", NULL);
        return;
    }
    http_reply_header(exchange, "Allow", methods);
    problem_answer(exchange, PROBLEM_METHOD, "This path takes another method.", NULL);
}
