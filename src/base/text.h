/*
 * text.h - UTF-8: whether it is, and its compatibility form (Unicode Standard Annex 15, NFKC), by
 * which full-width digits and letters become the plain ones.
 */
#ifndef HERSYS_BASE_TEXT_H
#define HERSYS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF); a NUL is a
 * character like any other. */
bool text_is_utf8(const char *text, size_t len);

/* UTF-8 without a control character: what may stand in a field of a header or of a log. */
bool text_is_line(const char *text);

/* The text in NFKC with a NUL behind it, to be freed by the caller; NULL where it is no UTF-8 or
 * holds a NUL. */
char *text_nfkc(const char *text, size_t len) __attribute__((warn_unused_result));

#endif
