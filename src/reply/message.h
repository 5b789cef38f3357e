/*
 * message.h - a message while it is being read, and the steps that read it, in their order.
 */
#ifndef HERSYS_REPLY_MESSAGE_H
#define HERSYS_REPLY_MESSAGE_H

#include "reply/number.h"
#include "reply/reply.h"
#include "reply/text.h"
#include "reply/token.h"
#include "reply/vocabulary.h"

struct message {
    const struct reply_rules *rules;
    struct text text;
    struct tokens tokens;
};

/* What a number is, once units and labels are known. */
enum quantity_kind {
    QUANTITY_TEMPERATURE,
    QUANTITY_SPO2,
    QUANTITY_DIGIT,           /* 1-9: perhaps a member */
    QUANTITY_OTHER,           /* a whole number that is nothing else */
    QUANTITY_NOT_TEMPERATURE, /* out of range: labelled, with a unit, or with decimals */
    QUANTITY_NOT_SPO2,
};

struct quantity {
    enum quantity_kind kind;
    int value;    /* hundredths of a degree, or percent */
    bool claimed; /* by a label or a unit: no chat */
};

/* 1. The whole message as a command. True where it is one. */
bool command_read(const struct message *message, struct reply *reply);

/* 2. Numbers: what joins them, their units, and whether they are ours. */
void quantities_join(struct message *message);

/* 3. Labels find their numbers. */
void labels_bind(struct message *message);
struct quantity quantity_of(const struct token *token);

/* 4. Words that depend on their neighbours: negations, answers, named symptoms. */
void phrases_read(struct message *message);
bool phrases_red_flag(const struct message *message);

/* 5. Reports and the outcome. */
void reports_read(struct message *message, struct reply *reply);

/* ------------------------------------------------------------------ shared small things */

/* What the patient wrote, into `bytes`: `full` where it did not fit. */
struct writer {
    char *bytes;
    size_t len, size;
    bool full;
};
void write_letters(struct writer *writer, const struct text *text, int first, int past);

static inline struct token *token_at(struct message *message, int i)
{
    return i >= 0 && i < message->tokens.count ? &message->tokens.list[i] : NULL;
}

static inline bool only_gap(const struct token *token, unsigned allowed)
{
    return (token->gap & ~allowed) == 0;
}

/* Noise that may stand between two words without parting them. */
static inline bool is_noise(const struct token *token)
{
    return token_is(token, ROLE_NOISE | ROLE_FILLER) &&
           !(token->roles & (ROLE_YES | ROLE_NO | ROLE_SYMPTOM));
}

/* A word that the parser has no use for: to a patient's sentence it is like an unknown one. */
static inline bool is_plain(const struct token *token)
{
    return token->kind == TOKEN_UNKNOWN ||
           (token->kind == TOKEN_WORD &&
            !(token->roles &
              (ROLE_YES | ROLE_NO | ROLE_NEGATES_NEXT | ROLE_TEMPERATURE | ROLE_SPO2 |
               ROLE_SYMPTOM_LABEL | ROLE_SYMPTOM | ROLE_NOISE | ROLE_FILLER | ROLE_LIST |
               ROLE_DEVICE | ROLE_NO_VALUE | ROLE_TWO_WAYS | ROLE_CELSIUS | ROLE_FAHRENHEIT |
               ROLE_DEGREE | ROLE_PERCENT)));
}

/* A symptom by name that nothing has claimed yet. */
static inline bool is_symptom(const struct token *token)
{
    return token->reading == REPLY_READ_NOTHING &&
           (token_is(token, ROLE_SYMPTOM) ||
            (token_is(token, ROLE_FEVER) && !(token->flags & TOKEN_BOUND)));
}

static inline bool is_alphabetic(const struct message *message, const struct token *token)
{
    return message->text.letters[token->first].class == LETTER_ALPHABET;
}

#endif
