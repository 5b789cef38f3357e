/*
 * number.c - reads one number: digits, decimal mark, and the value in each of our fields.
 *
 * It sees the letters around the number, and no other token but whether a label stands before it.
 */
#include "reply/number.h"

#include <string.h>

enum {
    KEY_IDEOGRAPHIC_COMMA = 0x3001,
    KEY_DEGREE = 0xB0,
    KEY_DO = 0x5EA6,        /* 度 */
    KEY_HANGUL_DO = 0xB3C4, /* 도 */
    CELSIUS_LEAST = 3400,
    CELSIUS_MOST = 4200,
    FAHRENHEIT_LEAST = 9320,
    FAHRENHEIT_MOST = 10760,
    SPO2_LEAST = 50,
    SPO2_MOST = 100,
    WHOLE_DIGITS_MAX = 9,
};

static uint32_t key_at(const struct number_context *context, int at)
{
    return at < context->text->count ? context->text->letters[at].key : 0;
}

static bool digit_at(const struct number_context *context, int at)
{
    return at < context->text->count && context->text->letters[at].class == LETTER_DIGIT &&
           !(context->text->letters[at].marks & LETTER_APART);
}

static bool point_at(const struct number_context *context, int at)
{
    uint32_t key = key_at(context, at);

    return key == '.' || key == 0xB7 || key == 0x30FB || key == 0x3002;
}

static bool space_at(const struct number_context *context, int at)
{
    return at < context->text->count && context->text->letters[at].class == LETTER_SPACE;
}

/* The letter after the digits that begin at `at`. Something dropped between two digits separates
 * them. */
static int digits_end(const struct number_context *context, int at)
{
    int end = at;

    while (digit_at(context, end) &&
           (end == at || !(context->text->letters[end].marks & LETTER_DROPPED)))
        end++;
    return end;
}

static int two_digits(const struct number_context *context, int at)
{
    return (int)(key_at(context, at) - '0') * 10 + (int)(key_at(context, at + 1) - '0');
}

static bool is_body(int whole)
{
    return whole >= 34 && whole <= 42;
}

static bool plain_body(const struct number *number)
{
    return number->whole_digits == 2 && is_body(number->whole);
}

/* Whether what follows decides what a comma was: a unit of temperature, or a percent sign. */
static bool unit_after(const struct number_context *context, int at, bool *percent)
{
    uint32_t key;

    if (space_at(context, at))
        at++;
    key = key_at(context, at);
    *percent = key == '%';
    if (key == KEY_DEGREE || key == KEY_DO || key == KEY_HANGUL_DO || *percent)
        return true;
    return (key == 'c' || key == 'f') && (at + 1 >= context->text->count ||
                                          context->text->letters[at + 1].class != LETTER_ALPHABET);
}

/* A point, directly between digits or with one space on one side. 0 where it only separates. */
static int decimals_after_point(struct number_context *context, const struct number *number,
                                int end)
{
    int decimals;
    int past;
    bool glued = point_at(context, end) && digit_at(context, end + 1);
    bool spaced =
        (point_at(context, end) && space_at(context, end + 1) && digit_at(context, end + 2)) ||
        (space_at(context, end) && point_at(context, end + 1) && digit_at(context, end + 2));

    if (!glued && !spaced)
        return 0;
    decimals = glued ? end + 1 : end + 2;
    past = digits_end(context, decimals);
    /* "1. 36.9" and "1.36.9" number a member. */
    if (spaced && (number->whole_digits == 1 || past - decimals > 2 ||
                   (point_at(context, past) && digit_at(context, past + 1))))
        return 0;
    if (number->whole_digits == 1 && past - decimals == 2 &&
        is_body(two_digits(context, decimals)) && point_at(context, past) &&
        digit_at(context, past + 1))
        return 0;
    /* 97.36: Fahrenheit, or 97 and 36? */
    if (number->whole >= SPO2_LEAST && number->whole <= SPO2_MOST && past - decimals == 2 &&
        is_body(two_digits(context, decimals)))
        context->two_ways = true;
    return decimals;
}

static int decimals_after_comma(struct number_context *context, const struct number *number,
                                int end)
{
    uint32_t key = key_at(context, end);
    bool percent = false;
    int past;
    int count;

    if ((key != ',' && key != KEY_IDEOGRAPHIC_COMMA) || !digit_at(context, end + 1))
        return 0;
    past = digits_end(context, end + 1);
    count = past - (end + 1);
    if (key == KEY_IDEOGRAPHIC_COMMA)
        return plain_body(number) && count == 1 ? end + 1 : 0;
    if (!plain_body(number)) {
        bool unit = unit_after(context, past, &percent);
        bool fahrenheit = unit && !percent && key_at(context, past) != KEY_DO;

        if (count == 1 && (unit || context->labelled) && number->whole_digits > 1)
            return end + 1;
        return count == 2 && (percent || fahrenheit) && number->whole_digits > 1 &&
                       !is_body(two_digits(context, end + 1))
                   ? end + 1
                   : 0;
    }
    if (count == 1)
        return end + 1;
    if (count != 2)
        return 0;
    if (two_digits(context, end + 1) < SPO2_LEAST)
        return end + 1;
    if (key_at(context, past) == ',')
        return 0;
    context->two_ways = !unit_after(context, past, &percent) || percent;
    return end + 1;
}

static int enclosed_end(const struct number_context *context)
{
    int end = context->at + 1;

    while (end < context->text->count && context->text->letters[end].class == LETTER_DIGIT &&
           context->text->letters[end].source_begin ==
               context->text->letters[context->at].source_begin)
        end++;
    return end;
}

int number_read(struct number_context *context, struct number *number)
{
    bool apart = context->text->letters[context->at].marks & LETTER_APART;
    int end = apart ? enclosed_end(context) : digits_end(context, context->at);
    int decimals;

    memset(number, 0, sizeof(*number));
    for (int at = context->at; at < end; at++) {
        if (at - context->at < WHOLE_DIGITS_MAX)
            number->whole = number->whole * 10 + (int)(key_at(context, at) - '0');
    }
    number->whole_digits = (uint8_t)(end - context->at > 255 ? 255 : end - context->at);
    number->zero_led = number->whole_digits > 1 && key_at(context, context->at) == '0';
    if (apart)
        return end;
    number->mark = '.';
    decimals = decimals_after_point(context, number, end);
    if (decimals == 0) {
        number->mark = ',';
        decimals = decimals_after_comma(context, number, end);
    }
    if (decimals == 0) {
        number->mark = '\0';
        return end;
    }
    end = digits_end(context, decimals);
    number->decimal_digits = (uint8_t)(end - decimals > 255 ? 255 : end - decimals);
    number->decimals = (int)(key_at(context, decimals) - '0') * 10;
    if (number->decimal_digits > 1)
        number->decimals += (int)(key_at(context, decimals + 1) - '0');
    return end;
}

int number_hundredths(const struct number *number)
{
    if (number->decimal_digits > 2 || number->whole_digits > 4)
        return -1;
    return number->whole * 100 + number->decimals;
}

/* To one decimal, half up: 98.6 is 37.0. */
static int celsius_of_fahrenheit(int hundredths)
{
    if (hundredths < FAHRENHEIT_LEAST || hundredths > FAHRENHEIT_MOST)
        return -1;
    return ((hundredths - 3200) * 5 + 45) / 90 * 10;
}

int number_celsius(const struct number *number, enum quantity_unit unit, bool labelled)
{
    int hundredths = number_hundredths(number);

    (void)labelled;
    if (hundredths < 0 || number->zero_led || unit == UNIT_PERCENT)
        return -1;
    if (unit == UNIT_FAHRENHEIT)
        return celsius_of_fahrenheit(hundredths);
    if (hundredths >= CELSIUS_LEAST && hundredths <= CELSIUS_MOST && number->whole_digits == 2)
        return hundredths;
    if (number->whole_digits == 3 && number->decimal_digits == 0 && number->whole >= 340 &&
        number->whole <= 420)
        return number->whole * 10;
    if (number->decimal_digits > 0 && unit != UNIT_CELSIUS)
        return celsius_of_fahrenheit(hundredths);
    return -1;
}

int number_spo2(const struct number *number, bool decimals_allowed)
{
    int hundredths = number_hundredths(number);

    if (number->decimal_digits > 0 && !decimals_allowed)
        return -1;
    if (hundredths < SPO2_LEAST * 100 || hundredths > SPO2_MOST * 100 || number->zero_led)
        return -1;
    return hundredths / 100;
}

bool number_write(const struct number *number, const struct text *text, const struct token *token,
                  char *value, size_t size)
{
    size_t len = 0;
    bool marked = false;

    for (int at = token->first; at < token->past; at++) {
        const struct letter *letter = &text->letters[at];

        if (len + 3 > size)
            return false;
        if (letter->class == LETTER_DIGIT)
            value[len++] = (char)letter->key;
        else if (!marked && number->mark != '\0') {
            value[len++] = '.';
            marked = true;
        }
    }
    value[len] = '\0';
    return true;
}
