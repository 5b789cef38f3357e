/*
 * reply.c - reads an inbound message, step by step.
 *
 * The straight line; each step is a file of its own. No step allocates, waits or remembers.
 */
#include "reply/reply.h"

#include <string.h>

#include "reply/message.h"

enum { CUT_OVERLAP = 200 }; /* bytes: longer than any red flag with its negation */

/* All of it: nothing of the last patient's message stays behind in a struct that is used again. */
static void clear(struct reply *reply)
{
    memset(reply, 0, sizeof(*reply));
    reply->outcome = REPLY_UNRECOGNISED;
}

/* Everything but the reports. */
static void understand(struct message *message)
{
    quantities_join(message);
    labels_bind(message);
    phrases_read(message);
}

/* Somebody who cannot breathe may have written much before saying so. */
static bool red_flag_beyond(struct message *message, const char *bytes, size_t len)
{
    for (size_t at = REPLY_INPUT_MAX - CUT_OVERLAP; at < len;) {
        size_t rest;

        /* A character has at most three bytes behind its first; more of them are no UTF-8. */
        for (int i = 0; i < 3 && ((unsigned char)bytes[at] & 0xC0) == 0x80; i++)
            at--;
        rest = len - at;
        text_read(&message->text, bytes + at, rest);
        tokens_read(&message->tokens, &message->text);
        understand(message);
        if (phrases_red_flag(message))
            return true;
        if (rest <= REPLY_INPUT_MAX)
            return false;
        at += REPLY_INPUT_MAX - CUT_OVERLAP;
    }
    return false;
}

static void read_message(struct message *message, const char *bytes, size_t len,
                         struct reply *reply)
{
    text_read(&message->text, bytes, len);
    tokens_read(&message->tokens, &message->text);
    if (!message->text.cut && !message->text.not_utf8 && command_read(message, reply))
        return;
    understand(message);
    reply->red_flag = phrases_red_flag(message);
    if (message->text.not_utf8) {
        reply->outcome = REPLY_UNRECOGNISED;
        return;
    }
    reports_read(message, reply);
}

static void cut_off(struct reply *reply)
{
    reply->outcome = REPLY_AMBIGUOUS;
    reply->count = 0;
    reply->replaces = reply->needs_review = reply->stop_word = reply->several = false;
    reply->member[0] = '\0';
}

void reply_parse(const char *bytes, size_t len, const struct reply_rules *rules,
                 struct reply *reply)
{
    reply_explain(bytes, len, rules, reply, NULL, 0);
}

static size_t explain(const struct message *message, const struct reply *reply,
                      struct reply_piece *pieces, size_t max)
{
    size_t count = 0;

    for (int i = 0; i < message->tokens.count && count < max; i++) {
        const struct token *token = &message->tokens.list[i];
        struct reply_piece *piece = &pieces[count++];

        piece->begin = message->text.letters[token->first].source_begin;
        piece->end = message->text.letters[token->past - 1].source_end;
        piece->reading = (enum reply_reading)token->reading;
        if (reply->outcome == REPLY_COMMAND)
            piece->reading = token_is(token, ROLE_COMMAND) || token->kind == TOKEN_NUMBER
                                 ? REPLY_READ_COMMAND
                                 : REPLY_READ_NOISE;
        else if ((token->flags & (TOKEN_DOUBT | TOKEN_WORD_DOUBT) &&
                  reply->outcome == REPLY_AMBIGUOUS) ||
                 (token->kind == TOKEN_NUMBER && token->reading == REPLY_READ_NOTHING))
            piece->reading = REPLY_READ_UNDECIDED;
    }
    return count;
}

size_t reply_explain(const char *bytes, size_t len, const struct reply_rules *rules,
                     struct reply *reply, struct reply_piece *pieces, size_t max)
{
    struct message message;
    size_t count;
    bool cut;

    message.rules = rules;
    clear(reply);
    read_message(&message, bytes, len, reply);
    cut = message.text.cut;
    count = explain(&message, reply, pieces, max);
    if (cut && !message.text.not_utf8)
        cut_off(reply);
    if (len > REPLY_INPUT_MAX && !reply->red_flag)
        reply->red_flag = red_flag_beyond(&message, bytes, len);
    return count;
}

static const char *const outcome_words[] = {
    [REPLY_REPORT] = "report",
    [REPLY_INCOMPLETE] = "incomplete",
    [REPLY_OUT_OF_RANGE] = "out_of_range",
    [REPLY_AMBIGUOUS] = "ambiguous",
    [REPLY_CONFLICT] = "conflict",
    [REPLY_COMMAND] = "command",
    [REPLY_UNRECOGNISED] = "unrecognised",
    [REPLY_EMPTY] = "empty",
};

static const char *const command_words[] = {
    [REPLY_STOP] = "stop", [REPLY_START] = "start",     [REPLY_HELP] = "help",
    [REPLY_UNDO] = "undo", [REPLY_WRONG] = "wrong",     [REPLY_WRONG_NUMBER] = "wrong_number",
    [REPLY_LANG] = "lang", [REPLY_CONFIRM] = "confirm",
};

static const char *const reading_words[] = {
    [REPLY_READ_NOTHING] = "nothing",
    [REPLY_READ_NOISE] = "noise",
    [REPLY_READ_MEMBER] = "member",
    [REPLY_READ_LABEL] = "label",
    [REPLY_READ_TEMPERATURE] = "temperature",
    [REPLY_READ_SPO2] = "spo2",
    [REPLY_READ_UNIT] = "unit",
    [REPLY_READ_YES] = "yes",
    [REPLY_READ_NO] = "no",
    [REPLY_READ_SYMPTOM] = "symptom",
    [REPLY_READ_NEGATED] = "negated symptom",
    [REPLY_READ_NO_VALUE] = "no value",
    [REPLY_READ_NOTE] = "note",
    [REPLY_READ_COMMAND] = "command",
    [REPLY_READ_UNDO] = "undo",
    [REPLY_READ_OUT_OF_RANGE] = "out of range",
    [REPLY_READ_UNDECIDED] = "undecided",
};

const char *reply_outcome_word(enum reply_outcome outcome)
{
    return outcome_words[outcome];
}

const char *reply_command_word(enum reply_command command)
{
    return command_words[command];
}

const char *reply_reading_word(enum reply_reading reading)
{
    return reading_words[reading];
}
