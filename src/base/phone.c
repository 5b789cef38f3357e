/*
 * phone.c - reads telephone numbers and sender names. It guesses nothing: what could be two numbers
 * is none, for the wrong one belongs to a stranger.
 */
#include "base/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/text.h"

enum {
    TEXT_BYTES_MAX = 128,
    DIGITS_MAX = 20, /* "010", 15 digits, and "(0)" */
    E164_DIGITS_MIN = 8,
    E164_DIGITS_MAX = 15,
    NAME_CHARACTERS_MAX = 11, /* of an alphanumeric sender: 3GPP TS 23.040, 9.1.2.5 */
};

/* ---- from characters to digits */

/* What people put between digits, in NFKC. U+30FC and U+2500 are typed for a hyphen; the marks of
 * direction come along when a number is copied from a telephone's address book. */
static const utf8proc_int32_t separators[] = {
    ' ',    '\t',   '-',    '(',    ')',    '.',    0x2010, 0x2011, 0x2012, 0x2013,
    0x2014, 0x2015, 0x2212, 0x2500, 0x30fc, 0x200b, 0x200e, 0x200f, 0x202a, 0x202b,
    0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff,
};

static bool is_separator(utf8proc_int32_t character)
{
    for (size_t i = 0; i < MEM_COUNT(separators); i++)
        if (separators[i] == character)
            return true;
    return false;
}

static bool is_letter(utf8proc_int32_t character)
{
    utf8proc_category_t category = utf8proc_category(character);

    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

struct reading {
    char digits[DIGITS_MAX + 1];
    size_t count;
    size_t trunk; /* the index of the digit that stood as "(0)"; DIGITS_MAX where none did */
    size_t characters;
    bool plus, letters, junk, control;
};

static void read_character(struct reading *reading, utf8proc_int32_t character, const char *rest)
{
    reading->characters++;
    if (character >= '0' && character <= '9') {
        if (reading->count == DIGITS_MAX)
            reading->junk = true;
        else
            reading->digits[reading->count++] = (char)character;
    } else if (strncmp(rest, "(0)", 3) == 0) {
        reading->trunk = reading->count;
    } else if (is_separator(character)) {
        return;
    } else if (character == '+' && !reading->plus && reading->count == 0) {
        reading->plus = true;
    } else if (is_letter(character)) {
        reading->letters = true;
    } else {
        reading->junk = true;
        reading->control |= utf8proc_category(character) == UTF8PROC_CATEGORY_CC;
    }
}

static struct reading read_text(const char *text)
{
    struct reading reading = {.trunk = DIGITS_MAX};

    while (*text != '\0') {
        utf8proc_int32_t character;
        utf8proc_ssize_t took = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &character);

        if (took <= 0) {
            reading.junk = true;
            break;
        }
        read_character(&reading, character, text);
        text += took;
    }
    return reading;
}

/* ---- from digits to a number */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* "+81 (0)90-...": the zero is dialled at home only. */
static void drop_trunk_zero(struct reading *reading)
{
    size_t at = reading->trunk;

    if (at >= reading->count)
        return;
    memmove(reading->digits + at, reading->digits + at + 1, reading->count - at);
    reading->count--;
}

/* Japan's prefixes of 11 digits, zero included (numbering plan of the Ministry of Internal
 * Affairs). */
static const struct {
    const char *prefix;
    enum phone_kind kind;
} eleven_digits[] = {
    {"0800", PHONE_FIXED}, /* free dial; the first that fits wins */
    {"060", PHONE_MOBILE}, {"070", PHONE_MOBILE}, {"080", PHONE_MOBILE},
    {"090", PHONE_MOBILE}, {"050", PHONE_FIXED}, /* IP telephones */
    {"020", PHONE_FIXED},                        /* machines and pagers */
};

/* A Japanese number without its zero: "9000000000". */
static enum phone_kind japanese_kind(const char *digits, size_t count)
{
    char national[DIGITS_MAX + 2] = "0";

    memcpy(national + 1, digits, count + 1);
    for (size_t i = 0; i < MEM_COUNT(eleven_digits); i++) {
        if (starts_with(national, eleven_digits[i].prefix)) /* with 10 digits, one was forgotten */
            return count == 10 ? eleven_digits[i].kind : PHONE_INVALID;
    }
    return count == 9 && *digits != '0' ? PHONE_FIXED : PHONE_INVALID;
}

static enum phone_kind take_japanese(const char *digits, size_t count, char out[PHONE_MAX])
{
    enum phone_kind kind = japanese_kind(digits, count);

    if (kind != PHONE_INVALID)
        snprintf(out, PHONE_MAX, "+81%.10s", digits);
    return kind;
}

/* After "+" or what stands for it. */
static enum phone_kind take_international(const char *digits, size_t count, char out[PHONE_MAX])
{
    if (starts_with(digits, "810"))
        return take_japanese(digits + 3, count - 3, out);
    if (starts_with(digits, "81"))
        return take_japanese(digits + 2, count - 2, out);
    if (count < E164_DIGITS_MIN || count > E164_DIGITS_MAX || *digits == '0')
        return PHONE_INVALID;
    snprintf(out, PHONE_MAX, "+%.15s", digits);
    return PHONE_MOBILE;
}

static enum phone_kind take_number(struct reading *reading, char out[PHONE_MAX])
{
    const char *digits = reading->digits;
    bool abroad = starts_with(digits, "010"), japan_abroad = starts_with(digits, "0081");

    if (reading->plus || abroad || japan_abroad)
        drop_trunk_zero(reading);
    size_t count = reading->count;

    if (reading->plus)
        return take_international(digits, count, out);
    if (count >= 3 && count <= 8) {
        snprintf(out, PHONE_MAX, "%.8s", digits);
        return PHONE_SHORT_CODE;
    }
    if (japan_abroad)
        return take_international(digits + 2, count - 2, out);
    /* Eight digits behind it are a Korean mobile at home, which says nothing of Korea. */
    if (abroad)
        return count > 11 ? take_international(digits + 3, count - 3, out) : PHONE_INVALID;
    if (*digits == '0')
        return take_japanese(digits + 1, count - 1, out);
    if (starts_with(digits, "81"))
        return take_international(digits, count, out);
    return PHONE_INVALID;
}

/* ---- names */

static enum phone_kind take_name(const char *name, size_t characters, char out[PHONE_MAX])
{
    size_t len = strlen(name);

    if (characters > NAME_CHARACTERS_MAX)
        return PHONE_INVALID;
    if (len > PHONE_MAX - 1) {
        len = PHONE_MAX - 1;
        while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80) /* not within a character */
            len--;
    }
    memcpy(out, name, len);
    out[len] = '\0';
    return PHONE_ALPHANUMERIC;
}

enum phone_kind phone_parse(const char *text, size_t len, char out[PHONE_MAX])
{
    char *folded = len <= TEXT_BYTES_MAX ? text_nfkc(text, len) : NULL;
    enum phone_kind kind = PHONE_INVALID;

    out[0] = '\0';
    if (folded == NULL)
        return PHONE_INVALID;
    struct reading reading = read_text(folded);
    if (reading.letters && !reading.control)
        kind = take_name(folded, reading.characters, out);
    else if (!reading.letters && !reading.junk && reading.count > 0)
        kind = take_number(&reading, out);
    free(folded);
    return kind;
}
