/*
 * inbound.h - messages that come in (schema/0014_conversation.sql, inbound_store).
 */
#ifndef HERSYS_STORE_INBOUND_H
#define HERSYS_STORE_INBOUND_H

#include <stddef.h>
#include <stdint.h>

#include "store/outbox.h"

struct store_inbound {
    const char *link;        /* the carrier link that brought it */
    const char *provider_id; /* its name there: it is stored once, however often it is brought */
    const char *sender;      /* E.164, or what the carrier gave */
    const char *recipient;
    bool answerable; /* the sender is a telephone */
    const char *raw; /* the text's bytes */
    size_t raw_len;
    const char *parsed; /* JSON of reply_format_json() */
    bool own_text;      /* it contains a text of ours; `parsed` is the rest */
    const char *name;   /* what may be a lone name; "" */
    const char *note;   /* of an incomplete report: the words left over; "" */
    bool needs_review;  /* so */
    bool stop_word;     /* one of the words left over is that of a command to stop */
    bool several;       /* it was to be several reports */
    bool cancel;        /* the command to stop was "cancel" */
    const char *code;   /* what a lone code was compared with: "right", "wrong", "none"; NULL */
    int64_t code_id;    /* right, wrong: which */
};

struct store_inbound_result {
    int64_t id;
    bool stored;             /* false: it was there before */
    const char *answer_kind; /* "" where it gets no answer */
    const char *note;        /* "flood": more than anybody writes, to be told; "" */
};

/* `results` stand in the order of the messages. `sqlstate` is that of DB_ERROR, "" otherwise. */
typedef void store_inbound_cb(void *arg, enum db_outcome outcome, const char *sqlstate,
                              const struct store_inbound_result *results, int count);

/* Stores messages and all that follows from them, or nothing: at most one message of each sender in
 * a call. */
bool store_inbound(struct store *store, const struct store_inbound *messages, int count,
                   store_inbound_cb *cb, void *arg) __attribute__((warn_unused_result));

/* Keeps one message that store_inbound() cannot take, for the operator. */
bool store_inbound_raw(struct store *store, const struct store_inbound *message,
                       store_inbound_cb *cb, void *arg) __attribute__((warn_unused_result));

struct store_inbound_code {
    int64_t id;
    const char *recipient;
    int digits;
    struct store_mint mint;
};
/* `code`: what the newest open code of the sender is minted from; NULL where there is none. */
typedef void store_inbound_code_cb(void *arg, enum db_outcome outcome, const char *sqlstate,
                                   const struct store_inbound_code *code);

/* Counts a try of the code that was sent to this message's sender, before it is compared. */
bool store_inbound_code_try(struct store *store, const struct store_inbound *message,
                            store_inbound_code_cb *cb, void *arg)
    __attribute__((warn_unused_result));

#endif
