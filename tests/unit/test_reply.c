/*
 * test_reply.c - what the corpus cannot say of the parser: its tables, its letters, its
 * explanations, its lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <utf8proc.h>

#include "reply/reply.h"
#include "reply/reply_lines.h"
#include "reply/text.h"
#include "reply/vocabulary.h"

enum { KEYS_MAX = 48, PIECES_MAX = 64 };

static const struct reply_rules rules;
static struct reply reply;
static struct text text;

/* ------------------------------------------------------------------ vocabulary */

/* The words that the page itself puts in two tables, and small words that do no harm in both. */
static const char *const in_two_tables[] = {
    "day",                             /* "day 5" and "5 days": not ours on either side */
    "día",       "歳",   "bpm", "the", /* filler, and part of a request: "stop the messages" */
    "me",        "now",  "s",          /* SpO2, and Spanish and Portuguese yes */
    "o2",        "help",               /* a command, and a cry beside other words */
    "ayuda",     "es",                 /* noise, and the language */
    "도",                              /* a degree, and "also" */
    "confusión",                       /* English without its accent */
    "e",                               /* Portuguese "and" */
    "y",                               /* yes, and Spanish "and" */
    "and",       "是",                 /* yes, and the verb of a number */
};

static bool listed(const uint32_t *keys, int count)
{
    for (size_t i = 0; i < sizeof(in_two_tables) / sizeof(in_two_tables[0]); i++) {
        uint32_t other[KEYS_MAX];
        int n = text_keys(in_two_tables[i], other, KEYS_MAX);

        if (n == count && memcmp(keys, other, sizeof(*keys) * (size_t)n) == 0)
            return true;
    }
    return false;
}

/* What a word does; its tables may repeat it where it does the same (tos of Spanish, temperatura of
 * both). */
static void test_no_word_stands_in_two_tables_unless_the_page_says_so(void **state)
{
    size_t count;
    const struct word *words = vocabulary_words(&count);
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        uint32_t keys[KEYS_MAX];
        int n = text_keys(words[i].text, keys, KEYS_MAX);

        for (size_t j = 0; j < i; j++) {
            uint32_t other[KEYS_MAX];
            int m = text_keys(words[j].text, other, KEYS_MAX);
            bool same_word = n == m && memcmp(keys, other, sizeof(*keys) * (size_t)n) == 0;
            bool same_role = words[i].roles == words[j].roles &&
                             words[i].command == words[j].command &&
                             words[i].language == words[j].language;

            if (same_word && !(same_role && strcmp(words[i].table, words[j].table) != 0) &&
                !listed(keys, n)) {
                print_error("%s stands in vocabulary_%s.def and vocabulary_%s.def\n", words[i].text,
                            words[j].table, words[i].table);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_every_word_of_the_tables_is_found(void **state)
{
    size_t count;
    const struct word *words = vocabulary_words(&count);

    (void)state;
    assert_true(count > 900);
    for (size_t i = 0; i < count; i++) {
        struct word_match match;
        const struct word *command;

        text_read(&text, words[i].text, strlen(words[i].text));
        assert_true(vocabulary_match(&text, 0, &match));
        assert_int_equal(match.past, text.count);
        assert_true((match.roles & words[i].roles) == words[i].roles);
        command = vocabulary_command(&text, 0, text.count);
        if (words[i].roles & ROLE_COMMAND) {
            assert_non_null(command);
            assert_int_equal(command->command, words[i].command);
        }
    }
}

static void test_a_word_is_not_found_inside_a_longer_one(void **state)
{
    static const char *const longer[] = {"nothing", "yesterday", "noche", "simone", "o'brien"};

    (void)state;
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        struct word_match match;

        text_read(&text, longer[i], strlen(longer[i]));
        if (vocabulary_match(&text, 0, &match))
            assert_int_equal(match.past, text.count); /* a word of its own: "yesterday" */
    }
}

/* ------------------------------------------------------------------ letters */

static void assert_written(const char *message, const char *expected)
{
    text_read(&text, message, strlen(message));
    assert_int_equal(text.written_len, strlen(expected));
    assert_memory_equal(text.written, expected, text.written_len);
}

static void test_what_is_written_is_nfkc(void **state)
{
    static const char *const samples[] = {
        "３６．９　ﾀﾞﾛｳ",
        "e\xCC\x81",
        "ガギグ",
        "ｶﾞ",
        "한글",
        "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB",
        "㎎",
        "①",
        "ﷺ",
        "ﬁ",
        "a\xCC\xA7\xCC\x81",
        "a\xCC\x81\xCC\xA7",
        "Å",
        "ｱﾞ",
        "が\xE3\x82\x99",
        "豈",
        "é",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        char *nfkc = (char *)utf8proc_NFKC((const utf8proc_uint8_t *)samples[i]);

        assert_non_null(nfkc);
        assert_written(samples[i], nfkc);
        free(nfkc);
    }
}

static void test_each_letter_knows_the_bytes_it_came_from(void **state)
{
    const char *message = "３６.9 ﾀﾞ";

    (void)state;
    text_read(&text, message, strlen(message));
    assert_int_equal(text.count, 6);
    assert_int_equal(text.letters[0].source_begin, 0);
    assert_int_equal(text.letters[0].source_end, 3);
    assert_int_equal(text.letters[2].source_begin, 6);
    assert_int_equal(text.letters[5].source_begin, 9);
    assert_int_equal(text.letters[5].source_end, 15);
}

static void test_invisible_letters_and_emoji_are_dropped(void **state)
{
    (void)state;
    assert_written("3\xC2\xAD"
                   "6\xE2\x80\x8B.9\xEF\xB8\x8F",
                   "36.9");
    assert_written("\xF0\x9F\x98\xB7n\xF0\x9F\x88\x9A", "n");
    assert_written("\x01n\x7F", "n");
}

static void test_a_long_message_is_cut_between_characters(void **state)
{
    char message[REPLY_INPUT_MAX + 2];

    (void)state;
    memset(message, 'x', sizeof(message));
    memcpy(message + REPLY_INPUT_MAX - 1, "\xE3\x81\x82", 3);
    text_read(&text, message, sizeof(message));
    assert_true(text.cut);
    assert_false(text.not_utf8);
    assert_int_equal(text.count, REPLY_INPUT_MAX - 1);
    text_read(&text, message, REPLY_INPUT_MAX - 1);
    assert_false(text.cut);
}

/* ------------------------------------------------------------------ explanation */

struct expected_piece {
    const char *piece;
    enum reply_reading reading;
};

static void assert_explained(const char *message, const struct expected_piece *expected,
                             size_t count)
{
    struct reply_piece pieces[PIECES_MAX];
    size_t got = reply_explain(message, strlen(message), &rules, &reply, pieces, PIECES_MAX);

    assert_int_equal(got, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pieces[i].end - pieces[i].begin, strlen(expected[i].piece));
        assert_memory_equal(message + pieces[i].begin, expected[i].piece,
                            strlen(expected[i].piece));
        assert_string_equal(reply_reading_word(pieces[i].reading),
                            reply_reading_word(expected[i].reading));
    }
}

#define ASSERT_EXPLAINED(message, ...)                                                             \
    do {                                                                                           \
        const struct expected_piece expected[] = {__VA_ARGS__};                                    \
        assert_explained(message, expected, sizeof(expected) / sizeof(expected[0]));               \
    } while (0)

static void test_explain_shows_how_each_piece_was_read(void **state)
{
    (void)state;
    ASSERT_EXPLAINED("花子さん 体温36.9℃ SpO2 97% 咳", {"花子", REPLY_READ_MEMBER},
                     {"さん", REPLY_READ_MEMBER}, {"体温", REPLY_READ_LABEL},
                     {"36.9", REPLY_READ_TEMPERATURE}, {"℃", REPLY_READ_UNIT},
                     {"SpO2", REPLY_READ_LABEL}, {"97", REPLY_READ_SPO2}, {"%", REPLY_READ_UNIT},
                     {"咳", REPLY_READ_SYMPTOM});
    ASSERT_EXPLAINED("hello 36 9 n took it", {"hello", REPLY_READ_NOISE},
                     {"36", REPLY_READ_TEMPERATURE}, {"9", REPLY_READ_TEMPERATURE},
                     {"n", REPLY_READ_NO}, {"took", REPLY_READ_NOTE}, {"it", REPLY_READ_NOTE});
}

static void test_explain_shows_why_a_message_was_refused(void **state)
{
    (void)state;
    ASSERT_EXPLAINED("36.9 97 食欲なし", {"36.9", REPLY_READ_TEMPERATURE}, {"97", REPLY_READ_SPO2},
                     {"食欲", REPLY_READ_NOTE}, {"なし", REPLY_READ_UNDECIDED});
    ASSERT_EXPLAINED("36.9 130 n", {"36.9", REPLY_READ_TEMPERATURE},
                     {"130", REPLY_READ_OUT_OF_RANGE}, {"n", REPLY_READ_NO});
    ASSERT_EXPLAINED("36.9 97 n 500", {"36.9", REPLY_READ_TEMPERATURE}, {"97", REPLY_READ_SPO2},
                     {"n", REPLY_READ_NO}, {"500", REPLY_READ_UNDECIDED});
    ASSERT_EXPLAINED("stop please", {"stop", REPLY_READ_COMMAND}, {"please", REPLY_READ_NOISE});
    ASSERT_EXPLAINED("no cough", {"no", REPLY_READ_NEGATED}, {"cough", REPLY_READ_NEGATED});
}

static void test_nothing_of_the_last_message_stays_behind(void **state)
{
    struct reply_piece pieces[PIECES_MAX];
    static const char secret[] = "secret";

    (void)state;
    reply_parse("Secret 36.9 97 n secret", 23, &rules, &reply);
    assert_int_equal(reply.outcome, REPLY_REPORT);
    reply_explain("", 0, &rules, &reply, pieces, PIECES_MAX);
    assert_null(memmem(&reply, sizeof(reply), secret, sizeof(secret) - 1));
    assert_int_equal(reply.outcome, REPLY_EMPTY);
}

/* ------------------------------------------------------------------ JSON and lines */

static void assert_json(const char *message, const char *expected)
{
    static char json[REPLY_JSON_MAX];
    size_t len;

    reply_parse(message, strlen(message), &rules, &reply);
    len = reply_format_json(&reply, json, sizeof(json));
    assert_string_equal(json, expected);
    assert_int_equal(len, strlen(expected));
}

static void test_json_has_the_keys_of_the_page_in_their_order(void **state)
{
    (void)state;
    assert_json("訂正 2 36.90 97 y cough badly", "{\"outcome\":\"report\",\"reports\":[{\"member\":"
                                                 "\"2\",\"temperature_c\":36.9,\"spo2\":97,"
                                                 "\"symptoms\":true,\"note\":\"cough "
                                                 "badly\"}],\"replaces\":true,\"needs_review\":"
                                                 "true}");
    assert_json("36.45 n", "{\"outcome\":\"report\",\"reports\":[{\"temperature_c\":36.45,\"spo2\":"
                           "null,"
                           "\"symptoms\":false}]}");
    assert_json("2 36.9 97 can't breathe well", "{\"outcome\":\"incomplete\",\"member\":\"2\","
                                                "\"missing\":[\"symptoms\"],"
                                                "\"partial\":{\"temperature_c\":36.9,\"spo2\":97},"
                                                "\"red_flag\":true,\"lowest_spo2\":97,"
                                                "\"highest_temperature_c\":36.9}");
    assert_json("2 79.9 97 n", "{\"outcome\":\"out_of_range\",\"member\":\"2\",\"field\":"
                               "\"temperature_c\","
                               "\"value\":\"79.9\",\"lowest_spo2\":97}");
    assert_json("36.9 88 n cough", "{\"outcome\":\"conflict\",\"lowest_spo2\":88,"
                                   "\"highest_temperature_c\":36.9}");
    assert_json("繁體", "{\"outcome\":\"command\",\"command\":\"lang\",\"language\":\"zh-Hant\"}");
    assert_json("123456", "{\"outcome\":\"command\",\"command\":\"confirm\",\"code\":\"123456\"}");
    assert_json("", "{\"outcome\":\"empty\"}");
}

static void test_json_that_does_not_fit_is_cut_not_overrun(void **state)
{
    char json[8];

    (void)state;
    reply_parse("36.9 97 n", 9, &rules, &reply);
    assert_int_equal(reply_format_json(&reply, json, sizeof(json)), 7);
    assert_int_equal(json[7], '\0');
    assert_int_equal(reply_format_json(&reply, json, 0), 0);
}

/* ------------------------------------------------------------------ beside what it says */

static void assert_lone_name(const char *written, const char *wanted)
{
    char name[REPLY_MEMBER_MAX];

    reply_lone_name(written, strlen(written), name);
    assert_string_equal(name, wanted);
}

static void test_a_lone_name_is_cut_as_a_members_is(void **state)
{
    (void)state;
    assert_lone_name("花子", "花子");
    assert_lone_name("花子さん", "花子");
    assert_lone_name("花子です。", "花子");
    assert_lone_name(" Ｈａｎａｋｏ  Yamada! ", "Hanako Yamada");
    assert_lone_name("Ana Maria Silva", "Ana Maria Silva");
    assert_lone_name("Hanako-san", "Hanako");
    assert_lone_name("It is Ken, please", "Ken");
    assert_lone_name("지은", "지은");
}

static void test_what_is_more_than_a_name_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "ok thanks",
                                        "2",
                                        "花子 36.9",
                                        "stop",
                                        "助けて",
                                        "chest pain",
                                        "my dog ate the whole thermometer",
                                        "Ken\nYamada",
                                        "Ken, Hanako",
                                        "\xff"};
    char lengthy[REPLY_INPUT_MAX];
    char name[REPLY_MEMBER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_lone_name(texts[i], "");
    memset(lengthy, 'a', sizeof(lengthy));
    reply_lone_name(lengthy, sizeof(lengthy), name);
    assert_string_equal(name, "");
}

static void read_text(const char *written)
{
    reply_parse(written, strlen(written), &rules, &reply);
}

static void test_a_word_of_stop_among_those_left_over_is_told(void **state)
{
    (void)state;
    read_text("36.9 97 n stop");
    assert_int_equal(reply.outcome, REPLY_REPORT);
    assert_true(reply.stop_word);
    read_text("36.9 97 n 配信停止");
    assert_true(reply.stop_word);
    read_text("36.9 97 n took a paracetamol");
    assert_false(reply.stop_word);
    read_text("36.9 97 n");
    assert_false(reply.stop_word);
}

static void test_an_incomplete_report_has_the_words_left_over(void **state)
{
    (void)state;
    read_text("36.9 97 took a paracetamol");
    assert_int_equal(reply.outcome, REPLY_INCOMPLETE);
    assert_string_equal(reply.reports[0].note, "took a paracetamol");
    assert_true(reply.needs_review);
    read_text("36.9 97");
    assert_string_equal(reply.reports[0].note, "");
    assert_false(reply.needs_review);
    assert_false(reply.several);
    read_text("1 36.9 97 n\n2 38.1 95");
    assert_int_equal(reply.outcome, REPLY_INCOMPLETE);
    assert_true(reply.several);
}

static void test_cancel_is_told_from_the_other_words_of_stop(void **state)
{
    (void)state;
    read_text("Please cancel.");
    assert_int_equal(reply.command, REPLY_STOP);
    assert_true(reply.cancel);
    read_text("stop");
    assert_false(reply.cancel);
}

static void test_lines_know_two_escapes_and_no_more(void **state)
{
    char line[] = "a\\nb\\\\c\\td\\";
    size_t len = reply_unescape(line, strlen(line));

    (void)state;
    assert_int_equal(len, 9);
    assert_memory_equal(line, "a\nb\\c\\td\\", 9);
}

static void test_lines_go_in_and_objects_come_out(void **state)
{
    char input[] = "1 36.9 97 N\\n2 38.1 95 Y\nstop\n";
    char *output = NULL;
    size_t size = 0;
    FILE *in = fmemopen(input, strlen(input), "r");
    FILE *out = open_memstream(&output, &size);

    (void)state;
    assert_true(reply_lines(in, out, &rules, false));
    fclose(in);
    fclose(out);
    assert_string_equal(output, "{\"outcome\":\"report\",\"reports\":[{\"member\":\"1\","
                                "\"temperature_c\":36.9,\"spo2\":97,"
                                "\"symptoms\":false},{\"member\":\"2\",\"temperature_c\":38.1,"
                                "\"spo2\":95,\"symptoms\":true}]}\n"
                                "{\"outcome\":\"command\",\"command\":\"stop\"}\n");
    free(output);
}

static void test_lines_explain_each_piece_with_its_bytes(void **state)
{
    char input[] = "36.9 n\n";
    char *output = NULL;
    size_t size = 0;
    FILE *in = fmemopen(input, strlen(input), "r");
    FILE *out = open_memstream(&output, &size);

    (void)state;
    assert_true(reply_lines(in, out, &rules, true));
    fclose(in);
    fclose(out);
    assert_non_null(strstr(output, "\n  0-4\ttemperature\t36.9\n  5-6\tno\tn\n"));
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_word_stands_in_two_tables_unless_the_page_says_so),
        cmocka_unit_test(test_every_word_of_the_tables_is_found),
        cmocka_unit_test(test_a_word_is_not_found_inside_a_longer_one),
        cmocka_unit_test(test_what_is_written_is_nfkc),
        cmocka_unit_test(test_each_letter_knows_the_bytes_it_came_from),
        cmocka_unit_test(test_invisible_letters_and_emoji_are_dropped),
        cmocka_unit_test(test_a_long_message_is_cut_between_characters),
        cmocka_unit_test(test_explain_shows_how_each_piece_was_read),
        cmocka_unit_test(test_explain_shows_why_a_message_was_refused),
        cmocka_unit_test(test_nothing_of_the_last_message_stays_behind),
        cmocka_unit_test(test_json_has_the_keys_of_the_page_in_their_order),
        cmocka_unit_test(test_json_that_does_not_fit_is_cut_not_overrun),
        cmocka_unit_test(test_a_lone_name_is_cut_as_a_members_is),
        cmocka_unit_test(test_what_is_more_than_a_name_is_none),
        cmocka_unit_test(test_a_word_of_stop_among_those_left_over_is_told),
        cmocka_unit_test(test_an_incomplete_report_has_the_words_left_over),
        cmocka_unit_test(test_cancel_is_told_from_the_other_words_of_stop),
        cmocka_unit_test(test_lines_know_two_escapes_and_no_more),
        cmocka_unit_test(test_lines_go_in_and_objects_come_out),
        cmocka_unit_test(test_lines_explain_each_piece_with_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
