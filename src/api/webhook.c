/*
 * webhook.c - what carriers bring: messages and receipts, at /webhooks/LINK/message and
 * /webhooks/LINK/receipt. A 200 says that it is committed; 503, that the carrier shall bring it
 * again; other 4xx, that no repetition will help. What its requests look like is the provider's
 * business.
 */
#include <stdlib.h>
#include <string.h>

#include "api/route.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/receipt.h"

/* A request that is being stored. */
struct webhook_call {
    struct http_exchange *exchange;
    const struct carrier *carrier;
};

static const struct carrier *find_carrier(const struct api *api, const char *name)
{
    for (size_t i = 0; i < api->carrier_count; i++)
        if (strcmp(api->carriers[i].name, name) == 0)
            return &api->carriers[i];
    return NULL;
}

bool webhook_exists(const struct api *api, const char *name, enum provider_event event,
                    const char *method)
{
    const struct carrier *carrier = find_carrier(api, name);

    return carrier != NULL && carrier->provider->takes(carrier->self, event, method);
}

static const char *request_header(void *arg, const char *name)
{
    return http_header(arg, name);
}

static struct provider_webhook read_request(struct http_exchange *exchange)
{
    struct provider_webhook webhook = {
        .method = http_method(exchange),
        .path = http_path(exchange),
        .query = http_query(exchange),
        .header = request_header,
        .arg = exchange,
    };

    webhook.body = http_body(exchange, &webhook.len);
    return webhook;
}

bool webhook_admit(const struct api *api, const struct request *request)
{
    const struct carrier *carrier = find_carrier(api, request->name);
    struct provider_webhook webhook = read_request(request->exchange);
    enum provider_check check = carrier->provider->verify(carrier->self, &webhook);

    switch (check) {
    case PROVIDER_GENUINE:
        return true;
    case PROVIDER_WRONG_TYPE:
        problem_reply(request->exchange, 415, "Unsupported media type",
                      "The body has to be application/x-www-form-urlencoded.");
        return false;
    case PROVIDER_UNSIGNED:
    case PROVIDER_FORGED:
        break;
    }
    log_warning("webhook_refused", LOG_STR("link", carrier->name),
                LOG_STR("reason", provider_check_word(check)));
    problem_reply(request->exchange, 403, "Forbidden",
                  "The request is not proved by this carrier.");
    return false;
}

static void reply_malformed(struct http_exchange *exchange, const struct carrier *carrier,
                            const char *why)
{
    log_warning("webhook_malformed", LOG_STR("link", carrier->name), LOG_STR("reason", why));
    problem_reply(exchange, 400, "Malformed request", why);
}

static void reply_stored(struct http_exchange *exchange, const struct carrier *carrier)
{
    struct provider_answer answer = carrier->provider->answer(carrier->self);

    http_reply(exchange, 200, *answer.body != '\0' ? answer.type : NULL, answer.body,
               strlen(answer.body));
}

static void call_end(struct webhook_call *call, bool stored)
{
    if (stored)
        reply_stored(call->exchange, call->carrier);
    else
        problem_reply_later(call->exchange);
    free(call);
}

static struct webhook_call *call_new(struct http_exchange *exchange, const struct carrier *carrier)
{
    struct webhook_call *call = mem_new(1, sizeof(*call));

    *call = (struct webhook_call){.exchange = exchange, .carrier = carrier};
    return call;
}

/* ---------------------------------------------------------------- messages */

static void message_on_done(void *arg, enum receive_outcome outcome)
{
    call_end(arg, outcome == RECEIVE_STORED);
}

void webhook_message(struct api *api, const struct request *request)
{
    const struct carrier *carrier = find_carrier(api, request->name);
    struct provider_webhook webhook = read_request(request->exchange);
    struct provider_inbound inbound = {0};
    const char *why = "";

    if (!carrier->provider->read_message(carrier->self, &webhook, &inbound, &why))
        reply_malformed(request->exchange, carrier, why);
    else if (receive_is_full(api->receive))
        problem_reply_later(request->exchange);
    else
        receive_take(api->receive,
                     &(struct receive_message){
                         .link = carrier->name,
                         .provider_id = inbound.id,
                         .sender = inbound.sender,
                         .recipient = inbound.recipient,
                         .text = inbound.text,
                         .len = inbound.len,
                     },
                     message_on_done, call_new(request->exchange, carrier));
    free(inbound.text);
}

/* ---------------------------------------------------------------- receipts */

static void receipt_on_done(void *arg, bool stored)
{
    call_end(arg, stored);
}

void webhook_receipt(struct api *api, const struct request *request)
{
    const struct carrier *carrier = find_carrier(api, request->name);
    struct provider_webhook webhook = read_request(request->exchange);
    struct provider_receipt receipt = {0};
    struct webhook_call *call;
    const char *why = "";

    if (!carrier->provider->read_receipt(carrier->self, &webhook, &receipt, &why)) {
        reply_malformed(request->exchange, carrier, why);
        return;
    }
    if (receipt.state == PROVIDER_IGNORED) {
        reply_stored(request->exchange, carrier);
        return;
    }
    call = call_new(request->exchange, carrier);
    if (!receipt_take(api->store, carrier->name, receipt.id, provider_state_word(receipt.state),
                      receipt.error[0] != '\0' ? receipt.error : NULL, receipt_on_done, call))
        call_end(call, false);
}
