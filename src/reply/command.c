/*
 * command.c - messages that are one command and nothing else.
 *
 * A command inside a longer message is none; what it then is, report.c decides.
 */
#include "reply/message.h"

#include <string.h>

enum { CODE_SHORT = 6, CODE_LONG = 8 };

static bool answer(const struct word *word, struct reply *reply)
{
    reply->outcome = REPLY_COMMAND;
    reply->command = word->command;
    reply->language = word->language;
    reply->cancel = strcmp(word->text, "cancel") == 0;
    return true;
}

static bool separates(const struct letter *letter)
{
    return letter->class == LETTER_SPACE || letter->class == LETTER_NEWLINE ||
           letter->class == LETTER_PUNCTUATION;
}

/* The whole of it, before noise and separators are set aside: "es", "?". */
static bool read_whole(const struct message *message, struct reply *reply)
{
    const struct text *text = &message->text;
    int first = 0;
    int past = text->count;
    const struct word *word;

    while (first < past && text->letters[first].class <= LETTER_NEWLINE)
        first++;
    while (past > first && text->letters[past - 1].class <= LETTER_NEWLINE)
        past--;
    word = first < past ? vocabulary_command(text, first, past) : NULL;
    if (word != NULL)
        return answer(word, reply);
    while (first < past && separates(&text->letters[first]))
        first++;
    while (past > first && separates(&text->letters[past - 1]))
        past--;
    word = first < past ? vocabulary_command(text, first, past) : NULL;
    return word != NULL && answer(word, reply);
}

static bool same_command(const struct message *message, const struct token *one,
                         const struct token *other)
{
    const struct word *a = vocabulary_command(&message->text, one->first, one->past);
    const struct word *b = vocabulary_command(&message->text, other->first, other->past);

    return a != NULL && b != NULL && a->command == b->command && a->language == b->language;
}

/* One command word among noise and requests, perhaps repeated. */
static bool read_among_noise(const struct message *message, struct reply *reply)
{
    const struct token *command = NULL;
    const struct word *word;

    for (int i = 0; i < message->tokens.count; i++) {
        const struct token *token = &message->tokens.list[i];

        if (token_is(token, ROLE_COMMAND) && !(token->roles & ROLE_NOISE)) {
            if (command != NULL && !same_command(message, command, token))
                return false;
            command = token;
        } else if (!token_is(token, ROLE_NOISE | ROLE_FILLER | ROLE_REQUEST) ||
                   token->roles & (ROLE_YES | ROLE_NO)) {
            return false;
        }
    }
    if (command == NULL)
        return false;
    word = vocabulary_command(&message->text, command->first, command->past);
    return word != NULL && answer(word, reply);
}

/* A lone number of 6 or 8 digits, perhaps typed in two halves. */
static bool read_code(const struct message *message, struct reply *reply)
{
    size_t len = 0;
    int numbers = 0;
    int half = 0;

    for (int i = 0; i < message->tokens.count; i++) {
        const struct token *token = &message->tokens.list[i];

        if (token_is(token, ROLE_NOISE | ROLE_FILLER | ROLE_CODE))
            continue;
        if (token->kind != TOKEN_NUMBER || token->number.decimal_digits > 0 ||
            token->flags & TOKEN_APART || ++numbers > 2 ||
            len + token->number.whole_digits > CODE_LONG)
            return false;
        if (numbers == 2 &&
            (token->number.whole_digits != half || !only_gap(token, GAP_SPACE | GAP_DASH)))
            return false;
        half = token->number.whole_digits;
        for (int at = token->first; at < token->past; at++)
            reply->code[len++] = (char)message->text.letters[at].key;
    }
    reply->code[len] = '\0';
    if (len != CODE_SHORT && len != CODE_LONG)
        return false;
    reply->outcome = REPLY_COMMAND;
    reply->command = REPLY_CONFIRM;
    return true;
}

bool command_read(const struct message *message, struct reply *reply)
{
    if (read_whole(message, reply) || read_among_noise(message, reply) || read_code(message, reply))
        return true;
    reply->code[0] = '\0';
    return false;
}
