/*
 * provider_twilio.c - Twilio's Programmable Messaging API, version 2010-04-01. It follows
 * https://www.twilio.com/docs/messaging/api/message-resource (submit, status callback),
 * https://www.twilio.com/docs/messaging/guides/webhook-request (replies) and
 * https://www.twilio.com/docs/usage/webhooks/webhooks-security (signatures).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/form.h"
#include "base/mem.h"
#include "base/place.h"
#include "base/secret.h"
#include "base/secret_file.h"
#include "channel/provider.h"

enum { TWILIO_FIELDS_MAX = 128, TWILIO_FORM_MAX = 32768 };

struct twilio {
    const struct conf_carrier *conf;
    char *public_url; /* our own: the configuration's goes at a reload */
    char *auth_token;
    char *authorization; /* the header */
    char *url;
    char *fragment; /* of our addresses, with its '#'; "" where there is none */
    char *callback;
};

/* ---------------------------------------------------------------- opening */

static void twilio_close(void *self)
{
    struct twilio *twilio = self;

    if (twilio == NULL)
        return;
    secret_file_free(twilio->auth_token);
    secret_file_free(twilio->authorization);
    free(twilio->public_url);
    free(twilio->url);
    free(twilio->fragment);
    free(twilio->callback);
    free(twilio);
}

/* RFC 7617, with the API key where there is one. */
static bool make_authorization(struct twilio *twilio, char *error, size_t size)
{
    const struct conf_carrier *conf = twilio->conf;
    bool by_key = *conf->api_key_sid != '\0';
    char *key_secret = NULL, *pair, *encoded;

    if (by_key && (key_secret = secret_file_read(conf->api_key_secret_file, error, size)) == NULL)
        return false;
    pair = mem_printf("%s:%s", by_key ? conf->api_key_sid : conf->account_sid,
                      by_key ? key_secret : twilio->auth_token);
    encoded = base64_encode(pair, strlen(pair));
    twilio->authorization = mem_printf("Authorization: Basic %s", encoded);
    secret_file_free(encoded);
    secret_file_free(pair);
    secret_file_free(key_secret);
    return true;
}

static void *twilio_open(const struct conf_carrier *conf, const char *public_url, char *error,
                         size_t size)
{
    struct twilio *twilio = mem_new(1, sizeof(*twilio));

    twilio->conf = conf;
    twilio->public_url = mem_strdup(public_url);
    twilio->auth_token = secret_file_read(conf->auth_token_file, error, size);
    if (twilio->auth_token == NULL || !make_authorization(twilio, error, size)) {
        twilio_close(twilio);
        return NULL;
    }
    twilio->url =
        mem_printf("%s/2010-04-01/Accounts/%s/Messages.json", conf->api_url, conf->account_sid);
    twilio->fragment = mem_printf("%s%s", *conf->connection_overrides != '\0' ? "#" : "",
                                  conf->connection_overrides);
    twilio->callback =
        mem_printf("%s/webhooks/%s/receipt%s", public_url, conf->name, twilio->fragment);
    return twilio;
}

/* It has no key by which it would know a message again, and its 500 says nothing of whether it
 * acted. */
static struct provider_traits twilio_traits(const void *self)
{
    (void)self;
    return (struct provider_traits){.promises_id = true, .error_is_vague = true};
}

/* ---------------------------------------------------------------- submit */

static bool append(struct provider_request *request, const char *name, const char *value)
{
    return form_append(request->body, TWILIO_FORM_MAX, &request->len, name, value, strlen(value));
}

static bool twilio_build(const void *self, const struct channel_message *message,
                         struct provider_request *request, const char **why)
{
    const struct twilio *twilio = self;
    bool service = *twilio->conf->messaging_service_sid != '\0';

    request->method = "POST";
    request->url = mem_strdup(twilio->url);
    request->body = mem_new(TWILIO_FORM_MAX, 1);
    provider_request_header(request, mem_strdup("Content-Type: application/x-www-form-urlencoded"));
    provider_request_header(request, mem_strdup("Accept: application/json"));
    provider_request_header(request, mem_strdup(twilio->authorization));
    if (append(request, "To", message->recipient) &&
        append(request, service ? "MessagingServiceSid" : "From",
               service ? twilio->conf->messaging_service_sid : twilio->conf->from) &&
        append(request, "Body", message->text) &&
        append(request, "StatusCallback", twilio->callback))
        return true;
    *why = "text_too_long";
    return false;
}

/*
 * Twilio's error codes (https://www.twilio.com/docs/api/errors), as far as they say something about
 * one message or about sending as a whole. What is ours to mend (the account, the sender, a
 * permission) is no fault of the message: the link pauses.
 */
static const struct code {
    int code;
    enum channel_outcome outcome;
    const char *word;
} codes[] = {
    {10001, CHANNEL_LINK_DOWN, "account_not_active"},
    {14107, CHANNEL_THROTTLED, "rate_limit"},
    {20003, CHANNEL_LINK_DOWN, "auth_refused"},
    {20005, CHANNEL_LINK_DOWN, "account_not_active"},
    {20403, CHANNEL_LINK_DOWN, "auth_refused"},
    {20404, CHANNEL_LINK_DOWN, "not_found"},
    {20429, CHANNEL_THROTTLED, "rate_limit"},
    {21211, CHANNEL_REJECTED, "invalid_number"},
    {21212, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21214, CHANNEL_REJECTED, "unreachable_number"},
    {21217, CHANNEL_REJECTED, "invalid_number"},
    {21219, CHANNEL_REJECTED, "number_not_verified"},
    {21265, CHANNEL_REJECTED, "short_code"},
    {21266, CHANNEL_REJECTED, "number_is_sender"},
    {21408, CHANNEL_REJECTED, "region_not_permitted"},
    {21421, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21601, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21602, CHANNEL_REJECTED, "text_missing"},
    {21603, CHANNEL_LINK_DOWN, "sender_missing"},
    {21604, CHANNEL_REJECTED, "invalid_number"},
    {21606, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21607, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21608, CHANNEL_REJECTED, "number_not_verified"},
    {21609, CHANNEL_LINK_DOWN, "callback_invalid"},
    {21610, CHANNEL_OPTED_OUT, "opted_out"},
    {21611, CHANNEL_THROTTLED, "queue_full"},
    {21612, CHANNEL_REJECTED, "no_route"},
    {21614, CHANNEL_REJECTED, "no_mobile_number"},
    {21617, CHANNEL_REJECTED, "text_too_long"},
    {21619, CHANNEL_REJECTED, "text_missing"},
    {21635, CHANNEL_REJECTED, "landline"},
    {21659, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21660, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21661, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21701, CHANNEL_LINK_DOWN, "sender_invalid"},
    {21703, CHANNEL_LINK_DOWN, "sender_missing"},
    {21704, CHANNEL_LINK_DOWN, "sender_missing"},
    {21705, CHANNEL_LINK_DOWN, "sender_invalid"},
    {30001, CHANNEL_THROTTLED, "queue_full"},
    {30002, CHANNEL_LINK_DOWN, "account_not_active"},
    {30003, CHANNEL_RETRY, "unreachable"},
    {30004, CHANNEL_REJECTED, "blocked"},
    {30005, CHANNEL_REJECTED, "unknown_number"},
    {30006, CHANNEL_REJECTED, "landline"},
    {30007, CHANNEL_REJECTED, "filtered"},
    {30008, CHANNEL_RETRY, "unknown_error"},
    {30022, CHANNEL_THROTTLED, "rate_limit"},
    {30023, CHANNEL_THROTTLED, "rate_limit"},
    {30410, CHANNEL_RETRY, "carrier_timeout"},
    {30500, CHANNEL_RETRY, "carrier_error"},
};

static const struct code *find_code(int code)
{
    for (size_t i = 0; i < MEM_COUNT(codes); i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

static void error_of_code(char error[PROVIDER_ERROR_MAX], int code)
{
    const struct code *known = find_code(code);

    if (known != NULL)
        snprintf(error, PROVIDER_ERROR_MAX, "%s", known->word);
    else
        snprintf(error, PROVIDER_ERROR_MAX, "twilio_%d", code);
}

/* A code that the table lacks: those of messages are 21xxx and 30xxx, all others are about the
 * account and the API. */
static enum channel_outcome outcome_of_code(int code)
{
    const struct code *known = find_code(code);

    if (known != NULL)
        return known->outcome;
    return (code >= 21000 && code < 22000) || (code >= 30000 && code < 31000) ? CHANNEL_REJECTED
                                                                              : CHANNEL_LINK_DOWN;
}

static bool twilio_read_answer(const void *self, const struct http_answer *answer,
                               struct provider_verdict *verdict)
{
    struct place_source source = {.body = answer->body, .len = answer->len, .query = ""};
    struct place_reader *reader = place_reader_new(&source);
    const char *code = place_get_text(reader, "json:code");
    bool ok = false;

    (void)self;
    if (answer->status >= 200 && answer->status <= 299) {
        verdict->outcome = CHANNEL_ACCEPTED;
        if (!place_copy_text(reader, "json:sid", verdict->id, sizeof(verdict->id)))
            verdict->id[0] = '\0';
        ok = true;
    } else if (answer->status >= 400 && answer->status <= 499 && code != NULL &&
               strspn(code, "0123456789") == strlen(code) && strlen(code) <= 6) {
        verdict->outcome = outcome_of_code(atoi(code));
        error_of_code(verdict->error, atoi(code));
        ok = true;
    }
    place_reader_free(reader);
    return ok;
}

/* ---------------------------------------------------------------- signatures */

static bool twilio_takes(const void *self, enum provider_event event, const char *method)
{
    (void)self;
    (void)event;
    return strcmp(method, "POST") == 0;
}

static int compare_bytes(const char *one, size_t one_len, const char *other, size_t other_len)
{
    int order = memcmp(one, other, one_len < other_len ? one_len : other_len);

    return order != 0 ? order : (one_len > other_len) - (one_len < other_len);
}

static int compare_pairs(const void *one, const void *other)
{
    const struct form_pair *left = one, *right = other;
    int order = compare_bytes(left->name, left->name_len, right->name, right->name_len);

    return order != 0 ? order
                      : compare_bytes(left->value, left->value_len, right->value, right->value_len);
}

/* The parameters as they are signed: name and value of each, sorted; one that occurs twice with the
 * same value counts once. */
static char *signed_parameters(const struct form *form, size_t *len)
{
    size_t count = form_count(form), size = 1;
    struct form_pair *pairs = mem_new(count, sizeof(*pairs));
    char *text;

    for (size_t i = 0; i < count; i++) {
        pairs[i] = form_pair(form, i);
        size += pairs[i].name_len + pairs[i].value_len;
    }
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    text = mem_new(size, 1);
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
            continue;
        memcpy(text + *len, pairs[i].name, pairs[i].name_len);
        *len += pairs[i].name_len;
        memcpy(text + *len, pairs[i].value, pairs[i].value_len);
        *len += pairs[i].value_len;
    }
    free(pairs);
    return text;
}

/* The public address with the port that its scheme stands for, or without any. */
static char *origin_with_port(const char *url, bool with)
{
    const char *host = strstr(url, "://") + 3;
    size_t host_len = strcspn(host, "/");
    const char *bracket = memchr(host, ']', host_len);
    const char *from = bracket != NULL ? bracket : host;
    const char *colon = memchr(from, ':', host_len - (size_t)(from - host));
    const char *rest = host + host_len;

    if (with && colon == NULL)
        return mem_printf("%.*s:%s%s", (int)(rest - url), url,
                          strncmp(url, "https:", 6) == 0 ? "443" : "80", rest);
    if (!with && colon != NULL)
        return mem_printf("%.*s%s", (int)(colon - url), url, rest);
    return mem_strdup(url);
}

static bool signature_fits(const struct twilio *twilio, const struct provider_webhook *webhook,
                           bool with_port, const char *fragment, const char *parameters, size_t len,
                           const char *signature)
{
    char *origin = origin_with_port(twilio->public_url, with_port);
    char *url = mem_printf("%s%s%s%s%s", origin, webhook->path, *webhook->query != '\0' ? "?" : "",
                           webhook->query, fragment);
    size_t url_len = strlen(url);
    char *all = mem_new(url_len + len, 1), *expected;
    uint8_t mac[SECRET_HASH_BYTES];
    bool same;

    memcpy(all, url, url_len);
    memcpy(all + url_len, parameters, len);
    expected = base64_encode(mac, secret_hmac(SECRET_SHA1, twilio->auth_token,
                                              strlen(twilio->auth_token), all, url_len + len, mac));
    same = secret_same(signature, expected);
    free(expected);
    free(all);
    free(url);
    free(origin);
    return same;
}

/* Twilio signs the address with the port or without it: its own libraries try both. They keep the
 * fragment as well, and its documentation does not say whether it is signed. */
static enum provider_check twilio_verify(const void *self, const struct provider_webhook *webhook)
{
    const struct twilio *twilio = self;
    const char *signature = webhook->header(webhook->arg, "X-Twilio-Signature");
    struct form *form;
    char *parameters;
    size_t len;
    bool same = false;

    if (!provider_is_form(webhook))
        return PROVIDER_WRONG_TYPE;
    if (signature == NULL || *signature == '\0')
        return PROVIDER_UNSIGNED;
    form = form_parse(webhook->body, webhook->len, TWILIO_FIELDS_MAX);
    if (form == NULL)
        return PROVIDER_FORGED;
    parameters = signed_parameters(form, &len);
    for (int way = 0; way < 4; way++)
        same |= signature_fits(twilio, webhook, (way & 1) != 0,
                               (way & 2) != 0 ? twilio->fragment : "", parameters, len, signature);
    free(parameters);
    form_free(form);
    return same ? PROVIDER_GENUINE : PROVIDER_FORGED;
}

/* ---------------------------------------------------------------- what it brings */

static struct place_reader *read_body(const struct provider_webhook *webhook)
{
    struct place_source source = {.body = webhook->body, .len = webhook->len, .query = ""};

    return place_reader_new(&source);
}

static bool twilio_read_message(const void *self, const struct provider_webhook *webhook,
                                struct provider_inbound *message, const char **why)
{
    struct place_reader *reader = read_body(webhook);
    const char *text = place_get(reader, "form:Body", &message->len);
    bool ok = text != NULL &&
              place_copy_text(reader, "form:MessageSid", message->id, PROVIDER_ID_MAX) &&
              place_copy_text(reader, "form:From", message->sender, PROVIDER_ADDRESS_MAX) &&
              place_copy_text(reader, "form:To", message->recipient, PROVIDER_ADDRESS_MAX);

    (void)self;
    *why = "The fields MessageSid, From, To and Body have to be there, once each.";
    if (ok)
        message->text = mem_strndup(text, message->len);
    place_reader_free(reader);
    return ok;
}

/* Those that are not here, such as queued, sending and sent, say nothing of the end. */
static const struct {
    const char *word;
    enum provider_state state;
} states[] = {
    {"delivered", PROVIDER_DELIVERED},     {"read", PROVIDER_DELIVERED},
    {"undelivered", PROVIDER_UNDELIVERED}, {"failed", PROVIDER_UNDELIVERED},
    {"canceled", PROVIDER_UNDELIVERED},
};

static bool twilio_read_receipt(const void *self, const struct provider_webhook *webhook,
                                struct provider_receipt *receipt, const char **why)
{
    struct place_reader *reader = read_body(webhook);
    const char *word = place_get_text(reader, "form:MessageStatus");
    const char *code = place_get_text(reader, "form:ErrorCode");
    bool ok =
        word != NULL && place_copy_text(reader, "form:MessageSid", receipt->id, PROVIDER_ID_MAX);

    (void)self;
    *why = "The fields MessageSid and MessageStatus have to be there, once each.";
    receipt->state = PROVIDER_IGNORED;
    for (size_t i = 0; ok && i < MEM_COUNT(states); i++)
        if (strcmp(states[i].word, word) == 0)
            receipt->state = states[i].state;
    if (ok && code != NULL && strspn(code, "0123456789") == strlen(code) && strlen(code) <= 6 &&
        atoi(code) != 0)
        error_of_code(receipt->error, atoi(code));
    place_reader_free(reader);
    return ok;
}

/* TwiML that says nothing: our answer goes out as a message of its own. */
static struct provider_answer twilio_answer(const void *self)
{
    (void)self;
    return (struct provider_answer){.type = "text/xml", .body = "<Response/>"};
}

const struct provider provider_twilio = {
    .type = "twilio",
    .open = twilio_open,
    .close = twilio_close,
    .traits = twilio_traits,
    .build = twilio_build,
    .read_answer = twilio_read_answer,
    .takes = twilio_takes,
    .verify = twilio_verify,
    .read_message = twilio_read_message,
    .read_receipt = twilio_read_receipt,
    .answer = twilio_answer,
};
