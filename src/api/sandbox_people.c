/* sandbox_people.c - the sandbox seen by the people who try it: what the telephones got, and
 * answering from one of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/route.h"
#include "base/form.h"
#include "base/log.h"

enum { PEOPLE_FIELDS_MAX = 8, PEOPLE_LIST_MAX = 5000 };

/* GET /sandbox/messages?address=NUMBER-OR-MAILBOX: an array, oldest first. */
void sandbox_list_messages(struct api *api, const struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    const char *query = http_query(exchange);
    struct form *form = form_parse(query, strlen(query), PEOPLE_FIELDS_MAX);
    json_t *list;
    char *text;

    if (form == NULL) {
        problem_reply(exchange, 400, "Malformed request", "The query cannot be decoded.");
        return;
    }
    list = sandbox_messages(api->sandbox, form_get_text(form, "address"), PEOPLE_LIST_MAX);
    text = json_dumps(list, JSON_COMPACT);
    if (text == NULL)
        log_fatal("out of memory");
    http_reply(exchange, 200, "application/json", text, strlen(text));
    free(text);
    json_decref(list);
    form_free(form);
}

static void reply_on_status(void *arg, int status)
{
    struct http_exchange *exchange = arg;
    static const char body[] = "{\"stored\":true}";

    if (status == 200)
        http_reply(exchange, 200, "application/json", body, sizeof(body) - 1);
    else if (status == 503 || status == 0)
        problem_reply_later(exchange);
    else
        problem_reply(exchange, 502, "Refused", "The gateway's webhook did not take the message.");
}

/* POST /sandbox/replies: from, text and, to bring the same message twice, id. */
void sandbox_take_reply(struct api *api, const struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    size_t len;
    const char *body = http_body(exchange, &len);
    struct form *form = form_parse(body, len, PEOPLE_FIELDS_MAX);
    const char *from, *text;
    size_t text_len;

    if (form == NULL) {
        problem_reply(exchange, 400, "Malformed request", "The form cannot be decoded.");
        return;
    }
    from = form_get_text(form, "from");
    text = form_get(form, "text", &text_len);
    if (from == NULL || from[0] == '\0' || text == NULL)
        problem_reply(exchange, 400, "Malformed request",
                      "The fields from and text have to be there, once each.");
    else
        sandbox_reply(api->sandbox, from, text, text_len, form_get_text(form, "id"),
                      reply_on_status, exchange);
    form_free(form);
}
