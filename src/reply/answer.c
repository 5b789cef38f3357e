/*
 * answer.c - judges the parts of a message and writes what becomes of it.
 *
 * Which part a value belongs to is settled before.
 */
#include "reply/parting.h"

#include <string.h>

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

void write_letters(struct writer *writer, const struct text *text, int first, int past)
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
    if (part->name_past > part->name_first)
        write_letters(&writer, &message->text, message->tokens.list[part->name_first].first,
                      message->tokens.list[part->name_past - 1].past);
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

/* The words left over, too. Returns whether they and the member's name fit. */
static bool write_report(struct parting *parting, const struct part *part,
                         struct reply_values *values)
{
    parting->reply->needs_review |= part->words;
    for (int i = part->first; i < part->past; i++) {
        const struct token *token = token_at(parting->message, i);
        const struct word *word = NULL;

        if (token->reading == REPLY_READ_NOTE && token_is(token, ROLE_COMMAND))
            word = vocabulary_command(&parting->message->text, token->first, token->past);
        parting->reply->stop_word |= word != NULL && word->command == REPLY_STOP;
    }
    if (!write_values(parting->message, part, values))
        return false;
    write_note(parting->message, part, values->note);
    return true;
}

static void answer_report(struct parting *parting)
{
    struct reply *reply = parting->reply;

    reply->count = parting->count;
    for (int i = 0; i < parting->count; i++) {
        if (!write_report(parting, &parting->parts[i], &reply->reports[i]))
            reply->outcome = REPLY_AMBIGUOUS;
    }
}

static void answer_incomplete(struct parting *parting, const struct part *part)
{
    struct reply *reply = parting->reply;

    reply->count = 1;
    write_report(parting, part, &reply->reports[0]);
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
    reply->several = parting->count > 1;
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

void parting_answer(struct parting *parting)
{
    struct reply *reply = parting->reply;

    if (!is_chat(parting) && anything_read(parting)) {
        answer(parting);
        return;
    }
    reply->outcome = REPLY_UNRECOGNISED;
    reply->replaces = false;
    reply->lowest_spo2 = reply->highest_temperature_centi = 0;
}
