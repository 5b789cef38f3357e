/* webhook_sandbox.c - what the sandbox carrier brings: messages and receipts. A 200 says that it is
 * committed; anything else, that the carrier shall bring it again or, for 4xx, that no repetition
 * will help. */
#include <string.h>

#include "api/route.h"
#include "base/form.h"
#include "base/log.h"
#include "flow/receipt.h"

enum { WEBHOOK_FIELDS_MAX = 32, WEBHOOK_ID_MAX = 200, WEBHOOK_ADDRESS_MAX = 254 };

static void reply_stored(struct http_exchange *exchange)
{
    static const char body[] = "{\"stored\":true}";

    http_reply(exchange, 200, "application/json", body, sizeof(body) - 1);
}

static void reply_malformed(struct http_exchange *exchange, const char *detail)
{
    log_warning("webhook_malformed", LOG_STR("link", SANDBOX_LINK), LOG_STR("reason", detail));
    problem_reply(exchange, 400, "Malformed request", detail);
}

static struct form *read_form(struct http_exchange *exchange)
{
    size_t len;
    const char *body = http_body(exchange, &len);
    struct form *form = form_parse(body, len, WEBHOOK_FIELDS_MAX);

    if (form == NULL)
        reply_malformed(exchange, "The form cannot be decoded.");
    return form;
}

/* A field that has to be there once, as text of 1 to `max` bytes; NULL otherwise. */
static const char *short_text(const struct form *form, const char *name, size_t max)
{
    const char *text = form_get_text(form, name);

    return text != NULL && text[0] != '\0' && strlen(text) <= max ? text : NULL;
}

static void message_on_done(void *arg, enum receive_outcome outcome)
{
    struct http_exchange *exchange = arg;

    switch (outcome) {
    case RECEIVE_STORED:
        reply_stored(exchange);
        return;
    case RECEIVE_UNAVAILABLE:
        problem_reply_later(exchange);
        return;
    }
}

void webhook_sandbox_message(struct api *api, const struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct form *form = read_form(exchange);
    struct receive_message message = {.link = SANDBOX_LINK};

    if (form == NULL)
        return;
    message.provider_id = short_text(form, "id", WEBHOOK_ID_MAX);
    message.sender = short_text(form, "from", WEBHOOK_ADDRESS_MAX);
    message.recipient = short_text(form, "to", WEBHOOK_ADDRESS_MAX);
    message.text = form_get(form, "text", &message.len);
    if (message.provider_id == NULL || message.sender == NULL || message.recipient == NULL ||
        message.text == NULL)
        reply_malformed(exchange, "The fields id, from, to and text have to be there, once each.");
    else if (receive_is_full(api->receive))
        problem_reply_later(exchange);
    else
        receive_take(api->receive, &message, message_on_done, exchange);
    form_free(form);
}

static void receipt_on_done(void *arg, bool stored)
{
    struct http_exchange *exchange = arg;

    if (stored)
        reply_stored(exchange);
    else
        problem_reply_later(exchange);
}

void webhook_sandbox_receipt(struct api *api, const struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct form *form = read_form(exchange);
    const char *id, *state;

    if (form == NULL)
        return;
    id = short_text(form, "id", WEBHOOK_ID_MAX);
    state = form_get_text(form, "state");
    if (id == NULL || state == NULL || !receipt_knows(state))
        reply_malformed(exchange, "The fields id and state have to be there; state is delivered, "
                                  "undelivered or expired.");
    else if (!receipt_take(api->store, SANDBOX_LINK, id, state, receipt_on_done, exchange))
        problem_reply_later(exchange);
    form_free(form);
}
