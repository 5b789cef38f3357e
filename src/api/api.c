/* api.c - the table of routes, and the checks that come before every handler. It does no work of
 * its own. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <strings.h>

#include "api/route.h"
#include "base/log.h"
#include "base/mem.h"

struct route {
    const char *path;
    const char *method;
    enum route_access access;
    route_handler *handler;
};

static const struct route routes[] = {
    {.path = SANDBOX_MESSAGE_PATH,
     .method = "POST",
     .access = ROUTE_SANDBOX_CARRIER,
     .handler = webhook_sandbox_message},
    {.path = SANDBOX_RECEIPT_PATH,
     .method = "POST",
     .access = ROUTE_SANDBOX_CARRIER,
     .handler = webhook_sandbox_receipt},
    {.path = "/sandbox/messages",
     .method = "GET",
     .access = ROUTE_SANDBOX_PERSON,
     .handler = sandbox_list_messages},
    {.path = "/sandbox/replies",
     .method = "POST",
     .access = ROUTE_SANDBOX_PERSON,
     .handler = sandbox_take_reply},
};

/* ---------------------------------------------------------------- answers */

void problem_reply(struct http_exchange *exchange, int status, const char *title,
                   const char *detail)
{
    json_t *problem =
        json_pack("{s:s, s:i, s:s}", "title", title, "status", status, "detail", detail);
    char *text = json_dumps(problem, JSON_COMPACT);

    if (text == NULL)
        log_fatal("out of memory");
    http_reply(exchange, status, "application/problem+json", text, strlen(text));
    free(text);
    json_decref(problem);
}

void problem_reply_later(struct http_exchange *exchange)
{
    http_reply_header(exchange, "Retry-After", "5");
    problem_reply(exchange, 503, "Unavailable for now",
                  "Nothing was stored. Bring the same request again later.");
}

/* ---------------------------------------------------------------- who may call */

/* A form, whatever parameters follow the type. */
static bool is_form(const struct http_exchange *exchange)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = http_header(exchange, "Content-Type");
    size_t len = sizeof(form) - 1;

    return type != NULL && strncasecmp(type, form, len) == 0 &&
           (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

/* True where the call may go on; otherwise it is answered. */
static bool admit(struct api *api, struct http_exchange *exchange, enum route_access access)
{
    const char *signature = http_header(exchange, SANDBOX_SIGNATURE);
    size_t len;
    const char *body = http_body(exchange, &len);

    switch (access) {
    case ROUTE_NOBODY:
        break;
    case ROUTE_SANDBOX_PERSON:
        return true;
    case ROUTE_SANDBOX_CARRIER:
        if (!is_form(exchange)) {
            problem_reply(exchange, 415, "Unsupported media type",
                          "The body has to be application/x-www-form-urlencoded.");
            return false;
        }
        if (signature != NULL && secret_verify(api->keyring, SECRET_SANDBOX, body, len, signature))
            return true;
        log_warning("webhook_refused", LOG_STR("link", SANDBOX_LINK),
                    LOG_STR("reason", signature == NULL ? "unsigned" : "bad_signature"));
        break;
    }
    problem_reply(exchange, 403, "Forbidden", "The request is not signed by this carrier.");
    return false;
}

/* ---------------------------------------------------------------- dispatch */

void api_handle(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    const struct route *found = NULL;

    for (size_t i = 0; i < MEM_COUNT(routes) && api->sandbox != NULL; i++) {
        if (strcmp(routes[i].path, http_path(exchange)) != 0)
            continue;
        found = &routes[i];
        if (strcmp(found->method, http_method(exchange)) != 0)
            continue;
        if (admit(api, exchange, found->access))
            found->handler(api, exchange);
        return;
    }
    if (found == NULL) {
        problem_reply(exchange, 404, "Not found", "There is nothing at this path.");
        return;
    }
    http_reply_header(exchange, "Allow", found->method);
    problem_reply(exchange, 405, "Method not allowed", "This path takes another method.");
}
