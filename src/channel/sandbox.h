/*
 * sandbox.h - a carrier inside the daemon, for the quick start, demonstrations and tests. Off
 * unless configured.
 *
 * It plays both parts. As a link it takes messages like any carrier. As the carrier it keeps them
 * in a file of its own (the spool: one JSON object a line, so that it outlives the daemon as a
 * carrier would), sends receipts, and lets somebody answer from one of its telephones. Receipts and
 * answers come back by signed HTTP requests to the gateway's own webhook, the way of every real
 * carrier.
 *
 * The last two digits of a number make its telephone misbehave: sandbox_behaviours in sandbox.c is
 * the list.
 */
#ifndef HERSYS_CHANNEL_SANDBOX_H
#define HERSYS_CHANNEL_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>

#include "base/secret.h"
#include "channel/channel.h"
#include "io/http_client.h"

/* Where the carrier brings its requests, below the gateway's address; the name of the header that
 * holds their signature; and the fields of the form in their body. */
#define SANDBOX_MESSAGE_PATH "/webhooks/sandbox/message" /* id, from, to, text */
#define SANDBOX_RECEIPT_PATH "/webhooks/sandbox/receipt" /* id, state */
#define SANDBOX_SIGNATURE    "X-Sandbox-Signature"
#define SANDBOX_LINK         "sandbox"
#define SANDBOX_MAILBOX_LINK "sandbox_mailbox"

struct sandbox;

struct sandbox_options {
    const char *spool;  /* the file; made where it is missing */
    const char *number; /* the gateway's own number */
    int window;
    int delay_ms;                  /* how long it takes for a submit */
    int receipt_ms;                /* how long until the receipt */
    const char *webhook_url;       /* "http://127.0.0.1:8470" */
    const struct keyring *keyring; /* borrowed; signs with SECRET_SANDBOX */
    struct http_client *http;      /* borrowed */
};

/* NULL with the reason in `error`: the spool cannot be opened, or a line of it is not ours. */
struct sandbox *sandbox_new(struct event_base *base, const struct sandbox_options *options,
                            char *error, size_t size) __attribute__((warn_unused_result));

/* What is on the wire gets no answer; replies under way get status 0. The HTTP client is freed
 * before, for its callbacks lead here. */
void sandbox_free(struct sandbox *sandbox);

/* A new keyring after a reload. */
void sandbox_set_keyring(struct sandbox *sandbox, const struct keyring *keyring);

/* The one in force: its webhooks are verified with it. */
const struct keyring *sandbox_keyring(const struct sandbox *sandbox);

/* The link, valid as long as the sandbox. */
const struct channel *sandbox_channel(struct sandbox *sandbox);

/* Its mailboxes, a link for e-mail: each takes everything. */
const struct channel *sandbox_mailbox(struct sandbox *sandbox);

/* What its telephones and mailboxes received, and its telephones sent, oldest first:
 * [{"id","direction":"out"|"in","phone","text","message","at"}], for an e-mail "mailbox" instead of
 * "phone", "subject" and "html"; of one address or of all (`address` NULL), the last `limit`. The
 * caller owns the result. */
json_t *sandbox_messages(const struct sandbox *sandbox, const char *address, size_t limit);

/* Somebody answers from a telephone of the sandbox: any bytes. `done` gets the status of the
 * gateway's webhook (0 where there was no answer), after the message is stored or refused. `id` is
 * the carrier's name of it: NULL makes a new one. */
typedef void sandbox_reply_cb(void *arg, int status);
void sandbox_reply(struct sandbox *sandbox, const char *phone, const char *text, size_t len,
                   const char *id, sandbox_reply_cb *done, void *arg);

#endif
