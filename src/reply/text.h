/*
 * text.h - a message as it is compared: NFKC, case folded, without accents, letter by letter, and
 * where each letter came from.
 */
#ifndef HERSYS_REPLY_TEXT_H
#define HERSYS_REPLY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_LETTERS_MAX = 2560,
    TEXT_WRITTEN_MAX = 6000, /* bytes of NFKC */
};

enum letter_class {
    LETTER_SPACE,
    LETTER_NEWLINE,
    LETTER_DIGIT,
    LETTER_ALPHABET, /* Latin, Cyrillic, Thai, ...: words stand apart */
    LETTER_HAN,      /* Chinese characters and kana: words run together */
    LETTER_HANGUL,
    LETTER_SIGN,     /* one-sign words: ○ × ° % */
    LETTER_FRACTION, /* ½ */
    LETTER_PUNCTUATION,
};

enum {
    LETTER_APART = 1,   /* an enclosed digit (①, 1️⃣): never part of a longer number */
    LETTER_SPLIT = 2,   /* an emoji was dropped before it */
    LETTER_DROPPED = 4, /* something invisible was dropped before it */
};

struct letter {
    uint32_t key;                        /* as compared */
    uint16_t source_begin, source_end;   /* bytes of the message */
    uint16_t written_begin, written_end; /* bytes of `written` */
    uint8_t class;
    uint8_t marks;
};

struct text {
    int count;
    bool not_utf8;
    bool cut; /* longer than what is read */
    size_t written_len;
    struct letter letters[TEXT_LETTERS_MAX];
    char written[TEXT_WRITTEN_MAX]; /* NFKC, not folded */
};

/* Reads at most REPLY_INPUT_MAX bytes. Bytes that are not UTF-8 set `not_utf8` and separate. */
void text_read(struct text *text, const char *bytes, size_t len);

/* Only the comparing form of one word of the vocabulary: the keys, at most `max` of them. */
int text_keys(const char *word, uint32_t *keys, int max);

#endif
