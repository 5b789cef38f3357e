/* conf_carrier_options.c - the table of the options of carriers. It reads nothing. */
#include "base/conf_carrier_read.h"

#include "base/mem.h"
#include "base/place.h"

#define AT(member) offsetof(struct conf_carrier, member)

enum {
    TWILIO = CONF_CARRIER_TWILIO,
    GENERIC = CONF_CARRIER_GENERIC,
    EVERY = TWILIO | GENERIC,
    IN_ANSWER = PLACE_JSON | PLACE_FORM | PLACE_HEADER | PLACE_BODY,
    IN_WEBHOOK = PLACE_JSON | PLACE_FORM | PLACE_QUERY | PLACE_HEADER,
};

static const char *const methods[] = {"POST", "GET", "PUT", NULL};
static const char *const body_types[] = {"json", "form", "none", NULL};
static const char *const number_formats[] = {"e164", "digits", "national", NULL};
static const char *const auths[] = {"none", "basic", "bearer", NULL};
static const char *const server_errors[] = {"retry", "unknown", NULL};
static const char *const webhook_methods[] = {"none", "POST", "GET", NULL};
static const char *const webhook_auths[] = {"none", "hmac", "header", "basic", "query", NULL};
static const char *const hashes[] = {"sha256", "sha1", NULL};
static const char *const encodings[] = {"hex", "base64", NULL};

const enum conf_carrier_type conf_carrier_types[] = {CONF_CARRIER_TWILIO, CONF_CARRIER_GENERIC};
const size_t conf_carrier_type_count = MEM_COUNT(conf_carrier_types);

const char *conf_carrier_type_word(enum conf_carrier_type type)
{
    switch (type) {
    case CONF_CARRIER_TWILIO:
        return "twilio";
    case CONF_CARRIER_GENERIC:
        return "generic";
    }
    return "";
}

const char *conf_carrier_type_help(enum conf_carrier_type type)
{
    switch (type) {
    case CONF_CARRIER_TWILIO:
        return "A link by Twilio (Programmable Messaging). It brings replies to "
               "/webhooks/NAME/message and status callbacks to /webhooks/NAME/receipt below "
               "http.public_url, signed with the auth token.";
    case CONF_CARRIER_GENERIC:
        return "A link by any carrier with an HTTP API, described here. In url, headers and body "
               "{{recipient}}, {{text}}, {{reference}} (our number of the message), {{sender}} "
               "(the option from), {{callback}} (the address for receipts), {{user}} and "
               "{{secret}} are filled in, each with the escape of its surroundings. Places in "
               "answers and in what the carrier brings are written \"json:error.code\", "
               "\"form:id\", \"query:id\", \"header:X-Id\", \"body\" or \"body:ID=*;\".";
    }
    return "";
}

const struct conf_option conf_carrier_options[] = {
    {.path = "window",
     .type = CONF_INTEGER,
     .types = EVERY,
     .offset = AT(window),
     .fallback = "20",
     .min = 1,
     .max = 1000,
     .unit = "messages",
     .help = "How many messages may be on the wire to this carrier at once."},
    {.path = "timeout_seconds",
     .type = CONF_INTEGER,
     .types = EVERY,
     .offset = AT(timeout_seconds),
     .fallback = "30",
     .min = 1,
     .max = 300,
     .unit = "seconds",
     .help = "How long the carrier may take for its answer. After it nobody knows whether it has "
             "the message."},
    {.path = "ca_file",
     .type = CONF_FILE,
     .types = EVERY,
     .offset = AT(ca_file),
     .fallback = "",
     .help = "The certificate authorities (PEM) that the carrier's certificate is checked against. "
             "The empty text takes the system's."},
    {.path = "from",
     .type = CONF_ACCOUNT,
     .types = EVERY,
     .offset = AT(from),
     .fallback = "",
     .help = "Our number at this carrier with a plus sign and the country code, or the sender's "
             "name that it knows us by."},

    {.path = "account_sid",
     .type = CONF_ACCOUNT,
     .types = TWILIO,
     .required = true,
     .offset = AT(account_sid),
     .fallback = "",
     .help = "The account, AC and 32 hexadecimal digits."},
    {.path = "auth_token_file",
     .type = CONF_FILE,
     .types = TWILIO,
     .required = true,
     .offset = AT(auth_token_file),
     .fallback = "",
     .help = "The file that holds the account's primary auth token, on its first line: what Twilio "
             "brings is signed with it. It must not be readable by everybody."},
    {.path = "api_key_sid",
     .type = CONF_ACCOUNT,
     .types = TWILIO,
     .offset = AT(api_key_sid),
     .fallback = "",
     .help = "An API key (SK and 32 hexadecimal digits) to send with. The empty text sends with "
             "the account and its auth token."},
    {.path = "api_key_secret_file",
     .type = CONF_FILE,
     .types = TWILIO,
     .offset = AT(api_key_secret_file),
     .fallback = "",
     .help = "The file that holds that key's secret, on its first line. It must be set where "
             "api_key_sid is."},
    {.path = "messaging_service_sid",
     .type = CONF_ACCOUNT,
     .types = TWILIO,
     .offset = AT(messaging_service_sid),
     .fallback = "",
     .help = "A messaging service (MG and 32 hexadecimal digits) that chooses the number to send "
             "from; instead of from."},
    {.path = "api_url",
     .type = CONF_ENDPOINT,
     .types = TWILIO,
     .offset = AT(api_url),
     .fallback = "https://api.twilio.com",
     .help = "Where Twilio's API is: another host for another region."},
    {.path = "connection_overrides",
     .type = CONF_ACCOUNT,
     .types = TWILIO,
     .offset = AT(connection_overrides),
     .fallback = "rc=5&rp=all",
     .help = "What stands behind a # at the end of our addresses, for Twilio to read: by default "
             "it brings again what we could not take, for up to 15 seconds. Enter it behind the "
             "address for replies, too."},

    {.path = "method",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = methods,
     .offset = AT(method),
     .fallback = "POST",
     .help = "How a message is submitted."},
    {.path = "url",
     .type = CONF_ENDPOINT,
     .types = GENERIC,
     .required = true,
     .offset = AT(url),
     .fallback = "",
     .help = "Where. Values can be filled in behind its question mark."},
    {.path = "headers",
     .type = CONF_HEADERS,
     .types = GENERIC,
     .offset = AT(headers),
     .fallback = "( )",
     .help = "Headers of the request, such as ( \"X-Api-Key: {{secret}}\" ). Content-Type and "
             "Authorization follow from other options."},
    {.path = "body_type",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = body_types,
     .offset = AT(body_type),
     .fallback = "json",
     .help = "What the body is."},
    {.path = "body",
     .type = CONF_TEXT,
     .types = GENERIC,
     .offset = AT(body),
     .fallback = "",
     .help = "The body. JSON: values stand within quotes, such as {\"to\": \"{{recipient}}\", "
             "\"text\": \"{{text}}\"}. A form: such as to={{recipient}}&text={{text}}. It must be "
             "set unless body_type is \"none\"."},
    {.path = "number_format",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = number_formats,
     .offset = AT(number_format),
     .fallback = "e164",
     .help = "How {{recipient}} is written: +817000000001, 817000000001, or 07000000001, which "
             "exists for numbers of Japan alone."},
    {.path = "auth",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = auths,
     .offset = AT(auth),
     .fallback = "none",
     .help = "The Authorization header: basic (user and the secret) or bearer (the secret)."},
    {.path = "user",
     .type = CONF_ACCOUNT,
     .types = GENERIC,
     .offset = AT(user),
     .fallback = "",
     .help = "Our name at the carrier: of basic, and {{user}}."},
    {.path = "secret_file",
     .type = CONF_FILE,
     .types = GENERIC,
     .offset = AT(secret_file),
     .fallback = "",
     .help = "The file that holds our password or token at the carrier, on its first line: of "
             "basic and bearer, and {{secret}}. It must not be readable by everybody."},
    {.path = "idempotent",
     .type = CONF_SWITCH,
     .types = GENERIC,
     .offset = AT(idempotent),
     .fallback = "false",
     .help = "Whether the carrier sends a message once, however often it is submitted with the "
             "same {{reference}}. Then a submit whose answer got lost is repeated."},
    {.path = "server_error",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = server_errors,
     .offset = AT(server_error),
     .fallback = "retry",
     .help = "What a status of 500 and above means where no rule says it: that the carrier has not "
             "taken the message (retry), or that nobody knows (unknown). For 502 and 504 nobody "
             "knows."},
    {.path = "rules",
     .type = CONF_RULES,
     .types = GENERIC,
     .offset = AT(rules),
     .fallback = "( )",
     .help = "What the carrier's answers mean. The first rule counts whose conditions all hold; "
             "where none does, a status of 200 to 299 is unknown, 429 throttled, 3xx, 401, 402, "
             "403, "
             "404 and 405 link_down, 408 and 425 retry, other 4xx rejected, 502 and 504 unknown, "
             "other 5xx retry. It must be set."},
    {.path = "id_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_ANSWER,
     .offset = AT(id_at),
     .fallback = "",
     .help = "The place of the carrier's name of the message in its answer. Where it is set, an "
             "answer without one is unknown. Without it receipts cannot be told apart, and none "
             "are taken."},
    {.path = "error_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_ANSWER,
     .offset = AT(error_at),
     .fallback = "",
     .help = "The place of the carrier's error code, which is kept with a message that was not "
             "accepted, if it is one word of letters and digits."},

    {.path = "receipt_method",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = webhook_methods,
     .offset = AT(receipt_method),
     .fallback = "none",
     .help = "How the carrier brings receipts to /webhooks/NAME/receipt."},
    {.path = "receipt_id_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(receipt_id_at),
     .fallback = "",
     .help = "The place of the message's name, the same as at id_at."},
    {.path = "receipt_state_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(receipt_state_at),
     .fallback = "",
     .help = "The place of the word that says what became of it."},
    {.path = "receipt_error_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(receipt_error_at),
     .fallback = "",
     .help = "The place of an error code, kept like that at error_at."},
    {.path = "receipt_states",
     .type = CONF_STATES,
     .types = GENERIC,
     .offset = AT(receipt_states),
     .fallback = "( )",
     .help = "What its words mean, such as ( \"DELIVRD=delivered\", \"UNDELIV=undelivered\", "
             "\"EXPIRED=expired\", \"*=ignored\" ). The star is every other word; without it "
             "those are refused."},
    {.path = "reply_method",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = webhook_methods,
     .offset = AT(reply_method),
     .fallback = "none",
     .help = "How the carrier brings the patients' messages to /webhooks/NAME/message."},
    {.path = "reply_id_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(reply_id_at),
     .fallback = "",
     .help = "The place of the carrier's name of the message, by which it is known again. A "
             "message without one is refused."},
    {.path = "reply_from_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(reply_from_at),
     .fallback = "",
     .help = "The place of the sender's number, in any of the formats."},
    {.path = "reply_to_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(reply_to_at),
     .fallback = "",
     .help = "The place of the number that it was sent to. The empty text takes from."},
    {.path = "reply_text_at",
     .type = CONF_PLACE,
     .types = GENERIC,
     .places = IN_WEBHOOK,
     .offset = AT(reply_text_at),
     .fallback = "",
     .help = "The place of its text."},

    {.path = "webhook_auth",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = webhook_auths,
     .offset = AT(webhook_auth),
     .fallback = "none",
     .help = "How what the carrier brings is known to be from it: a signature of the body in a "
             "header (hmac), a secret in a header (header), name and password (basic), or a "
             "secret in the address (query). Without one nothing can be brought."},
    {.path = "webhook_secret_file",
     .type = CONF_FILE,
     .types = GENERIC,
     .offset = AT(webhook_secret_file),
     .fallback = "",
     .help = "The file that holds that key, secret or password, on its first line. It must not be "
             "readable by everybody."},
    {.path = "webhook_header",
     .type = CONF_HEADER_NAME,
     .types = GENERIC,
     .offset = AT(webhook_header),
     .fallback = "",
     .help = "The header of hmac and header."},
    {.path = "webhook_prefix",
     .type = CONF_TEXT,
     .types = GENERIC,
     .offset = AT(webhook_prefix),
     .fallback = "",
     .help = "What stands before the signature or secret in that header, such as sha256=."},
    {.path = "webhook_hash",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = hashes,
     .offset = AT(webhook_hash),
     .fallback = "sha256",
     .help = "The hash of hmac."},
    {.path = "webhook_encoding",
     .type = CONF_WORD,
     .types = GENERIC,
     .words = encodings,
     .offset = AT(webhook_encoding),
     .fallback = "hex",
     .help = "How the signature of hmac is written."},
    {.path = "webhook_user",
     .type = CONF_ACCOUNT,
     .types = GENERIC,
     .offset = AT(webhook_user),
     .fallback = "",
     .help = "The name of basic."},
    {.path = "webhook_query",
     .type = CONF_ACCOUNT,
     .types = GENERIC,
     .offset = AT(webhook_query),
     .fallback = "",
     .help = "The parameter of query. A reverse proxy writes addresses into its log: let it leave "
             "this one out."},
    {.path = "webhook_answer",
     .type = CONF_TEXT,
     .types = GENERIC,
     .offset = AT(webhook_answer),
     .fallback = "",
     .help = "The body of our answer with status 200, for a carrier that wants one."},
    {.path = "webhook_answer_type",
     .type = CONF_TEXT,
     .types = GENERIC,
     .offset = AT(webhook_answer_type),
     .fallback = "text/plain",
     .help = "Its Content-Type."},
};
const size_t conf_carrier_option_count = MEM_COUNT(conf_carrier_options);
