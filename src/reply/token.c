/*
 * token.c - cuts a message into numbers, known words and unknown words.
 *
 * Decides where a number and a word end, also in scripts that run together; not what they mean to
 * each other.
 */
#include "reply/token.h"

#include <string.h>

#include "reply/number.h"
#include "reply/vocabulary.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    KEY_LONG_VOWEL = 0x30FC, /* ー */
    KEY_TO = 0x3068,         /* と */
    FIRST_IDEOGRAPH = 0x3400,
};

struct cutter {
    struct tokens *tokens;
    const struct text *text;
    int at;
    uint16_t gap; /* before the next token */
};

static const struct letter *letter_at(const struct cutter *cutter, int at)
{
    static const struct letter none = {.class = LETTER_PUNCTUATION};

    return at >= 0 && at < cutter->text->count ? &cutter->text->letters[at] : &none;
}

static bool is_space(const struct letter *letter)
{
    return letter->class == LETTER_SPACE || letter->class == LETTER_NEWLINE;
}

static struct token *add(struct cutter *cutter, enum token_kind kind, int past)
{
    struct tokens *tokens = cutter->tokens;
    struct token *token = &tokens->list[tokens->count++];
    uint8_t marks = letter_at(cutter, cutter->at)->marks;

    memset(token, 0, sizeof(*token));
    token->kind = (uint8_t)kind;
    token->label = REPLY_FIELDS;
    token->first = (uint16_t)cutter->at;
    token->past = (uint16_t)past;
    if (marks & LETTER_SPLIT)
        cutter->gap |= GAP_EMOJI;
    if (cutter->gap & (GAP_NEWLINE | GAP_START))
        token->flags |= TOKEN_LINE_START;
    token->gap = cutter->gap;
    cutter->gap = 0;
    cutter->at = past;
    return token;
}

/* ------------------------------------------------------------------ lines that are not the
 * patient's */

static bool starts_with(const struct cutter *cutter, int at, const char *word)
{
    uint32_t keys[24];
    int count = text_keys(word, keys, 24);

    for (int i = 0; i < count; i++) {
        if (letter_at(cutter, at + i)->key != keys[i])
            return false;
    }
    return true;
}

static int line_end(const struct cutter *cutter, int at)
{
    while (at < cutter->text->count && cutter->text->letters[at].class != LETTER_NEWLINE)
        at++;
    return at;
}

/* At the start of a line: skips a quoted one; false where the message ends there. */
static bool open_line(struct cutter *cutter)
{
    static const char *const endings[] = {"sent from", "iphoneから送信", "get outlook"};
    int at = cutter->at;

    while (letter_at(cutter, at)->class == LETTER_SPACE && at < cutter->text->count)
        at++;
    if (letter_at(cutter, at)->key == '>') {
        cutter->at = line_end(cutter, at);
        return true;
    }
    for (size_t i = 0; i < COUNT(endings); i++) {
        if (letter_at(cutter, at)->key == (unsigned char)endings[i][0] &&
            starts_with(cutter, at, endings[i]))
            return false;
    }
    if (letter_at(cutter, at)->key == '-' && letter_at(cutter, at + 1)->key == '-') {
        int end = line_end(cutter, at);

        for (at += 2; at < end && letter_at(cutter, at)->class == LETTER_SPACE;)
            at++;
        return at < end;
    }
    return true;
}

/* ------------------------------------------------------------------ separators */

static uint16_t gap_of(const struct letter *letter)
{
    switch (letter->key) {
    case ',':
    case ';':
    case 0x3001:
        return GAP_COMMA;
    case '.':
    case '!':
    case '?':
    case 0x3002:
        return GAP_STOP;
    case ':':
    case '=':
        return GAP_COLON;
    case '-':
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
    case KEY_LONG_VOWEL:
        return GAP_DASH;
    case '/':
    case '|':
        return GAP_SLASH;
    case '#':
        return GAP_HASH;
    }
    if (letter->class == LETTER_NEWLINE)
        return GAP_NEWLINE;
    return letter->class == LETTER_SPACE ? GAP_SPACE : GAP_OTHER;
}

/* ------------------------------------------------------------------ words of an alphabet */

/* An unknown word keeps the marks inside it (O'Brien, Jean-Paul), unless a known word follows them.
 */
static int unknown_end(const struct cutter *cutter, int at)
{
    for (;;) {
        struct word_match match;

        while (letter_at(cutter, at)->class == LETTER_ALPHABET &&
               !(at > cutter->at && letter_at(cutter, at)->marks & LETTER_SPLIT))
            at++;
        if (letter_at(cutter, at + 1)->class != LETTER_ALPHABET ||
            (letter_at(cutter, at)->key != '\'' && letter_at(cutter, at)->key != '-'))
            return at;
        if (letter_at(cutter, at)->key == '-' && vocabulary_match(cutter->text, at + 1, &match))
            return at;
        at++;
    }
}

static void cut_alphabet(struct cutter *cutter)
{
    struct word_match match;

    if (vocabulary_match(cutter->text, cutter->at, &match))
        add(cutter, TOKEN_WORD, match.past)->roles = match.roles;
    else
        add(cutter, TOKEN_UNKNOWN, unknown_end(cutter, cutter->at));
}

/* ------------------------------------------------------------------ runs of words without spaces
 */

/* A red flag wins over a word that would eat its beginning. */
static bool eats_danger(const struct cutter *cutter, int from, int past)
{
    struct word_match match;

    for (int at = from + 1; at < past; at++) {
        if (vocabulary_match_danger(cutter->text, at, &match) && match.past > past)
            return true;
    }
    return false;
}

static bool in_run(const struct cutter *cutter, int at, enum letter_class class)
{
    const struct letter *letter = letter_at(cutter, at);

    return letter->class == class && at < cutter->text->count &&
           !(at > cutter->at && letter->marks & LETTER_SPLIT);
}

static void cut_pieces(struct cutter *cutter, enum letter_class class)
{
    struct tokens *tokens = cutter->tokens;
    bool open = false; /* the last piece is unknown and grows */
    bool first = true;

    while (first || in_run(cutter, cutter->at, class)) {
        struct word_match match;

        if (!first && letter_at(cutter, cutter->at)->marks & LETTER_SPLIT)
            break;
        if (!first && letter_at(cutter, cutter->at)->key == KEY_LONG_VOWEL && !open) {
            cutter->at++; /* なしー */
            continue;
        }
        first = false;
        if (vocabulary_match(cutter->text, cutter->at, &match) &&
            !eats_danger(cutter, cutter->at, match.past)) {
            add(cutter, TOKEN_WORD, match.past)->roles = match.roles;
            open = false;
        } else if (open) {
            tokens->list[tokens->count - 1].past++;
            cutter->at++;
        } else {
            add(cutter, TOKEN_UNKNOWN, cutter->at + 1)->flags |= TOKEN_HAN;
            open = true;
        }
    }
}

/* One piece of a run among its neighbours. */
struct place {
    struct cutter *cutter;
    struct token *piece;
    const struct token *left, *right; /* NULL at the ends of the run */
    bool after_glued;                 /* the run touches what stands before it */
    bool before_digit;                /* and a digit behind it */
};

static bool unknown(const struct token *token)
{
    return token != NULL && token->kind == TOKEN_UNKNOWN;
}

static int length(const struct token *token)
{
    return token->past - token->first;
}

static uint32_t last_key(const struct place *place, const struct token *token)
{
    return letter_at(place->cutter, token->past - 1)->key;
}

static bool is_katakana(const struct place *place, int at)
{
    const struct letter *letter = letter_at(place->cutter, at);
    const unsigned char *written =
        (const unsigned char *)place->cutter->text->written + letter->written_begin;

    return letter->written_end - letter->written_begin == 3 && written[0] == 0xE3 &&
           (written[1] == 0x83 || (written[1] == 0x82 && written[2] >= 0xA1));
}

static bool is_hangul_key(uint32_t key)
{
    return key >= 0xAC00 && key <= 0xD7A3;
}

static bool hangul_ends_in_vowel(uint32_t key)
{
    return is_hangul_key(key) && (key - 0xAC00) % 28 == 0;
}

/* A particle behind an unknown word at the end of its run: 花子は 36.8, but も in もも stays. */
static bool splits_off(const struct place *place)
{
    uint32_t key = letter_at(place->cutter, place->piece->first)->key;
    int before = length(place->left);

    if (is_hangul_key(key)) {
        bool topic = key == 0xB294 /* 는 */ || key == 0xB97C /* 를 */;

        if (before < 2)
            return false;
        return topic ? hangul_ends_in_vowel(last_key(place, place->left)) : place->before_digit;
    }
    if (key == KEY_TO || key >= FIRST_IDEOGRAPH)
        return false;
    if (last_key(place, place->left) >= FIRST_IDEOGRAPH ||
        is_katakana(place, place->left->past - 1))
        return true;
    return place->before_digit && before >= 2;
}

static bool keeps_particle(const struct place *place)
{
    if (is_katakana(place, place->piece->first))
        return false;
    if (place->left == NULL)
        return place->after_glued || place->right == NULL ||
               (place->right->kind == TOKEN_WORD && length(place->right) > 1 &&
                !token_is(place->right, ROLE_PARTICLE));
    if (!unknown(place->left))
        return true;
    if (place->right == NULL)
        return splits_off(place);
    return place->right->kind == TOKEN_WORD && !token_is(place->right, ROLE_PARTICLE | ROLE_COPULA);
}

static bool keeps_honorific(const struct place *place)
{
    return place->left != NULL && (unknown(place->left) || token_is(place->left, ROLE_KIN)) &&
           !unknown(place->right);
}

/* Whether a word counts where it stands, or is only a part of a longer unknown word. */
static bool keeps(const struct place *place)
{
    const struct token *piece = place->piece;
    bool touches = unknown(place->left) || unknown(place->right);
    const uint64_t ordinary = ROLE_NOT_NAME | ROLE_REQUEST | ROLE_COMMAND | ROLE_CODE;
    const uint64_t units = ROLE_OTHER_UNIT | ROLE_TENTH | ROLE_HALF | ROLE_CELSIUS | ROLE_JOINS;

    if (piece->roles & (ROLE_CELSIUS | ROLE_TENTH | ROLE_HALF) && place->after_glued &&
        place->left == NULL)
        return true;
    if (length(piece) == 1 && !(piece->roles & ~units) && !place->after_glued)
        return place->left == NULL && place->right == NULL; /* 36 度, but not 시은 */
    if (piece->roles & ROLE_PARTICLE)
        return keeps_particle(place);
    if (piece->roles & ROLE_HONORIFIC)
        return keeps_honorific(place);
    if (!touches) {
        /* 예은 and 유는 are names: an answer takes no particle. */
        return !(length(piece) == 1 && token_is(piece, ROLE_YES | ROLE_NO) &&
                 is_hangul_key(letter_at(place->cutter, piece->first)->key) &&
                 place->right != NULL && token_is(place->right, ROLE_PARTICLE) &&
                 letter_at(place->cutter, place->right->first)->key != 0xC694 /* 요 */);
    }
    if (piece->roles & ordinary && !(piece->roles & (ROLE_YES | ROLE_NO)))
        return false;
    if (length(piece) == 1)
        return (piece->roles & ROLE_NEGATES_NEXT) && unknown(place->right) &&
               !token_is(place->left, ROLE_NO | ROLE_YES) &&
               letter_at(place->cutter, piece->first)->key != 0x7121 /* 無 */ &&
               letter_at(place->cutter, piece->first)->key != 0x65E0 /* 无 */;
    return !(length(piece) == 2 && (piece->roles & (ROLE_NOISE | ROLE_FILLER)) &&
             !(piece->roles & ROLE_COPULA));
}

static void demote(struct token *piece)
{
    piece->kind = TOKEN_UNKNOWN;
    piece->flags |= TOKEN_HAN;
    piece->roles &= ROLE_NOT_NAME | ROLE_PARTICLE;
}

static void demote_parts(struct cutter *cutter, int from, bool after_glued, bool before_digit)
{
    struct token *list = cutter->tokens->list;
    int count = cutter->tokens->count;

    for (int pass = 0; pass < 2; pass++) {
        for (int i = from; i < count; i++) {
            struct place place = {.cutter = cutter,
                                  .piece = &list[i],
                                  .left = i > from ? &list[i - 1] : NULL,
                                  .right = i + 1 < count ? &list[i + 1] : NULL,
                                  .after_glued = after_glued,
                                  .before_digit = before_digit};

            if (list[i].kind == TOKEN_WORD && !keeps(&place))
                demote(&list[i]);
        }
    }
}

static bool ends_in_ideograph(const struct cutter *cutter, const struct token *token)
{
    uint32_t key = letter_at(cutter, token->past - 1)->key;

    return key >= FIRST_IDEOGRAPH && !is_hangul_key(key);
}

/* Unknown pieces side by side are one word. A particle inside it, behind a character, makes a
 * sentence. */
static void merge_unknown(struct cutter *cutter, int from)
{
    struct tokens *tokens = cutter->tokens;
    int kept = from;

    for (int i = from; i < tokens->count; i++) {
        struct token *piece = &tokens->list[i];
        struct token *last = kept > from ? &tokens->list[kept - 1] : NULL;

        if (last != NULL && last->kind == TOKEN_UNKNOWN && piece->kind == TOKEN_UNKNOWN) {
            if (piece->roles & ROLE_PARTICLE && i + 1 < tokens->count &&
                tokens->list[i + 1].kind == TOKEN_UNKNOWN && ends_in_ideograph(cutter, last))
                last->flags |= letter_at(cutter, piece->first)->key == KEY_TO
                                   ? TOKEN_SENTENCE | TOKEN_PAIR
                                   : TOKEN_SENTENCE;
            last->past = piece->past;
            last->roles |= piece->roles & ROLE_NOT_NAME;
            continue;
        }
        if (kept != i)
            tokens->list[kept] = *piece;
        kept++;
    }
    tokens->count = kept;
    for (int i = from; i < kept; i++) {
        if (tokens->list[i].kind == TOKEN_UNKNOWN)
            tokens->list[i].roles &= ROLE_NOT_NAME;
    }
}

static bool ordinary_word(const struct token *token)
{
    return token->kind == TOKEN_UNKNOWN ||
           (token->kind == TOKEN_WORD && (token->roles & ROLE_NOT_NAME));
}

/* 食欲なし, 不舒服, 質問があります: the answer belongs to a word that is not ours. */
static void mark_touching(struct cutter *cutter, int from)
{
    struct token *list = cutter->tokens->list;
    int count = cutter->tokens->count;

    for (int i = from; i < count; i++) {
        int left = i - 1;
        int right = i + 1;

        if (!token_is(&list[i], ROLE_YES | ROLE_NO | ROLE_NEGATES_NEXT))
            continue;
        while (left >= from && token_is(&list[left], ROLE_PARTICLE))
            left--;
        if (right < count && token_is(&list[right], ROLE_PARTICLE) &&
            letter_at(cutter, list[right].first)->key == KEY_TO)
            right++;
        if ((left >= from && ordinary_word(&list[left])) ||
            (right < count && ordinary_word(&list[right])))
            list[i].flags |= TOKEN_TOUCHES;
    }
}

static void cut_run(struct cutter *cutter, enum letter_class class)
{
    int from = cutter->tokens->count;
    bool after_glued =
        from > 0 && cutter->gap == 0 && !(letter_at(cutter, cutter->at)->marks & LETTER_SPLIT);
    bool before_digit;

    cut_pieces(cutter, class);
    before_digit = letter_at(cutter, cutter->at)->class == LETTER_DIGIT;
    demote_parts(cutter, from, after_glued, before_digit);
    merge_unknown(cutter, from);
    mark_touching(cutter, from);
}

/* ------------------------------------------------------------------ the message from left to right
 */

static void cut_number(struct cutter *cutter)
{
    struct number number;
    struct number_context context = {.text = cutter->text, .at = cutter->at};
    uint16_t flags = 0;
    struct token *token;
    int past;

    if (cutter->tokens->count > 0) {
        const struct token *last = &cutter->tokens->list[cutter->tokens->count - 1];

        context.labelled = token_is(last, ROLE_TEMPERATURE | ROLE_SPO2);
    }
    if (letter_at(cutter, cutter->at)->marks & LETTER_APART)
        flags |= TOKEN_APART;
    if (letter_at(cutter, cutter->at)->marks & LETTER_DROPPED &&
        letter_at(cutter, cutter->at - 1)->class == LETTER_DIGIT)
        cutter->gap |= GAP_EMOJI;
    past = number_read(&context, &number);
    if (context.two_ways)
        flags |= TOKEN_TWO_WAYS;
    token = add(cutter, TOKEN_NUMBER, past);
    token->number = number;
    token->flags |= flags;
}

static void cut_sign(struct cutter *cutter)
{
    struct word_match match;

    if (vocabulary_match(cutter->text, cutter->at, &match))
        add(cutter, TOKEN_WORD, match.past)->roles = match.roles;
    else
        cutter->gap |= gap_of(letter_at(cutter, cutter->at++));
}

void tokens_read(struct tokens *tokens, const struct text *text)
{
    struct cutter cutter = {.tokens = tokens, .text = text, .gap = GAP_START};
    bool line_opens = true;

    tokens->count = 0;
    while (cutter.at < text->count) {
        const struct letter *letter;

        if (line_opens && !open_line(&cutter))
            break;
        letter = letter_at(&cutter, cutter.at);
        line_opens = letter->class == LETTER_NEWLINE;
        switch ((enum letter_class)letter->class) {
        case LETTER_DIGIT:
            cut_number(&cutter);
            break;
        case LETTER_ALPHABET:
            cut_alphabet(&cutter);
            break;
        case LETTER_HAN:
            if (letter->key == KEY_LONG_VOWEL) {
                cutter.gap |= GAP_DASH;
                cutter.at++;
            } else {
                cut_run(&cutter, LETTER_HAN);
            }
            break;
        case LETTER_HANGUL:
            cut_run(&cutter, LETTER_HANGUL);
            break;
        case LETTER_SIGN:
            cut_sign(&cutter);
            break;
        case LETTER_FRACTION:
            add(&cutter, TOKEN_FRACTION, cutter.at + 1);
            break;
        case LETTER_SPACE:
        case LETTER_NEWLINE:
        case LETTER_PUNCTUATION:
            if (letter->marks & LETTER_SPLIT)
                cutter.gap |= GAP_EMOJI;
            if (!(is_space(letter) && cutter.gap & GAP_START))
                cutter.gap |= gap_of(letter);
            cutter.at++;
            break;
        }
    }
    tokens->last_gap = cutter.gap;
}
