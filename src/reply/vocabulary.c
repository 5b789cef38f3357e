/*
 * vocabulary.c - finds the longest known word at a place of a message.
 *
 * The words are data (vocabulary_*.def). They are made into one trie in static memory the first
 * time a word is asked for; nothing is allocated, and nothing here knows what a word does to a
 * message.
 */
#include "reply/vocabulary.h"

#include <string.h>
#include <threads.h>

#include "reply/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    WORD_KEYS_MAX = 48,
    NODES_MAX = 8192,
    EDGES_MAX = 16384, /* slots of the hash table: a power of two, twice the nodes */
};

/* The tables of the .def files, and what their words may be. */
#define WORD(text, roles)             {text, roles, REPLY_STOP, NULL, TABLE},
#define YES(text)                     WORD(text, ROLE_YES)
#define YES_LETTER(text)              WORD(text, ROLE_YES | ROLE_LETTER)
#define YES_THERE_IS(text)            WORD(text, ROLE_YES | ROLE_EXISTS)
#define YES_VERB(text)                WORD(text, ROLE_YES | ROLE_EXISTS | ROLE_VERB)
#define YES_IS(text)                  WORD(text, ROLE_YES | ROLE_VERB | ROLE_COPULA)
#define YES_AT_NUMBER(text)           WORD(text, ROLE_YES | ROLE_VERB)
#define YES_SYMPTOMS(text)            WORD(text, ROLE_YES | ROLE_ABOUT_SYMPTOMS)
#define NO(text)                      WORD(text, ROLE_NO)
#define NO_LETTER(text)               WORD(text, ROLE_NO | ROLE_LETTER)
#define NO_BEFORE(text)               WORD(text, ROLE_NO | ROLE_NEGATES_NEXT)
#define NO_AFTER(text)                WORD(text, ROLE_NO | ROLE_NEGATES_LAST | ROLE_EXISTS)
#define NO_SYMPTOMS(text)             WORD(text, ROLE_NO | ROLE_ABOUT_SYMPTOMS)
#define NOT_BEFORE(text)              WORD(text, ROLE_NEGATES_NEXT)
#define TEMPERATURE(text)             WORD(text, ROLE_TEMPERATURE)
#define FEVER_LABEL(text)             WORD(text, ROLE_TEMPERATURE | ROLE_FEVER)
#define SPO2(text)                    WORD(text, ROLE_SPO2)
#define SYMPTOM_LABEL(text)           WORD(text, ROLE_SYMPTOM_LABEL)
#define SYMPTOM(text)                 WORD(text, ROLE_SYMPTOM)
#define RED_FLAG(text)                WORD(text, ROLE_SYMPTOM | ROLE_RED_FLAG)
#define CRY(text)                     WORD(text, ROLE_DISTRESS)
#define CRY_BESIDE_WORDS(text)        WORD(text, ROLE_HELP)
#define UNIT_C(text)                  WORD(text, ROLE_CELSIUS)
#define UNIT_F(text)                  WORD(text, ROLE_FAHRENHEIT)
#define UNIT_DEGREE(text)             WORD(text, ROLE_DEGREE)
#define UNIT_JOINS(text)              WORD(text, ROLE_DEGREE | ROLE_JOINS)
#define UNIT_DO(text)                 WORD(text, ROLE_CELSIUS | ROLE_JOINS)
#define UNIT_TENTH(text)              WORD(text, ROLE_TENTH)
#define UNIT_HALF(text)               WORD(text, ROLE_HALF)
#define UNIT_PERCENT(text)            WORD(text, ROLE_PERCENT)
#define NOISE(text)                   WORD(text, ROLE_NOISE)
#define PARTICLE(text)                WORD(text, ROLE_NOISE | ROLE_PARTICLE)
#define PARTICLE_AND(text)            WORD(text, ROLE_NOISE | ROLE_PARTICLE | ROLE_LIST)
#define COPULA(text)                  WORD(text, ROLE_NOISE | ROLE_COPULA)
#define INTRODUCTION(text)            WORD(text, ROLE_NOISE | ROLE_COPULA)
#define FILLER(text)                  WORD(text, ROLE_FILLER)
#define LIST(text)                    WORD(text, ROLE_LIST)
#define HONORIFIC(text)               WORD(text, ROLE_HONORIFIC)
#define KIN(text)                     WORD(text, ROLE_KIN)
#define MEASURE(text)                 WORD(text, ROLE_MEASURE)
#define OTHER_UNIT(text)              WORD(text, ROLE_OTHER_UNIT)
#define MONTH(text)                   WORD(text, ROLE_MONTH)
#define HOUR(text)                    WORD(text, ROLE_MONTH | ROLE_NOISE)
#define HOUR_FILLER(text)             WORD(text, ROLE_MONTH | ROLE_FILLER)
#define HOUR_WORD(text)               WORD(text, ROLE_MONTH | ROLE_NOT_NAME)
#define NOT_NAME(text)                WORD(text, ROLE_NOT_NAME)
#define DEVICE(text)                  WORD(text, ROLE_DEVICE)
#define NO_VALUE(text)                WORD(text, ROLE_NO_VALUE)
#define NO_VALUE_AT_LABEL(text)       WORD(text, ROLE_NO_VALUE_AT_LABEL)
#define TWO_WAYS(text)                WORD(text, ROLE_TWO_WAYS)
#define REQUEST(text)                 WORD(text, ROLE_REQUEST)
#define CODE_WORD(text)               WORD(text, ROLE_CODE)
#define COMMAND(text, command)        {text, ROLE_COMMAND, command, NULL, TABLE},
#define LANGUAGE(text, language_code) {text, ROLE_COMMAND, REPLY_LANG, language_code, TABLE},

/* clang-format off */
static const struct word words[] = {
#define TABLE "any"
#include "reply/vocabulary_any.def"
#undef TABLE
#define TABLE "en"
#include "reply/vocabulary_en.def"
#undef TABLE
#define TABLE "ja"
#include "reply/vocabulary_ja.def"
#undef TABLE
#define TABLE "zh"
#include "reply/vocabulary_zh.def"
#undef TABLE
#define TABLE "ko"
#include "reply/vocabulary_ko.def"
#undef TABLE
#define TABLE "es"
#include "reply/vocabulary_es.def"
#undef TABLE
#define TABLE "pt"
#include "reply/vocabulary_pt.def"
#undef TABLE
};
/* clang-format on */

struct node {
    uint64_t roles;
    uint16_t command; /* index into `words` plus one */
};

struct edge {
    uint32_t key;
    uint16_t from, to; /* `to` is 0 in an empty slot: nothing leads to the root */
};

static struct node nodes[NODES_MAX];
static struct edge edges[EDGES_MAX];
static unsigned node_count = 1;
static once_flag trie_once = ONCE_FLAG_INIT;

static struct edge *edge_slot(unsigned from, uint32_t key)
{
    uint32_t hash = (key * 2654435761u) ^ (from * 40503u);

    hash ^= hash >> 15;
    for (;; hash++) {
        struct edge *edge = &edges[hash % EDGES_MAX];

        if (edge->to == 0 || (edge->key == key && edge->from == from))
            return edge;
    }
}

static void trie_add(const uint32_t *keys, int count, size_t index)
{
    unsigned node = 0;

    for (int i = 0; i < count; i++) {
        struct edge *edge = edge_slot(node, keys[i]);

        if (edge->to == 0) {
            if (node_count == NODES_MAX)
                return; /* the test of the vocabulary would see the word missing */
            edge->key = keys[i];
            edge->from = (uint16_t)node;
            edge->to = (uint16_t)node_count++;
        }
        node = edge->to;
    }
    nodes[node].roles |= words[index].roles;
    if (words[index].roles & ROLE_COMMAND)
        nodes[node].command = (uint16_t)(index + 1);
}

static bool is_hangul(uint32_t key)
{
    return key >= 0xAC00 && key <= 0xD7A3;
}

/* In Korean the spaces of a phrase are optional: it stands in the trie without them, too. */
static void trie_add_closed(const uint32_t *keys, int count, size_t index)
{
    uint32_t closed[WORD_KEYS_MAX];
    int n = 0;

    for (int i = 0; i < count; i++) {
        if (keys[i] != ' ')
            closed[n++] = keys[i];
    }
    if (n > 0 && n < count && is_hangul(closed[0]))
        trie_add(closed, n, index);
}

static void trie_build(void)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        uint32_t keys[WORD_KEYS_MAX];
        int count = text_keys(words[i].text, keys, WORD_KEYS_MAX);

        trie_add(keys, count, i);
        trie_add_closed(keys, count, i);
    }
}

static bool is_space(const struct letter *letter)
{
    return letter->class == LETTER_SPACE || letter->class == LETTER_NEWLINE;
}

/* A word of an alphabet does not end inside a longer one: "no" is not in "nothing", nor in
 * "o'brien". */
static bool ends_here(const struct text *text, int past)
{
    const struct letter *last = &text->letters[past - 1];

    if (last->class != LETTER_ALPHABET || past == text->count)
        return true;
    if (text->letters[past].marks & LETTER_SPLIT)
        return true;
    if (text->letters[past].class == LETTER_ALPHABET)
        return false;
    return !(text->letters[past].key == '\'' && past + 1 < text->count &&
             text->letters[past + 1].class == LETTER_ALPHABET);
}

static bool match(const struct text *text, int from, uint64_t wanted, struct word_match *found)
{
    unsigned node = 0;
    bool any = false;

    call_once(&trie_once, trie_build);
    for (int at = from; at < text->count;) {
        const struct letter *letter = &text->letters[at];
        const struct edge *edge;

        if (at > from && (letter->marks & LETTER_SPLIT))
            break;
        edge = edge_slot(node, is_space(letter) ? ' ' : letter->key);
        if (edge->to == 0)
            break;
        node = edge->to;
        at++;
        if (is_space(letter)) {
            while (at < text->count && is_space(&text->letters[at]))
                at++;
        }
        if ((nodes[node].roles & wanted) && ends_here(text, at)) {
            any = true;
            found->roles = nodes[node].roles;
            found->past = at;
        }
    }
    return any;
}

bool vocabulary_match(const struct text *text, int from, struct word_match *found)
{
    return match(text, from, UINT64_MAX, found);
}

bool vocabulary_match_danger(const struct text *text, int from, struct word_match *found)
{
    return match(text, from, ROLE_RED_FLAG | ROLE_DISTRESS, found);
}

const struct word *vocabulary_command(const struct text *text, int from, int past)
{
    unsigned node = 0;

    call_once(&trie_once, trie_build);
    for (int at = from; at < past;) {
        const struct letter *letter = &text->letters[at];
        const struct edge *edge = edge_slot(node, is_space(letter) ? ' ' : letter->key);

        if (edge->to == 0)
            return NULL;
        node = edge->to;
        at++;
        if (is_space(letter)) {
            while (at < past && is_space(&text->letters[at]))
                at++;
        }
    }
    return nodes[node].command > 0 ? &words[nodes[node].command - 1] : NULL;
}

const struct word *vocabulary_words(size_t *count)
{
    *count = COUNT(words);
    return words;
}
