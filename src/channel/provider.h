/*
 * provider.h - the contract between the gateway and one carrier's HTTP API: a const table of pure
 * functions, bytes in and structs out.
 *
 * Above it stand channel/sms_http, which submits (the window, time-outs, what the loss of an answer
 * means, 429, 401, 5xx), and api/webhook, which takes what the carrier brings. Both treat all
 * providers alike.
 *
 * A provider MUST be pure but for open(), which reads the files of secrets: no loop, no connection,
 * no clock, no log. It MUST build the same request for the same message. It MUST say
 * CHANNEL_ACCEPTED only where the carrier says that it took the message; what it cannot read it
 * MUST leave to sms_http, by saying nothing. It MUST NOT judge time-outs and broken connections,
 * nor wait or repeat anything. It MUST NOT give a text, a number or a secret as an error: errors
 * are words, or a carrier's code made of letters and digits.
 *
 * verify() MUST look at everything that read_message() and read_receipt() will believe, and MUST
 * compare secrets in constant time. It is called first, always. The readers MUST take nothing that
 * is half right: a message without the carrier's name of it is refused, for it could not be known
 * again. They MAY say that a receipt says nothing yet (PROVIDER_IGNORED).
 *
 * A provider MAY leave out build() and read_answer(): a carrier that is not submitted to over HTTP
 * (the sandbox) has but webhooks. It MAY take no webhooks at all.
 */
#ifndef HERSYS_CHANNEL_PROVIDER_H
#define HERSYS_CHANNEL_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf_carrier.h"
#include "channel/channel.h"
#include "io/http_client.h"

enum {
    PROVIDER_ID_MAX = 201,      /* bytes of a carrier's name of a message, NUL included */
    PROVIDER_ADDRESS_MAX = 255, /* of a number or a sender's name */
    PROVIDER_ERROR_MAX = 41,
    PROVIDER_ERROR_DIGITS_MAX = 8, /* in one piece: a telephone number has more */
    PROVIDER_HEADERS_MAX = 24,
};

/* ---- the way out */

/* A request; all of it is the request's own. */
struct provider_request {
    const char *method; /* static */
    char *url;
    char *headers[PROVIDER_HEADERS_MAX + 1]; /* "Name: value", NULL at the end */
    size_t header_count;
    char *body; /* NULL where there is none */
    size_t len;
};

void provider_request_free(struct provider_request *request);

/* Adds a header, which is taken over. */
void provider_request_header(struct provider_request *request, char *header);

/* What an answer says of the message. */
struct provider_verdict {
    enum channel_outcome outcome;
    char id[PROVIDER_ID_MAX];       /* "" where there is none */
    char error[PROVIDER_ERROR_MAX]; /* "" where there is none */
};

/* Copies a carrier's code as an error where it is one word of letters, digits, '_', '-' and '.'
 * that cannot be a telephone number; leaves it empty otherwise. `code` may be NULL. */
void provider_copy_error(char error[PROVIDER_ERROR_MAX], const char *code);

/* How sms_http has to judge what the provider says nothing of. */
struct provider_traits {
    bool idempotent;     /* a message that was submitted twice is sent once */
    bool promises_id;    /* an accepting answer without an id is none */
    bool error_is_vague; /* at 500 and above the carrier may have the message */
};

/* ---- the way in */

enum provider_event { PROVIDER_MESSAGE, PROVIDER_RECEIPT };

/* A request of the carrier; borrowed. */
struct provider_webhook {
    const char *method;
    const char *path;
    const char *query; /* as sent; "" where there is none */
    const char *body;  /* any bytes */
    size_t len;
    const char *(*header)(void *arg, const char *name); /* NULL where there is none */
    void *arg;
};

enum provider_check {
    PROVIDER_GENUINE,
    PROVIDER_UNSIGNED,   /* what proves it is missing */
    PROVIDER_FORGED,     /* it is there, and wrong */
    PROVIDER_WRONG_TYPE, /* the body's type is none that this carrier sends */
};

/* Whether the body is a form, whatever parameters follow the type. */
bool provider_is_form(const struct provider_webhook *webhook);

/* "unsigned", "bad_signature" ...: for the log. Static. */
const char *provider_check_word(enum provider_check check);

struct provider_inbound {
    char id[PROVIDER_ID_MAX];
    char sender[PROVIDER_ADDRESS_MAX]; /* as the carrier wrote it */
    char recipient[PROVIDER_ADDRESS_MAX];
    char *text; /* any bytes; the caller frees it */
    size_t len;
};

enum provider_state {
    PROVIDER_DELIVERED,
    PROVIDER_UNDELIVERED,
    PROVIDER_EXPIRED,
    PROVIDER_IGNORED, /* says nothing of the end */
};

/* "delivered" ...: what receipt_take() wants. Static. */
const char *provider_state_word(enum provider_state state);

struct provider_receipt {
    char id[PROVIDER_ID_MAX];
    enum provider_state state;
    char error[PROVIDER_ERROR_MAX];
};

/* What a webhook is answered with, once it is stored. */
struct provider_answer {
    const char *type;
    const char *body;
};

/* ---- the table */

struct provider {
    const char *type;

    /* The link's own state, from its configuration and the address under which carriers reach us
     * (without a slash at its end). `conf` outlives it, `public_url` does not. NULL with the reason
     * in `error`: a file of a secret cannot be read. */
    void *(*open)(const struct conf_carrier *conf, const char *public_url, char *error,
                  size_t size);
    void (*close)(void *self);
    struct provider_traits (*traits)(const void *self);

    /* False with a word in `why`: the message cannot be expressed at this carrier. */
    bool (*build)(const void *self, const struct channel_message *message,
                  struct provider_request *request, const char **why);
    /* `answer` was answered. False where the provider says nothing of it. */
    bool (*read_answer)(const void *self, const struct http_answer *answer,
                        struct provider_verdict *verdict);

    /* Whether the carrier brings such events, and by this method. */
    bool (*takes)(const void *self, enum provider_event event, const char *method);
    enum provider_check (*verify)(const void *self, const struct provider_webhook *webhook);
    /* Both: false with a sentence in `why` that holds nothing of the request. */
    bool (*read_message)(const void *self, const struct provider_webhook *webhook,
                         struct provider_inbound *message, const char **why);
    bool (*read_receipt)(const void *self, const struct provider_webhook *webhook,
                         struct provider_receipt *receipt, const char **why);
    struct provider_answer (*answer)(const void *self);
};

extern const struct provider provider_twilio;
extern const struct provider provider_generic;
extern const struct provider provider_sandbox; /* `self` is the struct sandbox; not opened */

/* The table for a type of the configuration. */
const struct provider *provider_find(enum conf_carrier_type type);

/* A link that brings webhooks: what api/webhook knows of it. */
struct carrier {
    const char *name;
    const struct provider *provider;
    const void *self;
};

#endif
