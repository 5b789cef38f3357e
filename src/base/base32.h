/*
 * base32.h - RFC 4648 base32 in lower case, without padding.
 */
#ifndef HERSYS_BASE_BASE32_H
#define HERSYS_BASE_BASE32_H

#include <stddef.h>
#include <stdint.h>

/* Writes the first `digits` digits (5 bits each, the highest first) of the bytes and a NUL; where
 * the bytes end within a digit, the missing bits are 0. */
void base32_encode(const uint8_t *bytes, size_t len, char *out, size_t digits);

/* How many digits hold that many bytes. */
size_t base32_digits(size_t len);

#endif
