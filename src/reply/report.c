/*
 * report.c - whose values they are: parts a message into reports and names their members.
 *
 * Sees tokens that are already understood among their neighbours; answer.c judges the parts.
 */
#include "reply/parting.h"

#include <string.h>

enum { NAME_WORDS_MAX = 2 };

static void part_open(struct parting *parting, int token)
{
    struct part *part;

    if (parting->count == REPLY_REPORTS_MAX) {
        parting->too_many = true;
        return;
    }
    part = &parting->parts[parting->count++];
    memset(part, 0, sizeof(*part));
    part->first = part->past = token;
    part->temperature = part->spo2 = part->out_token = part->other_token = -1;
}

static struct part *current(struct parting *parting)
{
    return &parting->parts[parting->count - 1];
}

/* ------------------------------------------------------------------ what stands ahead */

static bool is_open_number(const struct token *token)
{
    return token->kind == TOKEN_NUMBER && token->reading == REPLY_READ_NOTHING;
}

/* One that can be a member's, or a value: not a dose, a date, or what can be read in two ways. */
static bool is_sound_number(const struct token *token)
{
    return is_open_number(token) && !(token->flags & TOKEN_DOUBT);
}

static bool is_value(const struct token *token)
{
    return (is_sound_number(token) && quantity_of(token).kind != QUANTITY_DIGIT) ||
           token->reading == REPLY_READ_YES || token->reading == REPLY_READ_NO ||
           token_is(token, ROLE_TEMPERATURE | ROLE_SPO2 | ROLE_SYMPTOM_LABEL);
}

/* Words that are nothing to the parser, side by side: perhaps a name. */
struct stretch {
    int first, past; /* tokens */
    int words;
    bool name;       /* it may be one */
    bool two_people; /* "Hanako and Taro" */
};

static bool is_word(const struct token *token)
{
    return token->reading == REPLY_READ_NOTE ||
           (token->reading == REPLY_READ_NOTHING &&
            (token->kind == TOKEN_UNKNOWN ||
             (token->kind == TOKEN_WORD && !is_noise(token) &&
              !token_is(token, ROLE_TEMPERATURE | ROLE_SPO2 | ROLE_SYMPTOM_LABEL | ROLE_NO_VALUE |
                                   ROLE_PERCENT | ROLE_LIST))));
}

static bool may_be_name(const struct token *token)
{
    return token->reading == REPLY_READ_NOTHING && !(token->flags & TOKEN_SENTENCE) &&
           (token->kind == TOKEN_UNKNOWN || token->roles & (ROLE_KIN | ROLE_MONTH)) &&
           !(token->roles & ROLE_NOT_NAME);
}

/* A second word of a name: behind white space, or behind the point of "J." or "Dr." */
static bool joins_name(struct message *message, int i)
{
    const struct token *word = token_at(message, i);
    const struct token *before = token_at(message, i - 1);
    bool abbreviated = is_alphabetic(message, before) && before->past - before->first <= 3;

    return only_gap(word, abbreviated ? GAP_SPACE | GAP_STOP : GAP_SPACE);
}

static struct stretch stretch_at(struct message *message, int i)
{
    struct stretch stretch = {.first = i, .past = i, .name = true};
    bool joined = false;

    for (struct token *token; (token = token_at(message, i)) != NULL; i++) {
        if (i > stretch.first && token->gap & GAP_NEWLINE && stretch.words > 0)
            break;
        if (token_is(token, ROLE_HONORIFIC) && stretch.words > 0 &&
            only_gap(token, GAP_SPACE | GAP_DASH)) {
            stretch.past = i + 1;
            continue;
        }
        if (is_word(token)) {
            if ((joined && stretch.words > 0) || token->flags & TOKEN_PAIR)
                stretch.two_people = true;
            if (!may_be_name(token) || (stretch.words > 0 && !joins_name(message, i)))
                stretch.name = false;
            stretch.words++;
            stretch.past = i + 1;
            joined = false;
            continue;
        }
        if (stretch.words == 0 || !(is_noise(token) || token_is(token, ROLE_LIST)) ||
            token->reading == REPLY_READ_YES)
            break;
        if (token_is(token, ROLE_LIST))
            joined = only_gap(token, GAP_SPACE);
        else {
            joined = false;
            if (token_at(message, i + 1) != NULL && is_word(token_at(message, i + 1)))
                stretch.name = false;
        }
    }
    if (stretch.words > NAME_WORDS_MAX || stretch.words == 0)
        stretch.name = false;
    return stretch;
}

/* The first token at or after `i` that is not noise; NULL at the end. `newline`: whether a line
 * ended. */
static struct token *next_meaning(struct message *message, int *i, bool *newline)
{
    struct token *token;

    *newline = false;
    for (; (token = token_at(message, *i)) != NULL; (*i)++) {
        *newline |= (token->gap & GAP_NEWLINE) != 0;
        if (!is_noise(token) && token->reading != REPLY_READ_UNIT &&
            token->reading != REPLY_READ_NOISE && !token_is(token, ROLE_HONORIFIC))
            return token;
    }
    return NULL;
}

/* A number, a label or an answer follows on the line, or opens the next one. */
static bool value_follows_name(struct message *message, int past)
{
    bool newline;
    const struct token *next = next_meaning(message, &past, &newline);

    return next != NULL && (is_value(next) || is_sound_number(next));
}

/* The values of a member follow its number: perhaps after a name. */
static bool value_follows_digit(struct message *message, int past)
{
    bool newline;
    const struct token *next = next_meaning(message, &past, &newline);

    if (next == NULL)
        return false;
    if (is_value(next) || next->reading == REPLY_READ_SYMPTOM)
        return true;
    if (is_word(next)) {
        struct stretch stretch = stretch_at(message, past);

        return stretch.name && value_follows_name(message, stretch.past);
    }
    return false;
}

/* ------------------------------------------------------------------ the pieces of a report */

static void take_word(struct parting *parting, struct token *token)
{
    current(parting)->words = true;
    current(parting)->unknown_words |= !token_is(token, ROLE_MEASURE | ROLE_OTHER_UNIT);
    token->reading = REPLY_READ_NOTE;
}

static void take_words(struct parting *parting, const struct stretch *stretch)
{
    /* "a bad cough": small words before them are the patient's words, too. */
    for (int i = stretch->first; i > current(parting)->first; i--) {
        struct token *before = token_at(parting->message, i - 1);

        if (!token_is(before, ROLE_FILLER) || before->reading != REPLY_READ_NOISE ||
            !only_gap(token_at(parting->message, i), GAP_SPACE))
            break;
        before->reading = REPLY_READ_NOTE;
    }
    for (int i = stretch->first; i < stretch->past; i++) {
        struct token *token = token_at(parting->message, i);

        if (is_word(token))
            take_word(parting, token);
        else if (token_is(token, ROLE_FILLER))
            token->reading = REPLY_READ_NOTE;
        else if (token->reading == REPLY_READ_NOTHING)
            token->reading = REPLY_READ_NOISE;
    }
}

static void take_name(struct parting *parting, const struct stretch *stretch)
{
    struct part *part = current(parting);

    part->name_first = stretch->first;
    part->name_past = stretch->past;
    while (part->name_past > part->name_first + 1 &&
           token_is(token_at(parting->message, part->name_past - 1), ROLE_HONORIFIC))
        part->name_past--;
    for (int i = stretch->first; i < stretch->past; i++)
        token_at(parting->message, i)->reading = REPLY_READ_MEMBER;
}

/* Not in the middle of a run: 出 in 咳が出ない is no name. */
static bool starts_apart(struct message *message, int i)
{
    const struct token *before = token_at(message, i - 1);

    return token_at(message, i)->gap != 0 || before == NULL ||
           !(is_noise(before) || before->reading == REPLY_READ_SYMPTOM);
}

/* Returns the token after what it read. */
static int read_stretch(struct parting *parting, int i)
{
    struct message *message = parting->message;
    struct stretch stretch = stretch_at(message, i);
    struct part *part = current(parting);
    bool follows = value_follows_name(message, stretch.past);
    int next = stretch.past;
    bool newline;
    const struct token *ahead = next_meaning(message, &next, &newline);
    bool line_start = token_at(message, i)->flags & TOKEN_LINE_START;

    if (stretch.two_people && stretch.words <= NAME_WORDS_MAX && follows && !has_values(part))
        part->doubt = true;
    if (!stretch.name) {
        take_words(parting, &stretch);
    } else if (!has_values(part) && part->name_past == part->name_first && !part->words) {
        /* Before its own values: a symptom counts as one here (妈妈胸痛). */
        if (follows || (ahead != NULL && ahead->reading == REPLY_READ_SYMPTOM))
            take_name(parting, &stretch);
        else
            take_words(parting, &stretch);
    } else if (has_values(part) && follows && starts_apart(message, i) &&
               (has_symptoms(part) || (line_start && !newline))) {
        part->past = i;
        part_open(parting, i);
        take_name(parting, &stretch);
    } else {
        take_words(parting, &stretch);
    }
    return stretch.past;
}

static void take_other(struct part *part, int i)
{
    part->others++;
    part->other_token = i;
}

static void read_digit(struct parting *parting, int i)
{
    struct message *message = parting->message;
    struct token *token = token_at(message, i);
    struct part *part = current(parting);
    bool follows = value_follows_digit(message, i + 1);
    bool line_start = token->flags & TOKEN_LINE_START;

    if (token->flags & TOKEN_DOUBT) {
        take_other(part, i);
        return;
    }
    if (!has_values(part)) {
        if (part->digit != 0)
            part->doubt = true;
        part->digit = token->number.whole;
        token->reading = REPLY_READ_MEMBER;
        return;
    }
    if (follows && (has_symptoms(part) || line_start)) {
        part->past = i;
        part_open(parting, i);
        current(parting)->digit = token->number.whole;
        token->reading = REPLY_READ_MEMBER;
        return;
    }
    take_other(part, i);
    if (token->flags & TOKEN_APART)
        part->doubt = true;
}

static bool same_label(struct message *message, int one, int other)
{
    const struct token *a = token_at(message, one);
    const struct token *b = token_at(message, other);

    return a->label != REPLY_FIELDS && a->label == b->label;
}

static void note_extremes(struct reply *reply, const struct quantity *quantity)
{
    if (quantity->kind == QUANTITY_SPO2 &&
        (reply->lowest_spo2 == 0 || quantity->value < reply->lowest_spo2))
        reply->lowest_spo2 = quantity->value;
    if (quantity->kind == QUANTITY_TEMPERATURE &&
        quantity->value > reply->highest_temperature_centi)
        reply->highest_temperature_centi = quantity->value;
}

/* 36.88 n: should it be 36 and 88, somebody is in danger. */
static void note_hundredths(struct reply *reply, const struct token *token)
{
    struct quantity spo2 = {.kind = QUANTITY_SPO2, .value = token->number.decimals};

    if (token->number.decimal_digits == 2 && spo2.value >= 50 && token->number.whole >= 34 &&
        token->number.whole <= 42)
        note_extremes(reply, &spo2);
}

static void take_out_of_range(struct parting *parting, int i, enum reply_field field)
{
    struct part *part = current(parting);

    if (part->out_token >= 0) {
        part->doubt = true;
        return;
    }
    part->out_token = i;
    part->out_field = field;
    token_at(parting->message, i)->reading = REPLY_READ_OUT_OF_RANGE;
}

/* "36.9 weight 62": what the word before it says is unknown, and so is what the number is. */
static bool behind_unknown_word(struct message *message, int i)
{
    const struct token *before = token_at(message, i - 1);

    return before != NULL && before->reading == REPLY_READ_NOTE &&
           only_gap(token_at(message, i), GAP_SPACE | GAP_COLON);
}

static void read_temperature(struct parting *parting, int i, const struct quantity *quantity)
{
    struct part *part = current(parting);

    if (part->temperature >= 0 && has_symptoms(part)) {
        part->past = i;
        part_open(parting, i);
        part = current(parting);
    }
    if (part->temperature >= 0 && (part->temperature != quantity->value ||
                                   !same_label(parting->message, part->temperature_token, i)))
        part->doubt = true;
    part->temperature = quantity->value;
    part->temperature_token = i;
    token_at(parting->message, i)->reading = REPLY_READ_TEMPERATURE;
}

static void read_spo2(struct parting *parting, int i, const struct quantity *quantity)
{
    struct part *part = current(parting);

    if (part->spo2 >= 0 &&
        (part->spo2 != quantity->value || !same_label(parting->message, part->spo2_token, i)))
        part->doubt = true;
    if (!quantity->claimed && behind_unknown_word(parting->message, i))
        part->doubt = true;
    part->spo2 = quantity->value;
    part->spo2_token = i;
    token_at(parting->message, i)->reading = REPLY_READ_SPO2;
}

/* "40 dollars": a whole number that counts what stands behind it. */
static bool is_counted(struct message *message, int i, const struct quantity *quantity)
{
    const struct token *token = token_at(message, i);
    const struct token *next = token_at(message, i + 1);

    return !quantity->claimed && token->number.decimal_digits == 0 && next != NULL &&
           (next->kind == TOKEN_UNKNOWN || token_is(next, ROLE_OTHER_UNIT)) &&
           only_gap(next, GAP_SPACE);
}

static void read_number(struct parting *parting, int i)
{
    struct token *token = token_at(parting->message, i);
    struct quantity quantity = quantity_of(token);

    parting->numbers++;
    parting->claimed |= quantity.claimed;
    if (!(token->flags & TOKEN_FOREIGN) || token->number.decimal_digits == 1)
        note_extremes(parting->reply, &quantity);
    if (!quantity.claimed)
        note_hundredths(parting->reply, token);
    switch (quantity.kind) {
    case QUANTITY_TEMPERATURE:
        parting->temperature_read = true;
        parting->counted |= is_counted(parting->message, i, &quantity);
        read_temperature(parting, i, &quantity);
        break;
    case QUANTITY_SPO2:
        parting->spo2_read = true;
        read_spo2(parting, i, &quantity);
        break;
    case QUANTITY_DIGIT:
        read_digit(parting, i);
        break;
    case QUANTITY_OTHER:
        take_other(current(parting), i);
        break;
    case QUANTITY_NOT_TEMPERATURE:
        take_out_of_range(parting, i, REPLY_TEMPERATURE);
        break;
    case QUANTITY_NOT_SPO2:
        take_out_of_range(parting, i, REPLY_SPO2);
        break;
    }
    if (token->flags & TOKEN_DOUBT) {
        current(parting)->doubt = true;
        token->reading = REPLY_READ_UNDECIDED;
    }
    parting->values |= token->reading != REPLY_READ_MEMBER;
}

static bool is_command_word(const struct token *token)
{
    return token_is(token, ROLE_COMMAND) && token->reading == REPLY_READ_NOTHING &&
           !(token->roles & (ROLE_NOISE | ROLE_YES | ROLE_NO));
}

static bool any_number(struct message *message)
{
    for (int i = 0; i < message->tokens.count; i++) {
        if (token_at(message, i)->kind == TOKEN_NUMBER)
            return true;
    }
    return false;
}

/* The last token that is a value, or -1. */
static int last_value(struct message *message)
{
    int i = message->tokens.count - 1;

    while (i >= 0 && !is_value(token_at(message, i)))
        i--;
    return i;
}

/* 訂正 before the values replaces; any command word in the wrong place can be read in two ways. */
static bool read_command_word(struct parting *parting, int i)
{
    struct token *token = token_at(parting->message, i);
    const struct word *word =
        vocabulary_command(&parting->message->text, token->first, token->past);
    bool undo = word != NULL && word->command == REPLY_UNDO;

    if (parting->values && !undo)
        return false;
    if (parting->values) {
        current(parting)->doubt = true;
        token->reading = REPLY_READ_UNDECIDED;
        return true;
    }
    if (undo) {
        parting->reply->replaces = true;
        token->reading = REPLY_READ_UNDO;
        return true;
    }
    if (i < parting->last_value) {
        current(parting)->word_doubt = true;
        token->reading = REPLY_READ_UNDECIDED;
        current(parting)->words = true;
        return true;
    }
    return false;
}

/* An answer that may belong to another word makes no conflict with a plain one. */
static void take_answer(struct parting *parting, const struct token *token)
{
    struct part *part = current(parting);

    parting->values = true;
    if (token->flags & TOKEN_WORD_DOUBT && parting->any_number)
        return;
    if (token->reading == REPLY_READ_YES)
        part->yes = true;
    else
        part->no = true;
}

/* Returns the token after what it read. */
static int read_token(struct parting *parting, int i)
{
    struct token *token = token_at(parting->message, i);

    if (token->flags & TOKEN_WORD_DOUBT)
        current(parting)->word_doubt = true;
    if (token->flags & TOKEN_DOUBT && token->kind != TOKEN_NUMBER)
        current(parting)->doubt = true;
    if (is_open_number(token)) {
        read_number(parting, i);
    } else if (token->reading == REPLY_READ_YES || token->reading == REPLY_READ_NO) {
        take_answer(parting, token);
    } else if (token->reading == REPLY_READ_SYMPTOM) {
        current(parting)->symptom |= !(token->flags & TOKEN_DOUBT);
        parting->values = true;
    } else if (is_command_word(token) && read_command_word(parting, i)) {
        return i + 1;
    } else if (is_word(token)) {
        return read_stretch(parting, i);
    } else if (token->reading == REPLY_READ_NOTHING) {
        token->reading = token_is(token, ROLE_TEMPERATURE | ROLE_SPO2 | ROLE_SYMPTOM_LABEL)
                             ? REPLY_READ_LABEL
                             : REPLY_READ_NOISE;
    }
    return i + 1;
}

static bool only_noise(const struct message *message)
{
    for (int i = 0; i < message->tokens.count; i++) {
        if (!is_noise(&message->tokens.list[i]))
            return false;
    }
    return true;
}

void reports_read(struct message *message, struct reply *reply)
{
    struct parting parting;

    if (only_noise(message)) {
        reply->outcome = REPLY_EMPTY;
        return;
    }
    parting.message = message;
    parting.reply = reply;
    parting.count = 0;
    parting.too_many = false;
    parting.values = false;
    parting.numbers = 0;
    parting.temperature_read = parting.spo2_read = parting.claimed = parting.counted = false;
    parting.last_value = last_value(message);
    parting.any_number = any_number(message);
    part_open(&parting, 0);
    for (int i = 0; i < message->tokens.count;) {
        i = read_token(&parting, i);
        current(&parting)->past = i;
    }
    parting_answer(&parting);
}
