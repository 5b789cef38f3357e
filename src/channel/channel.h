/*
 * channel.h - how a message leaves: the contract between flow/deliver and every carrier link.
 *
 * A channel MUST answer each message that it was given exactly once, and never before
 * channel_send() has returned. It MUST say CHANNEL_ACCEPTED only where the carrier took the
 * message, and CHANNEL_UNKNOWN wherever the carrier may have it: a message that is reported as not
 * sent is sent again. It MUST NOT keep a message of its own accord for later: waiting and trying
 * again are the outbox's. It MAY answer CHANNEL_THROTTLED or CHANNEL_LINK_DOWN, which pause the
 * link and cost the message no attempt. It knows neither the database nor what the message is
 * about.
 */
#ifndef HERSYS_CHANNEL_CHANNEL_H
#define HERSYS_CHANNEL_CHANNEL_H

#include <stdint.h>

enum channel_outcome {
    CHANNEL_ACCEPTED,
    CHANNEL_RETRY,     /* refused for now */
    CHANNEL_THROTTLED, /* too fast: the link pauses */
    CHANNEL_LINK_DOWN, /* nothing can be sent at all: the link pauses */
    CHANNEL_REJECTED,  /* refused for good */
    CHANNEL_OPTED_OUT, /* the carrier knows that this person wants no messages */
    CHANNEL_UNKNOWN,   /* the wire broke after the submit */
    CHANNEL_OUTCOMES,
};

struct channel_result {
    enum channel_outcome outcome;
    const char
        *provider_id; /* the carrier's name of the message, for receipts; NULL where it gave none */
    const char *error; /* the carrier's status or a word of ours, never a text or a number; NULL
                          where there is none */
    int pause_s; /* for throttled and link_down: what the carrier asked for; 0 leaves it to us */
};

typedef void channel_done_cb(void *arg, const struct channel_result *result);

struct channel_message {
    int64_t id; /* ours: for carriers that take a client's reference */
    const char
        *recipient;      /* E.164, or an e-mail address (hersys.email_address: ASCII, lower case) */
    const char *text;    /* UTF-8 */
    const char *subject; /* of an e-mail: UTF-8, one line; NULL of an SMS */
    const char *html;    /* of an e-mail: the same as `text`, in HTML; NULL of an SMS */
    const char *language; /* BCP 47: "ja", "zh-Hant" */
};

/* A carrier link. `self` is the first argument of each function. */
struct channel {
    const char *name;    /* of the link: "sandbox" */
    const char *channel; /* "sms" or "email" */
    int window;          /* messages that may be on the wire at once */
    int send_max_s;      /* the longest that a send takes until its answer */
    void (*send)(void *self, const struct channel_message *message, channel_done_cb *done,
                 void *arg);
    void *self;
};

/* "accepted", "link_down" ...: the words of hersys.outbox_finish(). Static. */
const char *channel_outcome_word(enum channel_outcome outcome);

#endif
