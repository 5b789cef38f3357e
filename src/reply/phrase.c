/*
 * phrase.c - words that mean something only beside others: negations, answers, symptoms by name.
 *
 * Marks tokens; to which report they belong is decided later.
 */
#include "reply/message.h"

#define ADJACENT GAP_SPACE /* only white space between; glued is closer still */

static void doubt(struct token *token)
{
    token->flags |= TOKEN_WORD_DOUBT;
}

/* ------------------------------------------------------------------ "no value" */

static bool is_unbound_label(const struct token *token)
{
    return token != NULL && token->reading == REPLY_READ_NOTHING && !(token->flags & TOKEN_BOUND) &&
           token_is(token, ROLE_SPO2 | ROLE_DEVICE) && !(token->roles & ROLE_LETTER);
}

/* SpO2なし, "oximeter: none", "temp n/a": the label has no number, and the word is no answer. */
static void read_no_value(struct message *message, int i)
{
    struct token *label = token_at(message, i);
    struct token *before = token_at(message, i - 1);
    struct token *next = token_at(message, i + 1);
    bool temperature = token_is(label, ROLE_TEMPERATURE) && !(label->flags & TOKEN_BOUND);
    uint64_t no_words = ROLE_NO_VALUE | ROLE_NO_VALUE_AT_LABEL | (temperature ? 0 : ROLE_NO);

    if (!temperature && !is_unbound_label(label))
        return;
    if (!temperature && before != NULL && only_gap(label, ADJACENT) &&
        token_is(before, ROLE_NEGATES_NEXT) && before->reading == REPLY_READ_NOTHING) {
        before->reading = REPLY_READ_NO_VALUE;
        label->reading = REPLY_READ_NO_VALUE;
        return;
    }
    for (int at = i + 1; next != NULL && token_is(next, ROLE_PARTICLE) && only_gap(next, ADJACENT);)
        next = token_at(message, ++at);
    if (next == NULL || !only_gap(next, GAP_SPACE | GAP_COLON | GAP_OTHER) ||
        !token_is(next, no_words) || next->roles & ROLE_ABOUT_SYMPTOMS ||
        next->reading != REPLY_READ_NOTHING || next->flags & TOKEN_TOUCHES)
        return;
    label->reading = REPLY_READ_NO_VALUE;
    next->reading = REPLY_READ_NO_VALUE;
}

/* ------------------------------------------------------------------ negation */

/* What may join the members of a list: "or", "and", a comma, white space. */
static bool joins_list(const struct token *token)
{
    return token_is(token, ROLE_LIST | ROLE_PARTICLE) || is_noise(token);
}

static bool list_gap(const struct token *token)
{
    return only_gap(token, GAP_SPACE | GAP_COMMA | GAP_SLASH | GAP_OTHER);
}

static bool answered(struct message *message, int i)
{
    const struct token *next = token_at(message, i + 1);

    while (next != NULL && token_is(next, ROLE_PARTICLE) && only_gap(next, ADJACENT))
        next = token_at(message, ++i + 1);
    return next != NULL && only_gap(next, ADJACENT) && token_is(next, ROLE_EXISTS);
}

/* "no fever or cough": the negation of the first symptom may govern the second. */
static void doubt_list_after(struct message *message, int i)
{
    int at = i + 1;
    struct token *token = token_at(message, at);

    while (token != NULL && list_gap(token) && joins_list(token) &&
           !token_is(token, ROLE_YES | ROLE_NO))
        token = token_at(message, ++at);
    if (token != NULL && list_gap(token) && is_symptom(token) && !answered(message, at))
        token->flags |= TOKEN_DOUBT;
}

/* 咳、頭痛なし: nor is it clear whether the first is negated with the second. */
static void doubt_list_before(struct message *message, int i)
{
    for (int at = i;;) {
        struct token *before = token_at(message, at - 1);

        if (before == NULL || !list_gap(token_at(message, at)))
            return;
        if (is_symptom(before)) {
            before->flags |= TOKEN_DOUBT;
            return;
        }
        if (!joins_list(before) || token_is(before, ROLE_YES | ROLE_NO))
            return;
        at--;
    }
}

static bool is_ordinary(const struct token *token)
{
    return is_plain(token) && !token_is(token, ROLE_COMMAND | ROLE_DISTRESS);
}

/* no, not, without, sin, sem, 没有, 不 before a symptom. */
static void read_negation_before(struct message *message, int i)
{
    struct token *negation = token_at(message, i);
    struct token *before = token_at(message, i - 1);
    bool alphabetic = is_alphabetic(message, negation);
    int at = i + 1;
    struct token *next = token_at(message, at);

    while (next != NULL && only_gap(next, ADJACENT) && is_noise(next) &&
           !token_is(next, ROLE_PARTICLE | ROLE_COPULA))
        next = token_at(message, ++at);
    if (next == NULL || !only_gap(next, ADJACENT)) {
        if (!(negation->roles & ROLE_NO))
            negation->reading = REPLY_READ_NOTE;
        return;
    }
    if (is_symptom(next)) {
        /* 咳嗽没有 发烧: which of the two? */
        if (before != NULL && is_symptom(before) && only_gap(negation, ADJACENT))
            negation->flags |= TOKEN_DOUBT;
        negation->reading = REPLY_READ_NEGATED;
        next->reading = REPLY_READ_NEGATED;
        doubt_list_after(message, at);
        return;
    }
    if (token_is(next, ROLE_SYMPTOM_LABEL)) {
        negation->roles |= ROLE_NO;
        return;
    }
    if (alphabetic && is_ordinary(next)) {
        doubt(negation);
        return;
    }
    if (!(negation->roles & ROLE_NO)) {
        if (token_is(next, ROLE_YES | ROLE_NO))
            doubt(negation);
        negation->reading = REPLY_READ_NOTE;
    }
}

/* A Korean noun with its particle: 맛이 in 맛이 없어요. */
static bool is_subject(const struct message *message, const struct token *token)
{
    uint32_t key = message->text.letters[token->past - 1].key;

    return key == 0xC774 /* 이 */ || key == 0xAC00 /* 가 */ || key == 0xC740 /* 은 */ ||
           key == 0xB294 /* 는 */;
}

static bool number_precedes(struct message *message, int i)
{
    return token_at(message, i)->flags & TOKEN_AFTER_NUMBER;
}

static void mark_after_numbers(struct message *message)
{
    bool after = false;

    for (int i = 0; i < message->tokens.count; i++) {
        struct token *token = token_at(message, i);

        if (token->gap & GAP_NEWLINE)
            after = false;
        if (after)
            token->flags |= TOKEN_AFTER_NUMBER;
        if (token->kind == TOKEN_NUMBER && quantity_of(token).kind != QUANTITY_DIGIT)
            after = true;
    }
    after = false;
    for (int i = message->tokens.count - 1; i >= 0; i--) {
        struct token *token = token_at(message, i);

        if (after)
            token->flags |= TOKEN_BEFORE_NUMBER;
        after |= token->kind == TOKEN_NUMBER;
        if (token->gap & GAP_NEWLINE)
            after = false;
    }
}

/* Before the values of its line, where a name stands. */
static bool in_name_position(struct message *message, int i)
{
    return (token_at(message, i)->flags & (TOKEN_AFTER_NUMBER | TOKEN_BEFORE_NUMBER)) ==
           TOKEN_BEFORE_NUMBER;
}

/* なし, ない, 없음 and あり, 있음 after a symptom, or after a word that is not ours. */
static void read_existence(struct message *message, int i)
{
    struct token *word = token_at(message, i);
    int at = i;
    struct token *before;

    do {
        if (!only_gap(token_at(message, at), ADJACENT))
            return;
        before = token_at(message, --at);
    } while (before != NULL && token_is(before, ROLE_PARTICLE) &&
             before->reading == REPLY_READ_NOTHING);
    if (before == NULL)
        return;
    if (is_symptom(before)) {
        if (!(word->roles & ROLE_NEGATES_LAST))
            return;
        word->reading = REPLY_READ_NEGATED;
        before->reading = REPLY_READ_NEGATED;
        doubt_list_before(message, at);
        return;
    }
    if (before->kind == TOKEN_WORD
            ? (before->roles & ROLE_NOT_NAME) != 0
            : before->kind == TOKEN_UNKNOWN &&
                  (before->roles & ROLE_NOT_NAME || is_subject(message, before) ||
                   !in_name_position(message, at)))
        doubt(word);
}

/* ------------------------------------------------------------------ answers */

static bool behind_number(struct message *message, int i)
{
    const struct token *before = token_at(message, i - 1);

    return before != NULL && token_at(message, i)->gap == 0 &&
           (before->kind == TOKEN_NUMBER || before->reading == REPLY_READ_UNIT);
}

/* 36.5度あります, 体温是36.5, 97예요: a verb of the number. */
static bool is_verb(struct message *message, int i)
{
    const struct token *answer = token_at(message, i);
    const struct token *before = token_at(message, i - 1);
    const struct token *next = token_at(message, i + 1);

    if (behind_number(message, i)) {
        if (answer->roles & ROLE_VERB)
            return true;
        if (answer->roles & ROLE_EXISTS && !(answer->roles & ROLE_NO))
            return before->reading == REPLY_READ_UNIT ||
                   quantity_of(before).kind == QUANTITY_TEMPERATURE;
    }
    return answer->roles & ROLE_COPULA && next != NULL && next->kind == TOKEN_NUMBER &&
           only_gap(next, ADJACENT) &&
           (next->gap == 0 || (before != NULL && token_is(before, ROLE_TEMPERATURE | ROLE_SPO2)));
}

static bool is_spanish_and(struct message *message, int i)
{
    const struct token *answer = token_at(message, i);
    const struct token *before = token_at(message, i - 1);
    int at = i + 1;
    const struct token *next = token_at(message, at);
    bool after_number;
    bool after_word;

    if (before == NULL || next == NULL || message->text.letters[answer->first].key != 'y' ||
        answer->past - answer->first != 1 || !only_gap(answer, GAP_SPACE | GAP_COMMA))
        return false;
    after_number = (before->kind == TOKEN_NUMBER && quantity_of(before).kind != QUANTITY_DIGIT) ||
                   before->reading == REPLY_READ_UNIT ||
                   token_is(before, ROLE_TEMPERATURE | ROLE_SPO2) ||
                   before->reading == REPLY_READ_LABEL;
    after_word = is_symptom(before) || before->reading == REPLY_READ_NEGATED || is_plain(before);
    if (after_word && only_gap(next, ADJACENT) &&
        (is_symptom(next) || is_plain(next) || token_is(next, ROLE_NEGATES_NEXT) ||
         next->reading == REPLY_READ_NEGATED))
        return true;
    while (next != NULL && next->kind == TOKEN_WORD && !(next->gap & (GAP_NEWLINE | GAP_STOP)) &&
           (is_noise(next) || token_is(next, ROLE_TEMPERATURE | ROLE_SPO2)))
        next = token_at(message, ++at);
    return after_number && next != NULL && next->kind == TOKEN_NUMBER &&
           !(next->gap & (GAP_NEWLINE | GAP_STOP));
}

/* "No.2" before the values is a member. */
static bool is_numero(struct message *message, int i)
{
    const struct token *answer = token_at(message, i);
    const struct token *next = token_at(message, i + 1);
    const struct letter *letter = &message->text.letters[answer->first];

    return answer->past - answer->first == 2 && letter[0].key == 'n' && letter[1].key == 'o' &&
           next != NULL && next->kind == TOKEN_NUMBER && next->gap & GAP_STOP &&
           only_gap(next, GAP_STOP | GAP_SPACE) && quantity_of(next).kind == QUANTITY_DIGIT &&
           !number_precedes(message, i);
}

/* "Y. Suzuki", "Sim Jiwon 36.9" */
static bool is_initial(struct message *message, int i)
{
    const struct token *letter = token_at(message, i);
    const struct token *before = token_at(message, i - 1);
    const struct token *next = token_at(message, i + 1);

    if (!(letter->roles & ROLE_LETTER))
        return letter->past - letter->first == 1 && is_alphabetic(message, letter) &&
               next != NULL && next->kind == TOKEN_UNKNOWN && next->gap & GAP_STOP &&
               !number_precedes(message, i);
    if (before != NULL && before->kind == TOKEN_UNKNOWN && is_alphabetic(message, before) &&
        letter->gap == GAP_SPACE && next != NULL && !number_precedes(message, i))
        return true;
    return next != NULL && next->kind == TOKEN_UNKNOWN && only_gap(next, GAP_SPACE | GAP_STOP) &&
           next->gap != 0 && !number_precedes(message, i);
}

/* "appetite: none", 備考：なし */
static bool answers_other_label(struct message *message, int i)
{
    const struct token *before = token_at(message, i - 1);
    const struct token *answer = token_at(message, i);

    return before != NULL && answer->gap & GAP_COLON && only_gap(answer, GAP_SPACE | GAP_COLON) &&
           is_plain(before) && !token_is(before, ROLE_KIN | ROLE_HONORIFIC) &&
           !in_name_position(message, i);
}

static void read_answer(struct message *message, int i)
{
    struct token *answer = token_at(message, i);

    if (answer->flags & TOKEN_TOUCHES)
        doubt(answer);
    if (is_verb(message, i) || is_spanish_and(message, i) || is_numero(message, i)) {
        answer->reading = REPLY_READ_NOISE;
        answer->flags &= (uint16_t)~TOKEN_WORD_DOUBT;
        return;
    }
    if (is_initial(message, i) || answers_other_label(message, i))
        doubt(answer);
    if (token_is(answer, ROLE_YES | ROLE_NO) && answer->reading == REPLY_READ_NOTHING)
        answer->reading = answer->roles & ROLE_YES ? REPLY_READ_YES : REPLY_READ_NO;
}

static bool is_bullet(struct message *message, int i)
{
    const struct token *sign = token_at(message, i);
    const struct token *next = token_at(message, i + 1);
    uint32_t key = message->text.letters[sign->first].key;

    return (key == 0x25CB || key == 0x25EF || key == 0x3007) && next != NULL &&
           token_is(next,
                    ROLE_TEMPERATURE | ROLE_SPO2 | ROLE_SYMPTOM_LABEL | ROLE_ABOUT_SYMPTOMS) &&
           only_gap(next, ADJACENT);
}

/* 咳(-), "cough -": a dash behind a symptom may deny it. */
static bool is_crossed_out(struct message *message, int i)
{
    const struct token *next = token_at(message, i + 1);
    unsigned gap = next != NULL ? next->gap : message->tokens.last_gap;

    return (gap & GAP_DASH) && (next == NULL || gap & (GAP_OTHER | GAP_NEWLINE));
}

void phrases_read(struct message *message)
{
    int count = message->tokens.count;

    mark_after_numbers(message);
    for (int i = 0; i < count; i++) {
        struct token *token = token_at(message, i);

        if (token_is(token, ROLE_TWO_WAYS) ||
            (token_is(token, ROLE_TEMPERATURE | ROLE_CELSIUS | ROLE_FAHRENHEIT) &&
             is_initial(message, i)))
            doubt(token);
        if (token_is(token, ROLE_YES) && is_bullet(message, i))
            token->reading = REPLY_READ_NOISE;
        read_no_value(message, i);
    }
    for (int i = 0; i < count; i++) {
        struct token *token = token_at(message, i);

        if (token->reading != REPLY_READ_NOTHING)
            continue;
        if (token_is(token, ROLE_EXISTS))
            read_existence(message, i);
        else if (token_is(token, ROLE_NEGATES_NEXT))
            read_negation_before(message, i);
    }
    for (int i = 0; i < count; i++) {
        struct token *token = token_at(message, i);

        if (token_is(token, ROLE_YES | ROLE_NO | ROLE_NEGATES_NEXT) &&
            token->reading == REPLY_READ_NOTHING)
            read_answer(message, i);
    }
    for (int i = 0; i < count; i++) {
        struct token *token = token_at(message, i);

        if (is_symptom(token)) {
            token->reading = REPLY_READ_SYMPTOM;
            if (is_crossed_out(message, i))
                token->flags |= TOKEN_DOUBT;
        }
    }
}

/* "help" and "ayuda" are cries only beside text. */
static bool beside_text(const struct message *message, int i)
{
    for (int at = 0; at < message->tokens.count; at++) {
        if (at != i && !is_noise(&message->tokens.list[at]))
            return true;
    }
    return false;
}

bool phrases_red_flag(const struct message *message)
{
    for (int i = 0; i < message->tokens.count; i++) {
        const struct token *token = &message->tokens.list[i];

        if (token_is(token, ROLE_DISTRESS))
            return true;
        if (token_is(token, ROLE_RED_FLAG) && token->reading != REPLY_READ_NEGATED)
            return true;
        if (token_is(token, ROLE_HELP) && beside_text(message, i))
            return true;
    }
    return false;
}
