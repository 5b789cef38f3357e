/*
 * sms.c - counts what a text costs as an SMS. It does not encode, and does not change a text so
 * that it costs less.
 */
#include "base/sms.h"

#include <stdbool.h>
#include <stdint.h>
#include <utf8proc.h>

#include "base/mem.h"

enum { GSM7_SINGLE = 160, GSM7_PART = 153, UCS2_SINGLE = 70, UCS2_PART = 67 };

/* TS 23.038, 6.2.1: what the default alphabet has beside the ASCII characters of is_gsm_ascii(). */
static const uint16_t gsm_beyond_ascii[] = {
    0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf,                         /* ¡ £ ¤ ¥ § ¿ */
    0x00c4, 0x00c5, 0x00c6, 0x00c7, 0x00c9, 0x00d1, 0x00d6, 0x00d8, 0x00dc, /* Ä Å Æ Ç É Ñ Ö Ø Ü */
    0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6, 0x00e8, 0x00e9, 0x00ec, /* ß à ä å æ è é ì */
    0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9, 0x00fc,                 /* ñ ò ö ø ù ü */
    0x0393, 0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, /* Γ Δ Θ Λ Ξ Π Σ Φ Ψ */
    0x03a9,                                                                 /* Ω */
};

/* TS 23.038, 6.2.1.1: each is an escape and a second septet. */
static const uint16_t gsm_extension[] = {
    0x000c, '[', '\\', ']', '^', '{', '|', '}', '~', 0x20ac, /* form feed ... € */
};

static bool is_listed(const uint16_t *list, size_t count, int32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == c)
            return true;
    return false;
}

/* ASCII but for the control characters, ` and what is in the extension table. */
static bool is_gsm_ascii(int32_t c)
{
    return c == '\n' || c == '\r' || (c >= ' ' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');
}

/* 1 or 2; 0 where the alphabet lacks it. */
static int gsm7_width(int32_t c)
{
    if (is_gsm_ascii(c) || is_listed(gsm_beyond_ascii, MEM_COUNT(gsm_beyond_ascii), c))
        return 1;
    return is_listed(gsm_extension, MEM_COUNT(gsm_extension), c) ? 2 : 0;
}

static int ucs2_width(int32_t c)
{
    return c > 0xffff ? 2 : 1;
}

static int32_t next_character(const char **text, size_t *len)
{
    int32_t c;
    utf8proc_ssize_t bytes =
        utf8proc_iterate((const utf8proc_uint8_t *)*text, (utf8proc_ssize_t)*len, &c);

    if (bytes <= 0) {
        c = 0xfffd;
        bytes = 1;
    }
    *text += bytes;
    *len -= (size_t)bytes;
    return c;
}

static bool fits_gsm7(const char *text, size_t len)
{
    while (len > 0)
        if (gsm7_width(next_character(&text, &len)) == 0)
            return false;
    return true;
}

struct sms_count sms_count(const char *text, size_t len)
{
    bool gsm7 = fits_gsm7(text, len);
    int single = gsm7 ? GSM7_SINGLE : UCS2_SINGLE, part = gsm7 ? GSM7_PART : UCS2_PART;
    struct sms_count count = {.encoding = gsm7 ? SMS_GSM7 : SMS_UCS2, .segments = 1};
    int used = 0;

    while (len > 0) {
        int32_t c = next_character(&text, &len);
        int width = gsm7 ? gsm7_width(c) : ucs2_width(c);

        if (used + width > part) { /* the character as a whole begins the next part */
            count.segments++;
            used = 0;
        }
        used += width;
        count.units += width;
    }
    if (count.units <= single)
        count.segments = 1;
    return count;
}
