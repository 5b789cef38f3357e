/*
 * lone_name.c - a message that may be nothing but a name. It decides nothing: whose name it is, the
 * household knows.
 */
#include "reply/message.h"

enum { LONE_NAME_WORDS_MAX = 3 };

/* Nobody's name: what is a number, an order, or a cry for help. */
static bool never_in_name(const struct token *token)
{
    return token->kind == TOKEN_NUMBER || token->kind == TOKEN_FRACTION ||
           token_is(token, ROLE_COMMAND | ROLE_RED_FLAG | ROLE_DISTRESS);
}

/* "It is Hanako-san." */
static bool around_name(const struct token *token)
{
    return is_noise(token) || token_is(token, ROLE_HONORIFIC | ROLE_COPULA);
}

/* Words in different lines, or parted by punctuation, are not one name. */
static bool is_name(struct message *message, int first, int past)
{
    int words = 1;

    for (int i = first + 1; i < past; i++) {
        const struct token *token = token_at(message, i);

        words += token->gap != 0;
        if (!only_gap(token, GAP_SPACE | GAP_STOP | GAP_DASH | GAP_OTHER))
            return false;
    }
    return first < past && words <= LONE_NAME_WORDS_MAX;
}

void reply_lone_name(const char *bytes, size_t len, char name[REPLY_MEMBER_MAX])
{
    struct writer writer = {.bytes = name, .size = REPLY_MEMBER_MAX};
    struct message message;
    int first = 0;
    int past;

    name[0] = '\0';
    text_read(&message.text, bytes, len);
    if (message.text.cut || message.text.not_utf8)
        return;
    tokens_read(&message.tokens, &message.text);
    past = message.tokens.count;
    for (int i = 0; i < past; i++) {
        if (never_in_name(token_at(&message, i)))
            return;
    }
    while (first < past && is_noise(token_at(&message, first)))
        first++;
    while (past > first && around_name(token_at(&message, past - 1)))
        past--;
    if (!is_name(&message, first, past))
        return;
    write_letters(&writer, &message.text, message.tokens.list[first].first,
                  message.tokens.list[past - 1].past);
    name[writer.full ? 0 : writer.len] = '\0';
}
