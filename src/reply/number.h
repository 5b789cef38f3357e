/*
 * number.h - where a number ends, and whether a point or a comma in it is a decimal mark.
 */
#ifndef HERSYS_REPLY_NUMBER_H
#define HERSYS_REPLY_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "reply/token.h"

struct number_context {
    const struct text *text;
    int at;        /* the first digit */
    bool labelled; /* the token before it is a label */
    bool two_ways; /* set where its mark can be read in two ways */
};

/* Reads the number at `at`; returns the letter after it. */
int number_read(struct number_context *context, struct number *number);

/* The number in hundredths; -1 where it has more than two decimals or is too great. */
int number_hundredths(const struct number *number);

/* A temperature in hundredths of a degree Celsius, or -1 where it is none. */
int number_celsius(const struct number *number, enum quantity_unit unit, bool labelled);

/* A percentage 50-100, or -1. `decimals_allowed`: it has a label or a percent sign. */
int number_spo2(const struct number *number, bool decimals_allowed);

/* As read, '.' as its mark. False where it does not fit. */
bool number_write(const struct number *number, const struct text *text, const struct token *token,
                  char *value, size_t size);

#endif
