/*
 * inbound.h - messages that come in (schema/0006_conversation.sql, inbound_store).
 */
#ifndef HERSYS_STORE_INBOUND_H
#define HERSYS_STORE_INBOUND_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

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
};

struct store_inbound_result {
    int64_t id;
    bool stored;             /* false: it was there before */
    const char *answer_kind; /* "" where it gets no answer */
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

#endif
