/*
 * vocabulary.h - every word that the parser knows, as data.
 *
 * The words themselves stand in vocabulary_<language>.def, one file a language, which a translator
 * can read and extend: a line is a table's name and a word, as people write it. Case, width,
 * accents, and hiragana against katakana do not matter; a space stands for any white space, and in
 * Korean it may be missing. The words of all languages count for everybody.
 */
#ifndef HERSYS_REPLY_VOCABULARY_H
#define HERSYS_REPLY_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reply/reply.h"

struct text;

/* What a word may be. One word may be several things; the grammar decides by what stands around it.
 */
#define ROLE(bit) (UINT64_C(1) << (bit))
enum {
    ROLE_BIT_YES,
    ROLE_BIT_NO,
    ROLE_BIT_NEGATES_NEXT,
    ROLE_BIT_NEGATES_LAST,
    ROLE_BIT_EXISTS,
    ROLE_BIT_VERB,
    ROLE_BIT_ABOUT_SYMPTOMS,
    ROLE_BIT_TEMPERATURE,
    ROLE_BIT_SPO2,
    ROLE_BIT_SYMPTOM_LABEL,
    ROLE_BIT_FEVER,
    ROLE_BIT_SYMPTOM,
    ROLE_BIT_RED_FLAG,
    ROLE_BIT_DISTRESS,
    ROLE_BIT_HELP,
    ROLE_BIT_CELSIUS,
    ROLE_BIT_FAHRENHEIT,
    ROLE_BIT_DEGREE,
    ROLE_BIT_PERCENT,
    ROLE_BIT_JOINS,
    ROLE_BIT_TENTH,
    ROLE_BIT_HALF,
    ROLE_BIT_NOISE,
    ROLE_BIT_PARTICLE,
    ROLE_BIT_FILLER,
    ROLE_BIT_LIST,
    ROLE_BIT_HONORIFIC,
    ROLE_BIT_KIN,
    ROLE_BIT_MEASURE,
    ROLE_BIT_OTHER_UNIT,
    ROLE_BIT_NOT_NAME,
    ROLE_BIT_DEVICE,
    ROLE_BIT_NO_VALUE,
    ROLE_BIT_NO_VALUE_AT_LABEL,
    ROLE_BIT_COMMAND,
    ROLE_BIT_REQUEST,
    ROLE_BIT_CODE,
    ROLE_BIT_TWO_WAYS,
    ROLE_BIT_COPULA,
    ROLE_BIT_LETTER,
    ROLE_BIT_MONTH,
};
#define ROLE_YES          ROLE(ROLE_BIT_YES)
#define ROLE_NO           ROLE(ROLE_BIT_NO)
#define ROLE_NEGATES_NEXT ROLE(ROLE_BIT_NEGATES_NEXT) /* "no cough" */
#define ROLE_NEGATES_LAST ROLE(ROLE_BIT_NEGATES_LAST) /* 咳なし */
#define ROLE_EXISTS       ROLE(ROLE_BIT_EXISTS)       /* says that what stands before it is there */
#define ROLE_VERB         ROLE(ROLE_BIT_VERB)         /* glued to a number: its verb, no answer */
#define ROLE_ABOUT_SYMPTOMS                                                                        \
    ROLE(ROLE_BIT_ABOUT_SYMPTOMS)                         /* an answer that names symptoms itself  \
                                                           */
#define ROLE_TEMPERATURE       ROLE(ROLE_BIT_TEMPERATURE) /* label */
#define ROLE_SPO2              ROLE(ROLE_BIT_SPO2)        /* label */
#define ROLE_SYMPTOM_LABEL     ROLE(ROLE_BIT_SYMPTOM_LABEL)
#define ROLE_FEVER             ROLE(ROLE_BIT_FEVER) /* a temperature's label that alone means fever */
#define ROLE_SYMPTOM           ROLE(ROLE_BIT_SYMPTOM) /* named */
#define ROLE_RED_FLAG          ROLE(ROLE_BIT_RED_FLAG)
#define ROLE_DISTRESS          ROLE(ROLE_BIT_DISTRESS) /* a cry for help: always a red flag */
#define ROLE_HELP              ROLE(ROLE_BIT_HELP)     /* one only beside other words */
#define ROLE_CELSIUS           ROLE(ROLE_BIT_CELSIUS)
#define ROLE_FAHRENHEIT        ROLE(ROLE_BIT_FAHRENHEIT)
#define ROLE_DEGREE            ROLE(ROLE_BIT_DEGREE) /* does not name the scale */
#define ROLE_PERCENT           ROLE(ROLE_BIT_PERCENT)
#define ROLE_JOINS             ROLE(ROLE_BIT_JOINS) /* 36度9 */
#define ROLE_TENTH             ROLE(ROLE_BIT_TENTH) /* 36度9分 */
#define ROLE_HALF              ROLE(ROLE_BIT_HALF)  /* 36度半 */
#define ROLE_NOISE             ROLE(ROLE_BIT_NOISE)
#define ROLE_PARTICLE          ROLE(ROLE_BIT_PARTICLE) /* also noise; stands behind its word */
#define ROLE_FILLER            ROLE(ROLE_BIT_FILLER)   /* noise, unless beside unknown words */
#define ROLE_LIST              ROLE(ROLE_BIT_LIST)     /* "or" */
#define ROLE_HONORIFIC         ROLE(ROLE_BIT_HONORIFIC)
#define ROLE_KIN               ROLE(ROLE_BIT_KIN)     /* 母, 엄마: a name */
#define ROLE_MEASURE           ROLE(ROLE_BIT_MEASURE) /* "pulse": the number after it is not ours */
#define ROLE_OTHER_UNIT        ROLE(ROLE_BIT_OTHER_UNIT) /* "years": nor the number before it */
#define ROLE_NOT_NAME          ROLE(ROLE_BIT_NOT_NAME) /* an ordinary word that is nobody's name */
#define ROLE_DEVICE            ROLE(ROLE_BIT_DEVICE)   /* oximeter */
#define ROLE_NO_VALUE          ROLE(ROLE_BIT_NO_VALUE) /* n/a */
#define ROLE_NO_VALUE_AT_LABEL ROLE(ROLE_BIT_NO_VALUE_AT_LABEL)
#define ROLE_COMMAND           ROLE(ROLE_BIT_COMMAND)
#define ROLE_REQUEST           ROLE(ROLE_BIT_REQUEST) /* noise around a command */
#define ROLE_CODE              ROLE(ROLE_BIT_CODE)    /* noise before a confirmation code */
#define ROLE_TWO_WAYS          ROLE(ROLE_BIT_TWO_WAYS) /* 不是: never an answer, always asked again */
#define ROLE_COPULA            ROLE(ROLE_BIT_COPULA) /* です, 입니다: noise behind any word */
#define ROLE_LETTER            ROLE(ROLE_BIT_LETTER) /* an answer that may be somebody's initial */
#define ROLE_MONTH             ROLE(ROLE_BIT_MONTH)  /* a day or an hour beside it is not ours */

struct word {
    const char *text; /* as written in the .def */
    uint64_t roles;
    enum reply_command command; /* ROLE_COMMAND */
    const char *language;       /* ROLE_COMMAND with REPLY_LANG */
    const char *table;          /* which .def it stands in */
};

/* What the longest word is that begins at a letter. */
struct word_match {
    uint64_t roles; /* of all the tables that hold it */
    int past;       /* the letter after it */
};

/* False where no word begins. A word of an alphabet ends where its letters end. */
bool vocabulary_match(const struct text *text, int from, struct word_match *match);

/* Only red flags and cries for help. */
bool vocabulary_match_danger(const struct text *text, int from, struct word_match *match);

/* The command that the letters [from, past) are, exactly; NULL where they are none. */
const struct word *vocabulary_command(const struct text *text, int from, int past);

/* Every line of every .def, for the tests. */
const struct word *vocabulary_words(size_t *count);

#endif
