/* conf_carrier_check.c - what contradicts what within one carrier link. */
#include "base/conf_carrier_read.h"

#include <string.h>

#include "base/fill.h"
#include "base/mem.h"
#include "base/place.h"

struct judge {
    conf_carrier_fault_cb *fault;
    void *arg;
};

static bool is(const char *value, const char *word)
{
    return strcmp(value, word) == 0;
}

static bool is_set(const char *value)
{
    return *value != '\0';
}

static void must_be_set(const struct judge *judge, const char *value, const char *option,
                        const char *why)
{
    if (!is_set(value))
        judge->fault(judge->arg, option, why);
}

/* ---- Twilio */

/* Two letters and 32 hexadecimal digits. */
static bool is_sid(const char *sid, const char *start)
{
    return strncmp(sid, start, 2) == 0 && strlen(sid) == 34 &&
           strspn(sid + 2, "0123456789abcdefABCDEF") == 32;
}

static void check_twilio(const struct conf_carrier *carrier, const struct judge *judge)
{
    if (!is_sid(carrier->account_sid, "AC"))
        judge->fault(judge->arg, "account_sid", "must be AC and 32 hexadecimal digits");
    if (is_set(carrier->api_key_sid) && !is_sid(carrier->api_key_sid, "SK"))
        judge->fault(judge->arg, "api_key_sid", "must be SK and 32 hexadecimal digits");
    if (is_set(carrier->messaging_service_sid) && !is_sid(carrier->messaging_service_sid, "MG"))
        judge->fault(judge->arg, "messaging_service_sid", "must be MG and 32 hexadecimal digits");
    if (is_set(carrier->from) == is_set(carrier->messaging_service_sid))
        judge->fault(judge->arg, "from",
                     "one of from and messaging_service_sid must be set, and not both");
    if (is_set(carrier->api_key_sid) != is_set(carrier->api_key_secret_file))
        judge->fault(judge->arg, "api_key_secret_file",
                     "api_key_sid and api_key_secret_file must be set together");
    if (strchr(carrier->api_url, '?') != NULL || strstr(carrier->api_url, "{{") != NULL ||
        carrier->api_url[strlen(carrier->api_url) - 1] == '/')
        judge->fault(judge->arg, "api_url", "must be a plain address without a slash at its end");
}

/* ---- generic: the request */

static bool uses(const struct conf_carrier *carrier, const char *name)
{
    for (size_t i = 0; i < carrier->headers.count; i++)
        if (fill_uses(carrier->headers.items[i], name))
            return true;
    return fill_uses(carrier->url, name) || fill_uses(carrier->body, name);
}

static void check_body(const struct conf_carrier *carrier, const struct judge *judge)
{
    const char *why = NULL;

    if (is(carrier->body_type, "none") || is(carrier->method, "GET")) {
        if (is_set(carrier->body))
            judge->fault(judge->arg, "body", "there is none, because of body_type or method");
        if (!is(carrier->body_type, "none"))
            judge->fault(judge->arg, "body_type", "must be \"none\", because method is GET");
        return;
    }
    must_be_set(judge, carrier->body, "body", "must be set, because body_type is not \"none\"");
    if (is_set(carrier->body))
        why = fill_fault(carrier->body, is(carrier->body_type, "json") ? FILL_JSON : FILL_FORM);
    if (why != NULL)
        judge->fault(judge->arg, "body", why);
}

static void check_request(const struct conf_carrier *carrier, const struct judge *judge)
{
    check_body(carrier, judge);
    if (!uses(carrier, "recipient") || !uses(carrier, "text"))
        judge->fault(judge->arg, "body",
                     "{{recipient}} and {{text}} must be filled in somewhere: body, url, headers");
    if (carrier->idempotent && !uses(carrier, "reference"))
        judge->fault(judge->arg, "idempotent",
                     "{{reference}} must be filled in somewhere: body, url, headers");
    if (uses(carrier, "sender"))
        must_be_set(judge, carrier->from, "from", "must be set, because {{sender}} is used");
    if (is(carrier->auth, "basic") || uses(carrier, "user"))
        must_be_set(judge, carrier->user, "user", "must be set: it is used");
    if (!is(carrier->auth, "none") || uses(carrier, "secret"))
        must_be_set(judge, carrier->secret_file, "secret_file", "must be set: it is used");
    if (uses(carrier, "callback") && is(carrier->receipt_method, "none"))
        judge->fault(judge->arg, "receipt_method",
                     "must not be \"none\", because {{callback}} is used");
    if (carrier->rules.count == 0)
        judge->fault(judge->arg, "rules", "must be set: what the carrier's answers mean");
}

/* ---- generic: what the carrier brings */

/* The signature of hmac is of the body: nothing else of the request is to be believed. */
static void check_covered(const struct conf_carrier *carrier, const struct judge *judge)
{
    const struct {
        const char *option, *place;
    } places[] = {
        {"receipt_id_at", carrier->receipt_id_at},
        {"receipt_state_at", carrier->receipt_state_at},
        {"receipt_error_at", carrier->receipt_error_at},
        {"reply_id_at", carrier->reply_id_at},
        {"reply_from_at", carrier->reply_from_at},
        {"reply_to_at", carrier->reply_to_at},
        {"reply_text_at", carrier->reply_text_at},
    };

    if (!is(carrier->webhook_auth, "hmac"))
        return;
    if (is(carrier->receipt_method, "GET"))
        judge->fault(judge->arg, "receipt_method", "must be POST, because hmac signs the body");
    if (is(carrier->reply_method, "GET"))
        judge->fault(judge->arg, "reply_method", "must be POST, because hmac signs the body");
    for (size_t i = 0; i < MEM_COUNT(places); i++)
        if (is_set(places[i].place) &&
            (place_kind(places[i].place) & (PLACE_JSON | PLACE_FORM)) == 0)
            judge->fault(judge->arg, places[i].option,
                         "must be a place in the body, because hmac signs nothing else");
}

static void check_verification(const struct conf_carrier *carrier, const struct judge *judge)
{
    if (is(carrier->webhook_auth, "none"))
        judge->fault(judge->arg, "webhook_auth",
                     "must not be \"none\", or anybody could bring receipts and replies");
    must_be_set(judge, carrier->webhook_secret_file, "webhook_secret_file",
                "must be set, because of webhook_auth");
    if (is(carrier->webhook_auth, "hmac") || is(carrier->webhook_auth, "header"))
        must_be_set(judge, carrier->webhook_header, "webhook_header",
                    "must be set, because of webhook_auth");
    if (is(carrier->webhook_auth, "basic"))
        must_be_set(judge, carrier->webhook_user, "webhook_user",
                    "must be set, because of webhook_auth");
    if (is(carrier->webhook_auth, "query"))
        must_be_set(judge, carrier->webhook_query, "webhook_query",
                    "must be set, because of webhook_auth");
    check_covered(carrier, judge);
}

static void check_webhooks(const struct conf_carrier *carrier, const struct judge *judge)
{
    static const char receipts[] = "must be set, because of receipt_method";
    static const char replies[] = "must be set, because of reply_method";

    if (!is(carrier->receipt_method, "none")) {
        must_be_set(judge, carrier->id_at, "id_at", receipts);
        must_be_set(judge, carrier->receipt_id_at, "receipt_id_at", receipts);
        must_be_set(judge, carrier->receipt_state_at, "receipt_state_at", receipts);
        if (carrier->receipt_states.count == 0)
            judge->fault(judge->arg, "receipt_states", receipts);
    }
    if (!is(carrier->reply_method, "none")) {
        must_be_set(judge, carrier->reply_id_at, "reply_id_at", replies);
        must_be_set(judge, carrier->reply_from_at, "reply_from_at", replies);
        must_be_set(judge, carrier->reply_text_at, "reply_text_at", replies);
        if (!is_set(carrier->reply_to_at))
            must_be_set(judge, carrier->from, "from", "must be set, because reply_to_at is not");
    }
    if (conf_carrier_calls_back(carrier))
        check_verification(carrier, judge);
}

void conf_carrier_check(const struct conf_carrier *carrier, conf_carrier_fault_cb *fault, void *arg)
{
    const struct judge judge = {.fault = fault, .arg = arg};

    switch (carrier->type) {
    case CONF_CARRIER_TWILIO:
        check_twilio(carrier, &judge);
        return;
    case CONF_CARRIER_GENERIC:
        check_request(carrier, &judge);
        check_webhooks(carrier, &judge);
        return;
    }
}
