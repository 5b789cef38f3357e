/*
 * conf_carrier.h - the group `carriers`: named groups, one for each carrier link that is reached
 * over HTTP.
 */
#ifndef HERSYS_BASE_CONF_CARRIER_H
#define HERSYS_BASE_CONF_CARRIER_H

#include <stdbool.h>
#include <stddef.h>

enum { CONF_CARRIER_NAME_MAX = 40 };

/* To which the options of a link belong: a sum of them in the table. */
enum conf_carrier_type { CONF_CARRIER_TWILIO = 1, CONF_CARRIER_GENERIC = 2 };

struct conf_texts {
    const char **items;
    size_t count;
};

/* A rule holds where all its conditions do; NULL is none. */
struct conf_rule {
    const char *status;
    int status_from, status_to; /* the same in numbers; 0 where there is none */
    const char *at;             /* a place: base/place.h */
    const char *equals;
    const char *contains;
    const char *outcome; /* a word of channel_outcome_word() */
    const char *error;
};

struct conf_rules {
    struct conf_rule *items;
    size_t count;
};

/* Texts are "" where nothing is set. What each means stands in the table of
 * conf_carrier_options.c. */
struct conf_carrier {
    const char *name;
    enum conf_carrier_type type;
    bool allow_http; /* the carrier is on this host */

    int window;
    int timeout_seconds;
    const char *ca_file;
    const char *from;

    /* Twilio */
    const char *account_sid;
    const char *auth_token_file;
    const char *api_key_sid;
    const char *api_key_secret_file;
    const char *messaging_service_sid;
    const char *api_url;
    const char *connection_overrides;

    /* generic: the request */
    const char *method;
    const char *url;
    struct conf_texts headers;
    const char *body_type; /* "json", "form", "none" */
    const char *body;
    const char *number_format; /* "e164", "digits", "national" */
    const char *auth;          /* "none", "basic", "bearer" */
    const char *user;
    const char *secret_file;
    bool idempotent;
    const char *server_error; /* "retry", "unknown" */

    /* generic: the answer */
    struct conf_rules rules;
    const char *id_at;
    const char *error_at;

    /* generic: receipts and replies */
    const char *receipt_method; /* "none", "POST", "GET" */
    const char *receipt_id_at;
    const char *receipt_state_at;
    const char *receipt_error_at;
    struct conf_texts receipt_states; /* "WORD=state" */
    const char *reply_method;
    const char *reply_id_at;
    const char *reply_from_at;
    const char *reply_to_at;
    const char *reply_text_at;

    /* generic: how both are verified, and answered */
    const char *webhook_auth; /* "none", "hmac", "header", "basic", "query" */
    const char *webhook_secret_file;
    const char *webhook_header;
    const char *webhook_prefix;
    const char *webhook_hash;     /* "sha256", "sha1" */
    const char *webhook_encoding; /* "hex", "base64" */
    const char *webhook_user;
    const char *webhook_query;
    const char *webhook_answer;
    const char *webhook_answer_type;
};

/* All of them, shared by the configurations that have the same. */
struct conf_carriers {
    int refs;
    struct conf_carrier *items;
    size_t count;
};

/* "twilio", "generic". Static. */
const char *conf_carrier_type_word(enum conf_carrier_type type);

/* Whether somebody brings us receipts or replies of this link, so that http.public_url is needed.
 */
bool conf_carrier_calls_back(const struct conf_carrier *carrier);

#endif
