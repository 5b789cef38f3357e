/* base32.c - writes base32. Not in constant time by table: what it writes is shown to its owner
 * anyway. */
#include "base/base32.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void base32_encode(const uint8_t *bytes, size_t len, char *out, size_t digits)
{
    for (size_t i = 0; i < digits; i++) {
        size_t at = i * 5 / 8, shift = i * 5 % 8;
        unsigned high = at < len ? bytes[at] : 0U;
        unsigned low = at + 1 < len ? bytes[at + 1] : 0U;

        out[i] = alphabet[((high << 8 | low) >> (11 - shift)) & 31U];
    }
    out[digits] = '\0';
}

size_t base32_digits(size_t len)
{
    return (len * 8 + 4) / 5;
}
