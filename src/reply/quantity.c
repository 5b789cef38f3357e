/*
 * quantity.c - numbers among their neighbours: tenths typed apart, units, labels, and numbers that
 * measure something else.
 *
 * Decides what a number is; not to which report it belongs.
 */
#include "reply/message.h"

enum {
    MEASURE_REACH = 4, /* noise words between "pulse" and its number */
    LABEL_REACH = 8,   /* words between a label and its number */
    HOURS = 24,
    MINUTES = 60,
    DAYS = 31,
};

static bool is_number(const struct token *token)
{
    return token != NULL && token->kind == TOKEN_NUMBER;
}

static bool is_body_whole(const struct token *token)
{
    return token->number.whole_digits == 2 && token->number.decimal_digits == 0 &&
           token->number.whole >= 34 && token->number.whole <= 42 && !(token->flags & TOKEN_APART);
}

static bool is_lone_digit(const struct token *token)
{
    return is_number(token) && token->number.whole_digits == 1 &&
           token->number.decimal_digits == 0 && !(token->flags & TOKEN_APART) &&
           token->reading == REPLY_READ_NOTHING;
}

static bool is_percent(const struct token *token)
{
    return token != NULL && token_is(token, ROLE_PERCENT) && token->gap == 0;
}

static void set_tenth(struct token *body, const struct token *tenth)
{
    body->number.decimals = tenth->number.whole * 10;
    body->number.decimal_digits = 1;
    body->number.mark = '.';
    body->number.tenths_apart = true;
}

/* A unit of another kind directly behind a number: 76歳, 500mg, 9am. */
static bool foreign_unit(const struct message *message, const struct token *next)
{
    const uint64_t ours = ROLE_YES | ROLE_NO | ROLE_TEMPERATURE | ROLE_SPO2 | ROLE_SYMPTOM_LABEL |
                          ROLE_SYMPTOM | ROLE_CELSIUS | ROLE_FAHRENHEIT | ROLE_DEGREE |
                          ROLE_PERCENT;

    if (next == NULL || next->gap != 0 || (next - 1)->flags & TOKEN_APART)
        return false;
    if (next->kind == TOKEN_UNKNOWN || next->kind == TOKEN_FRACTION)
        return true;
    if (next->kind != TOKEN_WORD)
        return false;
    if (is_alphabetic(message, next))
        return (next->roles & ours) == 0;
    return (next->roles & (ROLE_OTHER_UNIT | ROLE_TENTH | ROLE_HALF | ROLE_MEASURE | ROLE_NOT_NAME |
                           ROLE_HONORIFIC)) != 0 &&
           (next->roles & ours) == 0;
}

/* Whether a line holds a temperature: then a digit that opens it is a member. */
static bool line_has_temperature(struct message *message, int i)
{
    for (struct token *token;
         (token = token_at(message, ++i)) != NULL && !(token->gap & GAP_NEWLINE);) {
        if (token->kind == TOKEN_NUMBER && number_celsius(&token->number, UNIT_NONE, false) >= 0)
            return true;
    }
    return false;
}

/* 36度9, 36度9分, 36도 5, 36°9, 36度半. True where the number took what follows. */
static bool join_behind_degree(struct message *message, int i)
{
    struct token *body = token_at(message, i);
    struct token *degree = token_at(message, i + 1);
    struct token *tenth = token_at(message, i + 2);
    struct token *minute = token_at(message, i + 3);

    if (degree == NULL || !only_gap(degree, GAP_SPACE) || !token_is(degree, ROLE_JOINS) ||
        tenth == NULL || !only_gap(tenth, GAP_SPACE))
        return false;
    if (token_is(tenth, ROLE_HALF)) {
        body->number.decimals = 50;
        body->number.decimal_digits = 1;
        body->number.mark = '.';
        body->number.tenths_apart = true;
        tenth->reading = REPLY_READ_UNIT;
    } else if (is_lone_digit(tenth) && !is_percent(minute)) {
        set_tenth(body, tenth);
        tenth->reading = REPLY_READ_TEMPERATURE;
        if (token_is(minute, ROLE_TENTH) && only_gap(minute, GAP_SPACE))
            minute->reading = REPLY_READ_UNIT;
        else if (foreign_unit(message, minute))
            body->flags |= TOKEN_DOUBT;
    } else {
        if (is_number(tenth) && tenth->gap == 0 && !is_percent(minute))
            body->flags |= TOKEN_DOUBT; /* 36度75 */
        return false;
    }
    degree->reading = REPLY_READ_UNIT;
    body->unit = degree->roles & ROLE_CELSIUS ? UNIT_CELSIUS : UNIT_DEGREES;
    return true;
}

/* 36 9 is 36.9; 36-9, 36:9 and 36 9 7 can be read in two ways. */
static void join_lone_digit(struct message *message, int i)
{
    struct token *body = token_at(message, i);
    struct token *tenth = token_at(message, i + 1);
    struct token *next = token_at(message, i + 2);

    if (!is_lone_digit(tenth))
        return;
    if (tenth->gap & GAP_NEWLINE) {
        if (!line_has_temperature(message, i + 1))
            body->flags |= TOKEN_DOUBT;
        return;
    }
    if (tenth->gap != GAP_SPACE) {
        body->flags |= TOKEN_DOUBT;
        return;
    }
    if (is_percent(next) || foreign_unit(message, next) ||
        (next != NULL && token_is(next, ROLE_OTHER_UNIT) && only_gap(next, GAP_SPACE)))
        return;
    if (is_lone_digit(next) && !(next->gap & GAP_NEWLINE))
        body->flags |= TOKEN_DOUBT;
    set_tenth(body, tenth);
    tenth->reading = REPLY_READ_TEMPERATURE;
}

static enum quantity_unit unit_of(const struct token *word)
{
    if (word->roles & ROLE_PERCENT)
        return UNIT_PERCENT;
    if (word->roles & ROLE_FAHRENHEIT)
        return UNIT_FAHRENHEIT;
    return word->roles & ROLE_CELSIUS ? UNIT_CELSIUS : UNIT_DEGREES;
}

/* The unit behind a number: glued, or after white space. Returns the token after it. */
static int take_unit(struct message *message, int i, int next)
{
    struct token *number = token_at(message, i);
    const uint64_t units = ROLE_PERCENT | ROLE_FAHRENHEIT | ROLE_CELSIUS | ROLE_DEGREE;

    for (;; next++) {
        struct token *word = token_at(message, next);
        struct token *after = token_at(message, next + 1);

        if (word == NULL || !token_is(word, units) || !only_gap(word, GAP_SPACE) ||
            word->reading != REPLY_READ_NOTHING)
            return next;
        if (number->unit != UNIT_NONE &&
            (number->unit != UNIT_DEGREES || !(word->roles & (ROLE_FAHRENHEIT | ROLE_CELSIUS))))
            return next;
        if (word->roles & ROLE_PERCENT && word->gap != 0 && is_number(after) && after->gap == 0)
            return next; /* 36.9 %97 */
        number->unit = (uint8_t)unit_of(word);
        word->reading = REPLY_READ_UNIT;
    }
}

static void take_percent_before(struct message *message, int i)
{
    struct token *number = token_at(message, i);
    struct token *percent = token_at(message, i - 1);

    if (number->unit == UNIT_NONE && number->gap == 0 && percent != NULL &&
        token_is(percent, ROLE_PERCENT) && percent->reading == REPLY_READ_NOTHING) {
        number->unit = UNIT_PERCENT;
        percent->reading = REPLY_READ_UNIT;
    }
}

/* "pulse 72", 脈拍は72, "age: 76" */
static bool measures_something_else(struct message *message, int i)
{
    for (int reach = 0; reach <= MEASURE_REACH; reach++) {
        struct token *number = token_at(message, i - reach);
        struct token *before = token_at(message, i - reach - 1);

        if (before == NULL || !only_gap(number, GAP_SPACE | GAP_COLON | GAP_HASH))
            return false;
        if (token_is(before, ROLE_MEASURE) ||
            (reach == 0 && token_is(before, ROLE_OTHER_UNIT) && number->gap != 0 &&
             quantity_of(number).kind == QUANTITY_DIGIT))
            return true; /* "week 2", too */
        if (!is_noise(before))
            return false;
    }
    return false;
}

static bool is_date(struct message *message, int i, int next)
{
    const struct token *number = token_at(message, i);
    const struct token *before = token_at(message, i - 1);
    const struct token *after = token_at(message, next);

    if (number->number.decimal_digits > 0 || number->number.whole > DAYS)
        return false;
    if (after != NULL && is_noise(after) && !(after->roles & ROLE_MONTH))
        after = token_at(message, next + 1);
    return (before != NULL && token_is(before, ROLE_MONTH) &&
            only_gap(number, GAP_SPACE | GAP_STOP)) ||
           (after != NULL && token_is(after, ROLE_MONTH) && only_gap(after, GAP_SPACE));
}

static bool is_time(const struct token *number, const struct token *next)
{
    return is_number(next) && next->gap == GAP_COLON && number->number.decimal_digits == 0 &&
           next->number.decimal_digits == 0 && next->number.whole_digits == 2 &&
           number->number.whole_digits <= 2 && number->number.whole <= HOURS &&
           next->number.whole < MINUTES;
}

/* 11/22, and 118/76 behind a word for blood pressure. */
static bool is_fraction_of_foreign(const struct token *number, const struct token *before)
{
    if (!is_number(before) || number->gap != GAP_SLASH || number->number.decimal_digits > 0 ||
        before->number.decimal_digits > 0)
        return false;
    return before->flags & TOKEN_FOREIGN ||
           (before->number.whole <= DAYS && number->number.whole <= DAYS);
}

/* COVID19, 血圧118: a whole number that grows out of an unknown word is not ours. */
static bool grows_out_of_word(const struct message *message, const struct token *number,
                              const struct token *before)
{
    if (before == NULL || number->gap != 0 || number->flags & TOKEN_APART || !is_plain(before))
        return false;
    if (before->roles & (ROLE_HONORIFIC | ROLE_KIN))
        return false;
    return number->number.decimal_digits == 0 ||
           (is_alphabetic(message, before) &&
            number_celsius(&number->number, UNIT_NONE, false) < 0);
}

static void doubt_number(struct message *message, int i, int next)
{
    struct token *number = token_at(message, i);
    struct token *after = token_at(message, next);

    if ((number->unit == UNIT_NONE && foreign_unit(message, after)) ||
        (number->unit == UNIT_NONE && token_is(after, ROLE_OTHER_UNIT) &&
         only_gap(after, GAP_SPACE)) ||
        measures_something_else(message, i) || is_date(message, i, next) ||
        grows_out_of_word(message, number, token_at(message, i - 1)) ||
        is_fraction_of_foreign(number, token_at(message, i - 1)))
        number->flags |= TOKEN_DOUBT | TOKEN_FOREIGN;
    if (number->number.whole_digits == 1 && number->number.decimal_digits == 0 && i > 0 &&
        number->gap == 0 && is_noise(token_at(message, i - 1)))
        number->flags |= TOKEN_DOUBT; /* 朝9 */
    if (number->flags & TOKEN_TWO_WAYS ||
        (number->flags & TOKEN_APART && (number->number.whole < 1 || number->number.whole > 9)))
        number->flags |= TOKEN_DOUBT;
    if (after != NULL && is_time(number, after)) {
        number->flags |= TOKEN_DOUBT | TOKEN_FOREIGN;
        after->flags |= TOKEN_DOUBT | TOKEN_FOREIGN;
    }
}

void quantities_join(struct message *message)
{
    for (int i = 0; i < message->tokens.count; i++) {
        struct token *token = token_at(message, i);
        int next = i + 1;

        if (token->kind == TOKEN_FRACTION)
            token->flags |= TOKEN_DOUBT;
        if (token->kind != TOKEN_NUMBER || token->reading != REPLY_READ_NOTHING)
            continue;
        if (is_body_whole(token) && !join_behind_degree(message, i))
            join_lone_digit(message, i);
        while (token_at(message, next) != NULL &&
               token_at(message, next)->reading != REPLY_READ_NOTHING)
            next++;
        take_percent_before(message, i);
        if (token->unit == UNIT_NONE)
            next = take_unit(message, i, next);
        doubt_number(message, i, next);
    }
}

/* ------------------------------------------------------------------ labels */

static bool fits(const struct token *number, enum reply_field field)
{
    enum quantity_unit unit = (enum quantity_unit)number->unit;

    if (field == REPLY_TEMPERATURE)
        return number_celsius(&number->number, unit, true) >= 0;
    return number_spo2(&number->number, true) >= 0 && (unit == UNIT_NONE || unit == UNIT_PERCENT);
}

static bool unit_contradicts(const struct token *number, enum reply_field field)
{
    if (number->unit == UNIT_NONE)
        return false;
    return (number->unit == UNIT_PERCENT) != (field == REPLY_SPO2);
}

/* The unlabelled number directly before a label (97% oxygen), or NULL. */
static struct token *number_before(struct message *message, int i, enum reply_field field)
{
    for (int at = i; at > 0; at--) {
        struct token *before = token_at(message, at - 1);

        if (!only_gap(token_at(message, at), GAP_SPACE))
            return NULL;
        if (before->kind == TOKEN_NUMBER && before->reading == REPLY_READ_NOTHING)
            return before->label == REPLY_FIELDS && !unit_contradicts(before, field) &&
                           fits(before, field)
                       ? before
                       : NULL;
        if (before->reading != REPLY_READ_UNIT && before->reading != REPLY_READ_TEMPERATURE &&
            (!is_noise(before) || token_is(before, ROLE_LIST) || i - at >= LABEL_REACH))
            return NULL;
    }
    return NULL;
}

static bool no_word_follows(struct message *message, int i)
{
    const struct token *next = token_at(message, i + 1);

    if (next != NULL && token_is(next, ROLE_PARTICLE) && only_gap(next, GAP_SPACE))
        next = token_at(message, i + 2);
    return next != NULL &&
           ((token_is(next, ROLE_NO) && (next->gap == 0 || next->gap & GAP_COLON)) ||
            (token_is(next, ROLE_NO_VALUE | ROLE_NO_VALUE_AT_LABEL) &&
             only_gap(next, GAP_SPACE | GAP_COLON)));
}

/* The number after a label, past particles and noise; `gaps` is what stands between. */
static struct token *number_after(struct message *message, int i, uint64_t label, unsigned *gaps)
{
    *gaps = 0;
    for (int reach = 1; reach <= LABEL_REACH; reach++) {
        const struct token *token = token_at(message, i + reach);

        if (token == NULL)
            return NULL;
        *gaps |= token->gap;
        if (token_is(token, ROLE_LIST) && !token_is(token, ROLE_PARTICLE))
            *gaps |= GAP_OTHER; /* "36.9 temp and 97 oxygen" */
        if (token->kind == TOKEN_NUMBER)
            return token->reading == REPLY_READ_NOTHING ? token_at(message, i + reach) : NULL;
        if (!(token_is(token, label) && !(token->roles & ROLE_LETTER)) && !is_noise(token) &&
            !token_is(token, ROLE_COPULA) &&
            !(token_is(token, ROLE_PERCENT | ROLE_CELSIUS | ROLE_DEGREE) &&
              token->reading == REPLY_READ_NOTHING))
            return NULL;
    }
    return NULL;
}

/* `s` is yes where the number after it is a temperature, or may be the next member. */
static bool is_yes_instead(struct message *message, int i, const struct token *number,
                           unsigned gaps)
{
    const struct token *before = token_at(message, i - 1);
    bool own_line = token_at(message, i)->flags & TOKEN_LINE_START;
    unsigned allowed = GAP_SPACE | GAP_COLON;

    /* Alone on its line, it may be the label of the value below. */
    if (own_line && number != NULL && number_spo2(&number->number, true) >= 0)
        allowed |= GAP_NEWLINE;
    if (number == NULL || number != token_at(message, i + 1) || gaps & ~allowed)
        return true;
    if (number_celsius(&number->number, (enum quantity_unit)number->unit, false) >= 0 &&
        number_spo2(&number->number, true) < 0)
        return true;
    return number->number.whole_digits == 1 && number->gap != 0 && before != NULL &&
           (before->kind == TOKEN_NUMBER || before->reading == REPLY_READ_UNIT);
}

/* "SpO2 (%): 97", "Temp (C): 36.9": labels and units on the way to the number are its own. */
static void take_between(struct token *label, struct token *number, uint64_t role)
{
    const uint64_t units = ROLE_PERCENT | ROLE_CELSIUS | ROLE_DEGREE;

    for (struct token *word = label; word < number; word++) {
        if (token_is(word, role)) {
            word->flags |= TOKEN_BOUND;
            word->reading = REPLY_READ_LABEL;
        } else if (token_is(word, units) && word->reading == REPLY_READ_NOTHING) {
            word->reading = REPLY_READ_UNIT;
            if (number->unit == UNIT_NONE)
                number->unit = (uint8_t)unit_of(word);
        }
    }
}

static void bind_label(struct message *message, int i, enum reply_field field)
{
    struct token *label = token_at(message, i);
    uint64_t role = field == REPLY_SPO2 ? ROLE_SPO2 : ROLE_TEMPERATURE;
    unsigned gaps;
    struct token *number = number_after(message, i, role, &gaps);
    struct token *before = number_before(message, i, field);
    unsigned strict = GAP_SPACE | GAP_COLON | (label->flags & TOKEN_LINE_START ? GAP_NEWLINE : 0);

    if (label->roles & ROLE_LETTER && is_yes_instead(message, i, number, gaps))
        return;
    if (number != NULL && number->label == REPLY_FIELDS && (gaps & ~strict) != 0 &&
        (!fits(number, field) || unit_contradicts(number, field) || before != NULL))
        number = NULL;
    if (number != NULL && before != NULL && unit_contradicts(number, field))
        number = NULL; /* 97% SpO2 36.8C */
    if (number != NULL && number->label == REPLY_FIELDS) {
        if (unit_contradicts(number, field) || (before != NULL && !fits(number, field)))
            label->flags |= TOKEN_DOUBT;
        number->label = (uint8_t)field;
        take_between(label, number, role);
        return;
    }
    if (before != NULL && !(label->roles & ROLE_FEVER) && !no_word_follows(message, i)) {
        before->label = (uint8_t)field;
        label->flags |= TOKEN_BOUND;
        label->reading = REPLY_READ_LABEL;
    }
}

void labels_bind(struct message *message)
{
    for (int i = 0; i < message->tokens.count; i++) {
        struct token *token = token_at(message, i);

        if (token_is(token, ROLE_TEMPERATURE | ROLE_SPO2) && !(token->flags & TOKEN_BOUND))
            bind_label(message, i, token->roles & ROLE_SPO2 ? REPLY_SPO2 : REPLY_TEMPERATURE);
    }
}

static struct quantity as_temperature(const struct token *token, bool labelled)
{
    struct quantity quantity = {.kind = QUANTITY_TEMPERATURE, .claimed = true};

    quantity.value = number_celsius(&token->number, (enum quantity_unit)token->unit, labelled);
    if (quantity.value < 0)
        quantity.kind = QUANTITY_NOT_TEMPERATURE;
    return quantity;
}

static struct quantity as_spo2(const struct token *token)
{
    struct quantity quantity = {.kind = QUANTITY_SPO2, .claimed = true};

    quantity.value = number_spo2(&token->number, true);
    if (quantity.value < 0)
        quantity.kind = QUANTITY_NOT_SPO2;
    return quantity;
}

static struct quantity as_found(const struct token *token)
{
    struct quantity quantity = {.kind = QUANTITY_TEMPERATURE};

    quantity.value = number_celsius(&token->number, UNIT_NONE, false);
    if (quantity.value >= 0)
        return quantity;
    quantity.kind = QUANTITY_SPO2;
    quantity.value = number_spo2(&token->number, false);
    if (quantity.value >= 0)
        return quantity;
    if (token->number.decimal_digits > 0)
        quantity.kind = QUANTITY_NOT_TEMPERATURE;
    else if (token->number.whole_digits == 1 && token->number.whole >= 1)
        quantity.kind = QUANTITY_DIGIT;
    else
        quantity.kind = QUANTITY_OTHER;
    return quantity;
}

struct quantity quantity_of(const struct token *token)
{
    if (token->flags & TOKEN_APART) {
        struct quantity digit = {.kind = token->number.whole >= 1 && token->number.whole <= 9
                                             ? QUANTITY_DIGIT
                                             : QUANTITY_OTHER};

        return digit;
    }
    if (token->label == REPLY_TEMPERATURE)
        return as_temperature(token, true);
    if (token->label == REPLY_SPO2)
        return as_spo2(token);
    switch ((enum quantity_unit)token->unit) {
    case UNIT_CELSIUS:
    case UNIT_FAHRENHEIT:
    case UNIT_DEGREES:
        return as_temperature(token, false);
    case UNIT_PERCENT:
        return as_spo2(token);
    case UNIT_NONE:
        break;
    }
    return as_found(token);
}
