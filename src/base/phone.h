/*
 * phone.h - telephone numbers: any way of writing them to E.164 (ITU-T E.164), and what they are.
 */
#ifndef HERSYS_BASE_PHONE_H
#define HERSYS_BASE_PHONE_H

#include <stdbool.h>
#include <stddef.h>

enum { PHONE_MAX = 17 }; /* '+', 15 digits, NUL */

enum phone_kind {
    PHONE_MOBILE, /* E.164 number of a Japanese mobile (+81 60/70/80/90) or of another country */
    PHONE_FIXED,  /* Japanese number that takes no SMS: landline, IP (050), free dial */
    PHONE_SHORT_CODE,   /* 3 to 8 digits */
    PHONE_ALPHANUMERIC, /* a sender's name, up to 11 characters with a letter among them: never
                           answered */
    PHONE_INVALID,      /* nothing of these */
};

/*
 * Reads a number or sender as a person or carrier writes it: any width (NFKC), spaces, hyphens,
 * parentheses, "+81", "0081", "010", "81", "090-...", "(0)". National Japanese numbers start with
 * 0. `out` gets the E.164 form of mobile and fixed numbers, the digits of a short code, the folded
 * text of a name (cut to fit, between characters), "" where invalid.
 *
 * It guesses nothing, for a wrong number belongs to a stranger. Invalid are: a number that lost its
 * first zero
 * ("9000000000"), a mobile number with a digit too few or too many, a number of another country
 * without "+" or "010", the Korean "010-0000-0000", "00" before anything but 81 (in Japan it
 * selects a carrier).
 */
enum phone_kind phone_parse(const char *text, size_t len, char out[PHONE_MAX]);

#endif
