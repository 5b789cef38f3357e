/*
 * token.h - the pieces of a message: numbers, known words, and what is neither.
 */
#ifndef HERSYS_REPLY_TOKEN_H
#define HERSYS_REPLY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "reply/reply.h"
#include "reply/text.h"

enum { TOKENS_MAX = TEXT_LETTERS_MAX };

enum token_kind {
    TOKEN_NUMBER,
    TOKEN_WORD,    /* the vocabulary knows it: `roles` */
    TOKEN_UNKNOWN, /* it does not; `roles` are those of an ordinary word inside it */
    TOKEN_FRACTION,
};

/* What separates a token from the one before; 0 where they touch. */
enum {
    GAP_SPACE = 1,
    GAP_NEWLINE = 2,
    GAP_COMMA = 4, /* , 、 ; */
    GAP_STOP = 8,  /* . 。 ! ? */
    GAP_COLON = 16,
    GAP_DASH = 32,
    GAP_SLASH = 64,
    GAP_HASH = 128,
    GAP_OTHER = 256,
    GAP_EMOJI = 512,  /* dropped */
    GAP_START = 1024, /* the first of the message */
};

enum {
    TOKEN_APART = 1,    /* number: one enclosed sign */
    TOKEN_TWO_WAYS = 2, /* number: its comma or point can be read in two ways */
    TOKEN_TOUCHES = 4,  /* answer: it touches an unknown word of its run */
    TOKEN_SENTENCE = 8, /* unknown: a run with particles inside, no name */
    TOKEN_LINE_START = 16,
    TOKEN_HAN = 32,             /* unknown: of a script that runs together */
    TOKEN_DOUBT = 64,           /* can be read in two ways: its report is ambiguous */
    TOKEN_WORD_DOUBT = 128,     /* so, where a temperature or an SpO2 was read at all */
    TOKEN_BOUND = 256,          /* label: it has its number */
    TOKEN_FOREIGN = 1024,       /* number: it measures something else */
    TOKEN_PAIR = 2048,          /* unknown: 花子と太郎 */
    TOKEN_AFTER_NUMBER = 512,   /* a value stands before it on its line */
    TOKEN_BEFORE_NUMBER = 4096, /* and one behind it */
};

enum quantity_unit { UNIT_NONE, UNIT_CELSIUS, UNIT_FAHRENHEIT, UNIT_DEGREES, UNIT_PERCENT };

struct number {
    int whole;                            /* at most 999999999 */
    int decimals;                         /* the first two, as hundredths: .9 is 90 */
    uint8_t whole_digits, decimal_digits; /* at most 255 */
    char mark;                            /* 0, '.' or ',' */
    bool zero_led;
    bool tenths_apart; /* its tenth was typed apart: 36 9, 36度9 */
    bool half;         /* 36度半 */
};

struct token {
    uint8_t kind;
    uint8_t reading; /* enum reply_reading */
    uint8_t unit;    /* number */
    uint8_t label;   /* number: REPLY_TEMPERATURE, REPLY_SPO2, or REPLY_FIELDS for none */
    uint16_t gap;
    uint16_t flags;
    uint16_t first, past; /* letters */
    struct number number;
    uint64_t roles;
};

struct tokens {
    int count;
    uint16_t last_gap; /* behind the last token */
    struct token list[TOKENS_MAX];
};

void tokens_read(struct tokens *tokens, const struct text *text);

/* Whether the word may be one of these; no token is none. */
static inline bool token_is(const struct token *token, uint64_t roles)
{
    return token != NULL && token->kind == TOKEN_WORD && (token->roles & roles) != 0;
}

#endif
