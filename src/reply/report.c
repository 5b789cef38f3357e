/*
 * report.c - whose values they are: parts a message into reports, names their members, judges each.
 *
 * Sees tokens that are already understood among their neighbours; decides the outcome.
 */
#include "reply/message.h"

#include <string.h>

enum { NAME_WORDS_MAX = 2 };

/* A report under construction. */
struct part {
    int first, past;           /* tokens */
    int digit;                 /* the member's number, 0 where none */
    int name_first, name_past; /* the tokens of its name; equal where none */
    int temperature, spo2;     /* -1 where none */
    int temperature_token, spo2_token;
    bool yes, no, symptom;
    bool doubt, word_doubt;
    int others; /* numbers that are nothing else */
    int other_token;
    int out_token; /* a number outside the field's range, -1 where none */
    enum reply_field out_field;
    bool words;         /* left over */
    bool unknown_words; /* of them, those that do not even measure something */
};

struct parting {
    struct message *message;
    struct reply *reply;
    struct part parts[REPLY_REPORTS_MAX];
    int count;
    bool too_many;
    bool values;    /* a number, answer or symptom stood anywhere before */
    int numbers;    /* all of them */
    int last_value; /* a token, -1 where none */
    bool temperature_read, spo2_read;
    bool any_number; /* in the whole message */
    bool counted;    /* a whole number may count something else */
    bool claimed;    /* a label, a unit or a percent sign took a number */
};

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

static bool has_symptoms(const struct part *part)
{
    return part->yes || part->no || part->symptom;
}

static bool has_values(const struct part *part)
{
    return has_symptoms(part) || part->temperature >= 0 || part->spo2 >= 0 || part->others > 0 ||
           part->out_token >= 0;
}

static bool has_member(const struct part *part)
{
    return part->digit != 0 || part->name_past > part->name_first;
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
            if (!may_be_name(token) || (stretch.words > 0 && !only_gap(token, GAP_SPACE)))
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
        else if (token_at(message, i + 1) != NULL && is_word(token_at(message, i + 1)))
            stretch.name = false;
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
    } else if (has_values(part) && follows && (has_symptoms(part) || (line_start && !newline))) {
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

/* ------------------------------------------------------------------ judging */

static bool clause_ends(const struct token *token)
{
    return (token->gap & (GAP_NEWLINE | GAP_STOP | GAP_COMMA | GAP_START)) != 0;
}

/* "cough is gone": a symptom beside unknown words is no yes by itself. True where one stands clean.
 */
static bool clean_symptom(struct message *message, const struct part *part)
{
    bool words = false;
    bool symptom = false;

    for (int i = part->first; i < part->past; i++) {
        const struct token *token = token_at(message, i);

        if (clause_ends(token)) {
            if (symptom && !words)
                return true;
            words = symptom = false;
        }
        words |= token->reading == REPLY_READ_NOTE && !token_is(token, ROLE_FILLER);
        symptom |= token->reading == REPLY_READ_SYMPTOM;
    }
    return symptom && !words;
}

/* 36.97 n: 36 and 97? Only an SpO2 beside it tells. */
static bool hundredths_in_doubt(const struct message *message, const struct part *part)
{
    const struct token *token;

    if (part->temperature < 0 || part->spo2 >= 0)
        return false;
    token = &message->tokens.list[part->temperature_token];
    return token->number.decimal_digits == 2 && token->number.decimals >= 50 &&
           token->number.whole >= 34 && token->number.whole <= 42 && token->unit == UNIT_NONE;
}

/* A single number that is nothing else belongs to the field that is still empty. */
static bool judge_others(struct part *part)
{
    if (part->others == 0)
        return true;
    if (part->others > 1 || part->out_token >= 0 || (part->temperature >= 0 && part->spo2 >= 0))
        return false;
    part->out_token = part->other_token;
    part->out_field = part->temperature < 0 ? REPLY_TEMPERATURE : REPLY_SPO2;
    return true;
}

static bool missing(const struct parting *parting, const struct part *part, enum reply_field field)
{
    switch (field) {
    case REPLY_TEMPERATURE:
        return part->temperature < 0;
    case REPLY_SPO2:
        return part->spo2 < 0 && parting->message->rules->spo2_required;
    case REPLY_SYMPTOMS:
        return !has_symptoms(part);
    case REPLY_FIELDS:
        break;
    }
    return false;
}

static enum reply_outcome judge(struct parting *parting, struct part *part)
{
    bool read = parting->temperature_read || parting->spo2_read;

    if (part->no && (part->yes || part->symptom))
        return REPLY_CONFLICT;
    if (part->symptom && !part->yes && parting->temperature_read &&
        !clean_symptom(parting->message, part))
        part->symptom = false;
    if (part->out_token >= 0 &&
        (part->out_field == REPLY_TEMPERATURE ? part->temperature >= 0 : part->spo2 >= 0))
        part->doubt = true;
    if (part->doubt || (part->word_doubt && read) || hundredths_in_doubt(parting->message, part) ||
        !judge_others(part))
        return REPLY_AMBIGUOUS;
    if (part->out_token >= 0)
        return REPLY_OUT_OF_RANGE;
    for (int field = 0; field < REPLY_FIELDS; field++) {
        if (missing(parting, part, (enum reply_field)field))
            return REPLY_INCOMPLETE;
    }
    return REPLY_REPORT;
}

/* ------------------------------------------------------------------ the answer */

struct writer {
    char *bytes;
    size_t len, size;
    bool full;
};

static void write_letters(struct writer *writer, const struct text *text, int first, int past)
{
    bool space = false;

    for (int i = first; i < past; i++) {
        const struct letter *letter = &text->letters[i];
        size_t len = (size_t)(letter->written_end - letter->written_begin);

        if (letter->class == LETTER_SPACE || letter->class == LETTER_NEWLINE) {
            space = true;
            continue;
        }
        if (i > first && letter->written_begin == text->letters[i - 1].written_begin)
            continue; /* ß is compared as ss */
        if (writer->len + len + 2 > writer->size) {
            writer->full = true;
            return;
        }
        if (space)
            writer->bytes[writer->len++] = ' ';
        space = false;
        memcpy(writer->bytes + writer->len, text->written + letter->written_begin, len);
        writer->len += len;
    }
}

static void write_space(struct writer *writer)
{
    if (writer->len > 0 && writer->len + 2 < writer->size)
        writer->bytes[writer->len++] = ' ';
}

/* False where the name does not fit. */
static bool write_member(const struct message *message, const struct part *part, char *member)
{
    struct writer writer = {.bytes = member, .size = REPLY_MEMBER_MAX};

    if (part->digit != 0) {
        member[0] = (char)('0' + part->digit);
        member[1] = '\0';
        return true;
    }
    for (int i = part->name_first; i < part->name_past; i++) {
        write_space(&writer);
        write_letters(&writer, &message->text, message->tokens.list[i].first,
                      message->tokens.list[i].past);
    }
    member[writer.len] = '\0';
    return !writer.full;
}

static void write_note(const struct message *message, const struct part *part, char *note)
{
    struct writer writer = {.bytes = note, .size = sizeof(((struct reply_values *)0)->note)};

    for (int i = part->first; i < part->past; i++) {
        const struct token *token = &message->tokens.list[i];

        if (token->reading != REPLY_READ_NOTE && token->reading != REPLY_READ_SYMPTOM)
            continue;
        if (!(token_is(token, ROLE_HONORIFIC) && token->gap == 0))
            write_space(&writer);
        write_letters(&writer, &message->text, token->first, token->past);
    }
    note[writer.len] = '\0';
}

static bool write_values(const struct message *message, const struct part *part,
                         struct reply_values *values)
{
    values->has[REPLY_TEMPERATURE] = part->temperature >= 0;
    values->has[REPLY_SPO2] = part->spo2 >= 0;
    values->has[REPLY_SYMPTOMS] = has_symptoms(part);
    values->temperature_centi = part->temperature >= 0 ? part->temperature : 0;
    values->spo2 = part->spo2 >= 0 ? part->spo2 : 0;
    values->symptoms = part->yes || part->symptom;
    values->note[0] = '\0';
    return write_member(message, part, values->member);
}

static void answer_report(struct parting *parting)
{
    struct reply *reply = parting->reply;

    reply->count = parting->count;
    for (int i = 0; i < parting->count; i++) {
        if (!write_values(parting->message, &parting->parts[i], &reply->reports[i]))
            reply->outcome = REPLY_AMBIGUOUS;
        write_note(parting->message, &parting->parts[i], reply->reports[i].note);
        reply->needs_review |= parting->parts[i].words;
    }
}

static void answer_incomplete(struct parting *parting, const struct part *part)
{
    struct reply *reply = parting->reply;

    reply->count = 1;
    write_values(parting->message, part, &reply->reports[0]);
    for (int field = 0; field < REPLY_FIELDS; field++)
        reply->missing[field] = missing(parting, part, (enum reply_field)field);
}

static void answer_out_of_range(struct parting *parting, const struct part *part)
{
    const struct token *token = token_at(parting->message, part->out_token);

    parting->reply->field = part->out_field;
    token_at(parting->message, part->out_token)->reading = REPLY_READ_OUT_OF_RANGE;
    if (!number_write(&token->number, &parting->message->text, token, parting->reply->value,
                      REPLY_VALUE_MAX))
        parting->reply->outcome = REPLY_AMBIGUOUS;
}

/* Nothing was read of it: chat, whatever words and numbers it holds. */
static bool is_chat(struct parting *parting)
{
    const struct part *part = &parting->parts[0];
    bool words = false;
    bool symptom = false;
    bool name = false;
    bool letter_answer = false;

    for (int i = 0; i < parting->count; i++) {
        words |= parting->parts[i].unknown_words;
        symptom |= parting->parts[i].symptom;
        name |= parting->parts[i].name_past > parting->parts[i].name_first;
    }
    if (parting->numbers == 1 && parting->counted)
        return words && !has_symptoms(part);
    if (parting->numbers > 0)
        return words && !parting->temperature_read && !parting->claimed;
    if (symptom)
        return false;
    if (words)
        return true;
    for (int i = 0; i < parting->message->tokens.count; i++) {
        const struct token *token = token_at(parting->message, i);

        if (token->reading == REPLY_READ_YES || token->reading == REPLY_READ_NO)
            letter_answer |= (token->roles & ROLE_LETTER) != 0;
    }
    return (name && !letter_answer) || (part->word_doubt && parting->count == 1);
}

static bool anything_read(const struct parting *parting)
{
    for (int i = 0; i < parting->count; i++) {
        const struct part *part = &parting->parts[i];

        if (has_values(part) || part->doubt || part->digit != 0)
            return true;
    }
    return false;
}

/* Two reports for one member, or of several one that names nobody. */
static bool members_in_doubt(struct parting *parting)
{
    if (parting->count < 2)
        return false;
    for (int i = 0; i < parting->count; i++) {
        if (!has_member(&parting->parts[i]))
            return true;
        for (int j = 0; j < i; j++) {
            char one[REPLY_MEMBER_MAX];
            char other[REPLY_MEMBER_MAX];

            if (!write_member(parting->message, &parting->parts[i], one) ||
                !write_member(parting->message, &parting->parts[j], other) ||
                strcmp(one, other) == 0)
                return true;
        }
    }
    return false;
}

static int rank(enum reply_outcome outcome)
{
    switch (outcome) {
    case REPLY_CONFLICT:
        return 4;
    case REPLY_AMBIGUOUS:
        return 3;
    case REPLY_OUT_OF_RANGE:
        return 2;
    case REPLY_INCOMPLETE:
        return 1;
    case REPLY_REPORT:
    case REPLY_COMMAND:
    case REPLY_UNRECOGNISED:
    case REPLY_EMPTY:
        break;
    }
    return 0;
}

static void answer(struct parting *parting)
{
    struct reply *reply = parting->reply;
    int worst = 0;
    bool in_doubt = parting->too_many || members_in_doubt(parting);

    reply->outcome = REPLY_REPORT;
    for (int i = 0; i < parting->count; i++) {
        enum reply_outcome outcome = judge(parting, &parting->parts[i]);

        if (rank(outcome) > rank(reply->outcome)) {
            reply->outcome = outcome;
            worst = i;
        }
    }
    if (in_doubt && rank(reply->outcome) < rank(REPLY_AMBIGUOUS)) {
        reply->outcome = REPLY_AMBIGUOUS;
        reply->replaces = false;
        return;
    }
    switch (reply->outcome) {
    case REPLY_REPORT:
        answer_report(parting);
        break;
    case REPLY_INCOMPLETE:
        answer_incomplete(parting, &parting->parts[worst]);
        break;
    case REPLY_OUT_OF_RANGE:
        answer_out_of_range(parting, &parting->parts[worst]);
        break;
    case REPLY_CONFLICT:
    case REPLY_AMBIGUOUS:
    case REPLY_COMMAND:
    case REPLY_UNRECOGNISED:
    case REPLY_EMPTY:
        break;
    }
    if (reply->outcome == REPLY_CONFLICT || reply->outcome == REPLY_AMBIGUOUS)
        reply->replaces = false;
    if (reply->outcome != REPLY_REPORT &&
        (parting->count > 1 || rank(reply->outcome) < rank(REPLY_AMBIGUOUS)))
        write_member(parting->message, &parting->parts[worst], reply->member);
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
    if (is_chat(&parting) || !anything_read(&parting)) {
        reply->outcome = REPLY_UNRECOGNISED;
        reply->replaces = false;
        reply->lowest_spo2 = reply->highest_temperature_centi = 0;
        return;
    }
    answer(&parting);
}
