/*
 * test_wording.c - the shipped texts keep what the table of kinds promises, and each fault in them
 * is found at loading.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/sms.h"
#include "flow/wording.h"
#include "flow/wording_kinds.h"
#include "reply/reply.h"
#include "wording_copy.h"

/* ------------------------------------------------------------------ faults */

static void test_the_shipped_texts_have_no_fault(void **state)
{
    struct copy_faults faults = copy_load();

    (void)state;
    assert_string_equal(faults.text, "");
}

static void test_a_missing_text_is_named(void **state)
{
    (void)state;
    copy_remove_file("reminder/ko.sms");
    copy_expect_one_fault("reminder/ko.sms", ": No such file or directory; every text exists in "
                                             "every "
                                             "language");
}

static void test_all_faults_are_reported_and_not_only_the_first(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_remove_file("reminder/ko.sms");
    copy_remove_file("not_watched/pt.sms");
    copy_write("help/ja.sms", "{{centre}} {{centre_phone}} {{centr}}");
    faults = copy_load();
    assert_int_equal(faults.count, 3);
    copy_expect_fault(&faults, "reminder/ko.sms", ": No such file");
    copy_expect_fault(&faults, "not_watched/pt.sms", ": No such file");
    copy_expect_fault(&faults, "help/ja.sms", ": placeholder 'centr' is supplied by nothing");
}

static void test_an_unknown_placeholder_is_named_with_what_there_is(void **state)
{
    (void)state;
    copy_append("which_member/en.sms", "{{centr}}");
    copy_expect_one_fault("which_member/en.sms", ": placeholder 'centr' is supplied by nothing; "
                                                 "'which_member' is given: centre, again, "
                                                 "members (number, "
                                                 "name)");
}

static void test_a_placeholder_of_a_list_is_unknown_outside_of_it(void **state)
{
    (void)state;
    copy_append("which_member/en.sms", "{{number}}");
    copy_expect_one_fault("which_member/en.sms", ": placeholder 'number' is supplied by nothing");
    copy_write("which_member/en.sms", "{{centre}}{{#again}}{{/"
                                      "again}}{{#members}}{{number}}{{name}}{{/"
                                      "members}}{{^members}}{{name}}{{/members}}");
    copy_expect_one_fault("which_member/en.sms", ": placeholder 'name' is supplied by nothing");
}

static void test_the_point_and_dotted_names_are_no_placeholders(void **state)
{
    (void)state;
    copy_append("which_member/en.sms", "{{#centre}}{{.}}{{/centre}}");
    copy_expect_one_fault("which_member/en.sms", ": placeholder '.' is supplied by nothing");
}

static void test_a_required_placeholder_that_a_language_leaves_out_is_named(void **state)
{
    (void)state;
    copy_write("not_watched/es.sms", "{{centre}}: 119");
    copy_expect_one_fault("not_watched/es.sms", ": placeholder 'centre_phone' is not used");
    copy_write("not_watched/es.sms", "{{! {{centre_phone}} }}{{centre}}: 119");
    copy_expect_one_fault("not_watched/es.sms", ": placeholder 'centre_phone' is not used");
}

static void test_a_required_placeholder_of_a_list_is_named_with_its_list(void **state)
{
    (void)state;
    copy_write("which_member/ja.sms", "{{centre}}{{#again}}{{/again}}{{#members}}{{number}} "
                                      "{{/members}}");
    copy_expect_one_fault("which_member/ja.sms", ": placeholder 'members.name' is not used");
    copy_write("which_member/ja.sms", "{{centre}}{{#again}}{{/again}}");
    copy_expect_one_fault("which_member/ja.sms", ": placeholder 'members' is not used");
}

static void test_a_flag_or_a_list_is_not_printed(void **state)
{
    (void)state;
    copy_append("ambiguous/en.sms", "{{conflict}}");
    copy_append("which_member/en.sms", "{{members}}");
    {
        struct copy_faults faults = copy_load();

        copy_expect_fault(&faults, "ambiguous/en.sms",
                          ": 'conflict' is yes or no, not a text; write {{#conflict}}");
        copy_expect_fault(&faults, "which_member/en.sms", ": 'members' is a list, not a text");
        assert_int_equal(faults.count, 2);
    }
}

static void test_a_text_that_can_take_too_many_segments_is_named_with_its_length(void **state)
{
    (void)state;
    /* 58 units with its sample; 12 units of the centre and 5 of the time are what counts. */
    copy_write("reminder/ja.sms", "【{{centre}}】{{due}}{{#family}}{{#members}}{{number}}{{name}}{{"
                                  "/members}}{{/family}}"
                                  "あいうえおあいうえおあいうえおあいうえおあいうえおあいうえおあい"
                                  "うえおあいうえおあいうえおあいうえおあ");
    assert_int_equal(copy_load().count, 0);
    copy_append("reminder/ja.sms", "い");
    copy_expect_one_fault("reminder/ja.sms", ": too long for 'one patient': up to 71 units (2 SMS "
                                             "segments) "
                                             "with every placeholder at its greatest length, where "
                                             "70 "
                                             "units are paid for");
}

static void test_the_length_counts_in_every_branch_of_a_section(void **state)
{
    char text[1024] = "{{centre}} {{#member}}{{member}}{{/member}}{{^conflict}}";

    (void)state;
    for (int i = 0; i < 12; i++)
        strcat(text, "1234567890");
    copy_append("ambiguous/en.sms", "{{#conflict}}{{/conflict}}");
    assert_int_equal(copy_load().count, 0);
    copy_write("ambiguous/en.sms", strcat(text, "{{/conflict}}"));
    assert_int_equal(copy_load().count, 0);
    /* One unit more, in the branch for which no member is named. */
    copy_write("ambiguous/en.sms", strcat(text, "{{^member}}12{{/member}}"));
    copy_expect_one_fault("ambiguous/en.sms", ": too long for 'one message': up to 135 units (3 "
                                              "SMS "
                                              "segments)");
}

static void test_a_list_counts_with_its_greatest_number_of_entries(void **state)
{
    (void)state;
    /* 12 units of the centre, and 9 entries of 11 and what stands with them; 268 are allowed. */
    copy_write("which_member/ja.sms", "{{centre}}{{#again}}{{/again}}"
                                      "{{#members}}{{number}}{{name}}12345678901234567{{/"
                                      "members}}");
    assert_int_equal(copy_load().count, 0);
    copy_write("which_member/ja.sms", "{{centre}}{{#again}}{{/again}}"
                                      "{{#members}}{{number}}{{name}}123456789012345678{{"
                                      "/members}}");
    copy_expect_one_fault("which_member/ja.sms", ": too long for 'a family': up to 273 units (5 "
                                                 "SMS "
                                                 "segments)");
}

static void test_a_letter_beyond_gsm_7_bit_is_named_where_segments_depend_on_it(void **state)
{
    (void)state;
    copy_write("help/pt.sms", "{{centre}}: ligue para {{centre_phone}}, não por SMS");
    copy_expect_one_fault("help/pt.sms", ": 'ã' is not in the GSM 7-bit alphabet");
    copy_write("help/pt.sms", "{{centre}}: ligue para o nosso {{centre_phone}}, é, ñ, ü, "
                              "à, ò, ¿, ¡, €");
    assert_int_equal(copy_load().count, 0);
}

static void test_a_letter_beyond_gsm_7_bit_is_found_in_a_partial(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_write("partials/values/es.sms", "{{temperature}}°C {{spo2}} "
                                         "{{#yes}}{{/yes}}{{#no}}{{/no}}");
    faults = copy_load();
    copy_expect_fault(&faults, "report_stored/es.sms", ": '°' is not in the GSM 7-bit alphabet");
    copy_expect_fault(&faults, "report_urgent/es.sms", ": '°' is not in the GSM 7-bit alphabet");
    copy_expect_fault(&faults, "undone/es.sms", ": '°' is not in the GSM 7-bit alphabet");
    assert_int_equal(faults.count, 3);
}

static void test_a_text_that_does_not_compile_is_named_with_its_line(void **state)
{
    (void)state;
    copy_write("help/ja.sms", "{{centre}}\n{{#centre_phone}}\n");
    copy_expect_one_fault("help/ja.sms", ": line 2: section 'centre_phone' is not closed");
}

static void test_a_file_that_is_no_clean_text_is_named(void **state)
{
    static const struct {
        const char *bytes, *what;
    } cases[] = {
        {"", ": empty"},
        {"\n", ": empty"},
        {"{{centre}}\n{{centre_phone}}\xff", ":2: not UTF-8"},
        {"\xef\xbb\xbf{{centre}}{{centre_phone}}", ":1: a byte order mark"},
        {"{{centre}}\r\n{{centre_phone}}", ":1: line ends of Windows (CR)"},
        {"{{centre}}\t{{centre_phone}}", ":1: the control character U+0009"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        copy_write("help/ja.sms", cases[i].bytes);
        copy_expect_one_fault("help/ja.sms", cases[i].what);
    }
    copy_write_bytes("help/ja.sms", "{{centre}}\0{{centre_phone}}", 27);
    copy_expect_one_fault("help/ja.sms", ":1: the control character U+0000");
}

static void test_a_partial_that_does_not_exist_is_named(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_remove_file("partials/values/ko.sms");
    faults = copy_load();
    copy_expect_fault(&faults, "partials/values/ko.sms", ": No such file");
    copy_append("help/ja.sms", "{{> gone}}");
    faults = copy_load();
    for (size_t l = 0; wording_language(l) != NULL; l++) {
        char file[64];

        snprintf(file, sizeof(file), "partials/gone/%s.sms", wording_language(l));
        copy_expect_fault(&faults, file, ": No such file");
    }
}

static void test_a_partial_is_checked_with_the_kind_that_uses_it(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_append("partials/values/en.sms", "{{centr}}");
    faults = copy_load();
    copy_expect_fault(&faults, "partials/values/en.sms",
                      ": placeholder 'centr' is supplied by nothing; 'report_stored'");
    copy_expect_fault(&faults, "partials/values/en.sms",
                      ": placeholder 'centr' is supplied by nothing; 'report_urgent'");
    copy_expect_fault(&faults, "partials/values/en.sms",
                      ": placeholder 'centr' is supplied by nothing; 'undone'");
    assert_int_equal(faults.count, 3);
}

static void test_a_partial_cannot_lead_out_of_the_directory_or_into_itself(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_append("help/ja.sms", "{{> ../values}}");
    copy_expect_one_fault("help/ja.sms", ": partial '../values' cannot be");
    copy_write("help/ja.sms", "{{centre}}{{centre_phone}}");
    copy_append("partials/example/ja.sms", "{{> example}}");
    faults = copy_load();
    copy_expect_fault(&faults, "partials/example/ja.sms", ": partials nest deeper than 8");
}

/* ------------------------------------------------------------------ the shipped texts */

static struct wording *wording;

static int load_shipped(void **state)
{
    struct copy_faults faults = {.count = 0};

    (void)state;
    wording = wording_load(TEMPLATES, copy_note_fault, &faults);
    return wording != NULL ? 0 : -1;
}

static int free_shipped(void **state)
{
    (void)state;
    wording_free(wording);
    return 0;
}

typedef void text_cb(const struct wording_kind *kind, const char *language, const json_t *params,
                     const char *text);

/* Every text that can be: each kind, language, shape, and combination of flags. */
static void each_text(enum wording_fill fill, text_cb *cb)
{
    char text[WORDING_SMS_MAX];
    const char *why;

    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (size_t l = 0; wording_kinds[k].has[WORDING_SMS] && wording_language(l) != NULL; l++)
            for (const struct wording_shape *shape = wording_kinds[k].shapes; shape->name != NULL;
                 shape++)
                for (unsigned bits = 0; bits < 1U << wording_count_bits(&wording_kinds[k]);
                     bits++) {
                    json_t *params = wording_filled_params(&wording_kinds[k], shape, fill, bits);

                    if (params == NULL)
                        continue;
                    if (!wording_render_sms(wording, wording_kinds[k].name, wording_language(l),
                                            params, text, &why))
                        fail_msg("%s %s: %s", wording_kinds[k].name, wording_language(l), why);
                    cb(&wording_kinds[k], wording_language(l), params, text);
                    json_decref(params);
                }
}

static int seen;

static void expect_clean(const struct wording_kind *kind, const char *language,
                         const json_t *params, const char *text)
{
    size_t len = strlen(text);

    (void)params;
    seen++;
    assert_true(len > 0);
    if (text[0] == '\n' || text[len - 1] == '\n' || text[len - 1] == ' ' ||
        strstr(text, "\n\n") != NULL || strstr(text, "  ") != NULL || strstr(text, " \n") != NULL ||
        strstr(text, "\n ") != NULL || strchr(text, '!') != NULL || strstr(text, "！") != NULL ||
        strchr(text, '{') != NULL)
        fail_msg("%s %s: [%s]", kind->name, language, text);
}

static void test_every_text_renders_without_stray_blanks_or_exclamation_marks(void **state)
{
    (void)state;
    seen = 0;
    each_text(WORDING_FILL_SAMPLE, expect_clean);
    assert_true(seen > 7 * WORDING_KINDS);
}

static void expect_sender(const struct wording_kind *kind, const char *language,
                          const json_t *params, const char *text)
{
    const char *centre = json_string_value(json_object_get(params, "centre"));
    const char *phone = json_string_value(json_object_get(params, "centre_phone"));

    if (strstr(text, centre != NULL ? centre : "My HER-SYS") == NULL)
        fail_msg("%s %s does not say who sends it", kind->name, language);
    if (phone != NULL && !wording_find_field(kind->fields, "centre_phone")->mail_only &&
        strstr(text, phone) == NULL)
        fail_msg("%s %s does not say whom to call", kind->name, language);
}

static void test_every_text_says_who_sends_it_and_whom_to_call(void **state)
{
    (void)state;
    each_text(WORDING_FILL_SAMPLE, expect_sender);
}

static void expect_119(const struct wording_kind *kind, const char *language, const json_t *params,
                       const char *text)
{
    static const char *const kinds[] = {"report_urgent", "unknown_sender", "not_watched", "stopped",
                                        "help"};

    (void)params;
    for (size_t i = 0; i < MEM_COUNT(kinds); i++)
        if (strcmp(kind->name, kinds[i]) == 0 && strstr(text, "119") == NULL)
            fail_msg("%s %s does not name 119", kind->name, language);
}

static void test_a_text_for_somebody_in_danger_names_119(void **state)
{
    (void)state;
    each_text(WORDING_FILL_SAMPLE, expect_119);
}

/* What doc/translating.md says; 2 where a kind is not named. */
static const struct {
    const char *kind;
    int one, family;
} limits[] = {
    {"reminder", 1, 3},         {"nudge", 1, 3},         {"confirmation_code", 1, 0},
    {"code_confirmed", 1, 0},   {"code_wrong", 1, 0},    {"registration_link", 4, 0},
    {"report_stored", 4, 7},    {"report_urgent", 3, 7}, {"undone", 2, 6},
    {"which_member", 4, 4},     {"stopped", 3, 0},       {"help", 4, 0},
    {"monitoring_ended", 3, 0}, {"alert_urgent", 4, 0},  {"unknown_sender", 3, 0},
};

static void expect_in_limits(const struct wording_kind *kind, const char *language,
                             const json_t *params, const char *text)
{
    bool family = json_array_size(json_object_get(params, "members")) +
                      json_array_size(json_object_get(params, "reports")) >
                  1;
    int segments = sms_count(text, strlen(text)).segments, most = 2;

    for (size_t i = 0; i < MEM_COUNT(limits); i++)
        if (strcmp(kind->name, limits[i].kind) == 0)
            most = family ? limits[i].family : limits[i].one;
    if (segments > most)
        fail_msg("%s %s takes %d segments: %s", kind->name, language, segments, text);
}

static void test_no_text_takes_more_segments_than_are_paid_for(void **state)
{
    (void)state;
    each_text(WORDING_FILL_WORST, expect_in_limits);
}

static const char *rendered(const char *kind, const char *language, const char *json)
{
    static char text[WORDING_SMS_MAX];
    json_t *params = json_loads(json, 0, NULL);
    const char *why;

    assert_non_null(params);
    if (!wording_render_sms(wording, kind, language, params, text, &why))
        fail_msg("%s %s: %s", kind, language, why);
    json_decref(params);
    return text;
}

static void test_a_single_reminder_and_nudge_is_one_segment_in_every_language(void **state)
{
    static const char *const kinds[] = {"reminder", "nudge"};

    (void)state;
    for (size_t k = 0; k < MEM_COUNT(kinds); k++)
        for (size_t l = 0; wording_language(l) != NULL; l++) {
            const char *text = rendered(kinds[k], wording_language(l),
                                        "{\"centre\":\"見本市中央区保健所分室\",\"due\":\"08:"
                                        "30\"}");
            struct sms_count count = sms_count(text, strlen(text));

            assert_int_equal(count.encoding, SMS_UCS2);
            assert_int_equal(count.segments, 1);
        }
}

/* Every day for every patient: the longest names and numbers, and nothing besides. */
static void test_the_usual_echo_is_two_segments_in_every_language(void **state)
{
    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++) {
        const char *text = rendered("report_stored", wording_language(l),
                                    "{\"centre\":\"見本市見本区中央保健所分\","
                                    "\"centre_phone\":\"03-0000-0000-00\",\"reports\":["
                                    "{\"member\":1,\"name\":\"見本見本見本見本花子\","
                                    "\"temperature\":\"38.15\",\"spo2\":\"100\",\"no\":true}]}");

        if (sms_count(text, strlen(text)).segments > 2)
            fail_msg("%s takes more than two segments: %s", wording_language(l), text);
    }
}

/* What a phone shows of a message without opening it are its first words. */
static void test_the_code_stands_within_what_a_phone_shows_at_once(void **state)
{
    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++) {
        const char *text = rendered("confirmation_code", wording_language(l),
                                    "{\"centre\":\"見本区保健所\",\"centre_phone\":\"03-0000-"
                                    "0000\","
                                    "\"code\":\"012345\",\"minutes\":10}");
        const char *code = strstr(text, "012345"), *minutes = strstr(text, "10");

        assert_non_null(code);
        assert_true(sms_count(text, (size_t)(code - text)).units <= 20);
        assert_non_null(minutes);
        assert_true(minutes > code);
        assert_null(strchr(text, '\n'));
    }
}

static void test_reminders_carry_an_example_that_can_be_sent_back(void **state)
{
    static const char *const kinds[] = {"reminder", "nudge"};
    char example[WORDING_SMS_MAX], family[WORDING_SMS_MAX + 16];

    (void)state;
    for (size_t i = 0; i < WORDING_LANGUAGES * MEM_COUNT(kinds); i++) {
        const char *language = wording_language(i / MEM_COUNT(kinds));
        const char *kind = kinds[i % MEM_COUNT(kinds)], *text, *line;

        assert_true(wording_example(wording, language, example));
        assert_int_equal(strncmp(example, "36.9 97 ", 8), 0);
        assert_null(strchr(example, '\n'));
        /* It ends the text, so that nothing that follows can be taken for a part of it. */
        text = rendered(kind, language, "{\"centre\":\"見本\",\"due\":\"08:30\"}");
        line = strrchr(text, '\n');
        assert_string_equal(text + strlen(text) - strlen(example), example);
        assert_null(strchr(line, '1'));
        text = rendered(kind, language,
                        "{\"centre\":\"見本\",\"due\":\"08:30\",\"family\":true,\"member\":\"2\","
                        "\"members\":[{\"number\":2,\"name\":\"花子\"},{\"number\":\"3\"}]}");
        /* Whoever copies it reports for one who is asked, and not for one who has reported. */
        snprintf(family, sizeof(family), "2 %s", example);
        assert_string_equal(text + strlen(text) - strlen(family), family);
        assert_non_null(strstr(text, "\n2 花子\n3\n"));
    }
    assert_false(wording_example(wording, "xx", example));
    assert_string_equal(example, "");
}

static void test_the_example_for_a_member_carries_its_number(void **state)
{
    (void)state;
    assert_non_null(strstr(
        rendered("incomplete", "en", "{\"centre\":\"見本\",\"missing_spo2\":true,\"member\":3}"),
        "3 36.9 97 n"));
    assert_non_null(strstr(rendered("ambiguous", "ja", "{\"centre\":\"見本\",\"member\":\"3\"}"),
                           "3 36.9 97 無"));
}

/* One that is sent alone is joined to nothing, and the others were not stored. */
static void test_of_several_reports_not_only_what_is_missing_is_asked_for(void **state)
{
    static const char again[] = "{\"centre\":\"見本\",\"missing_symptoms\":true,\"again\":true,"
                                "\"member\":\"2\"}";

    (void)state;
    assert_string_equal(rendered("incomplete", "en", again), "見本: still missing:\n- symptoms "
                                                             "y/n\nNothing is recorded yet. Please "
                                                             "send it "
                                                             "all again.\nEx: 2 36.9 97 n");
    assert_null(strstr(rendered("incomplete", "ja", again), "30分"));
}

static void test_the_echo_shows_what_was_stored(void **state)
{
    static const char json[] =
        "{\"centre\":\"見本\",\"centre_phone\":\"03-0000-0000\",\"reports\":["
        "{\"member\":\"1\",\"name\":\"花子\",\"temperature\":\"36.9\",\"spo2\":\"97\",\"no\":true},"
        "{\"member\":\"2\",\"temperature\":\"38.15\",\"yes\":true}]}";

    (void)state;
    assert_string_equal(rendered("report_stored", "ja", json), "【見本】次のとおり受け付けました。"
                                                               "\n1 花子 36.9℃ 酸素飽和度97% "
                                                               "症状なし\n"
                                                               "2 38.15℃ 酸素飽和度未測定 "
                                                               "症状あり\n取り消すときは「取消」と"
                                                               "返信してください。"
                                                               "ご不明な点は03-0000-"
                                                               "0000へお電話ください。");
    assert_string_equal(rendered("report_stored", "en", json), "見本: recorded (temp, oxygen, "
                                                               "symptoms)\n1 花子 36.9C 97% no\n2 "
                                                               "38.15C --% yes\n"
                                                               "If wrong, send UNDO or call "
                                                               "03-0000-0000.");
}

static void test_an_urgent_answer_without_a_report_does_not_say_that_one_was_stored(void **state)
{
    (void)state;
    assert_string_equal(
        rendered("report_urgent", "en", "{\"centre\":\"見本\",\"centre_phone\":\"03-0000-0000\"}"),
        "見本: your message sounds serious.\nIf you feel unwell or find it hard to breathe, "
        "call 119 now. Otherwise call us now at 03-0000-0000.");
}

static void test_an_unknown_sender_is_answered_in_japanese_and_in_english(void **state)
{
    const char *text = rendered("unknown_sender", "ja", "{}");

    (void)state;
    assert_non_null(strstr(text, "保健所"));
    assert_non_null(strstr(text, "call the health centre"));
    assert_non_null(strstr(text, "call 119"));
}

/* ------------------------------------------------------------------ what a text says to send */

/* The words of a language that texts tell to send, and what each has to mean to the parser. */
enum { WORD_UNDO, WORD_CORRECT, WORD_STOP, WORD_START, WORD_HELP, WORDS };
static const enum reply_command word_commands[WORDS] = {
    [WORD_UNDO] = REPLY_UNDO,   [WORD_CORRECT] = REPLY_UNDO, [WORD_STOP] = REPLY_STOP,
    [WORD_START] = REPLY_START, [WORD_HELP] = REPLY_HELP,
};
static const struct {
    const char *language, *words[WORDS];
} told[] = {
    {"ja", {"取消", "訂正", "停止", "再開", "ヘルプ"}},
    {"en", {"UNDO", "UNDO", "STOP", "START", "HELP"}},
    {"zh-Hans", {"撤销", "撤销", "停止", "开始", "帮助"}},
    {"zh-Hant", {"撤銷", "撤銷", "停止", "開始", "幫助"}},
    {"ko", {"취소", "정정", "중지", "시작", "도움말"}},
    {"es", {"DESHACER", "CORREGIR", "PARAR", "INICIAR", "AYUDA"}},
    {"pt", {"DESFAZER", "CORRIGIR", "PARAR", "INICIAR", "AJUDA"}},
};

/* Which of them stand in which text. */
static const struct {
    const char *kind;
    unsigned words;
} teaches[] = {
    {"report_stored", 1U << WORD_UNDO | 1U << WORD_STOP},
    {"correct_how", 1U << WORD_UNDO | 1U << WORD_CORRECT},
    {"cancel_which", 1U << WORD_UNDO | 1U << WORD_STOP},
    {"help", 1U << WORD_UNDO | 1U << WORD_STOP},
    {"stopped", 1U << WORD_START},
    {"started", 1U << WORD_STOP},
    {"not_understood", 1U << WORD_HELP},
    {"language_changed", 1U << WORD_HELP},
};

/* The text with everything in it that can be. */
static char *whole_text(const char *kind, const char *language)
{
    char *text = mem_new(WORDING_SMS_MAX, 1);
    json_t *params = NULL;
    const char *why;
    size_t k;

    assert_true(wording_find_kind(kind, &k));
    for (unsigned bits = 1U << wording_count_bits(&wording_kinds[k]); params == NULL; bits--)
        params = wording_filled_params(&wording_kinds[k], wording_kinds[k].shapes,
                                       WORDING_FILL_SAMPLE, bits - 1);
    assert_true(wording_render_sms(wording, kind, language, params, text, &why));
    json_decref(params);
    return text;
}

static const struct reply *parsed(const char *message)
{
    static const struct reply_rules rules = {.spo2_required = true};
    static struct reply reply;

    reply_parse(message, strlen(message), &rules, &reply);
    return &reply;
}

static void test_every_word_that_a_text_says_to_send_is_understood(void **state)
{
    (void)state;
    for (size_t l = 0; l < MEM_COUNT(told); l++)
        for (int word = 0; word < WORDS; word++) {
            const struct reply *reply = parsed(told[l].words[word]);

            if (reply->outcome != REPLY_COMMAND || reply->command != word_commands[word])
                fail_msg("%s is not understood", told[l].words[word]);
        }
    for (size_t i = 0; i < MEM_COUNT(teaches) * MEM_COUNT(told); i++) {
        const char *kind = teaches[i / MEM_COUNT(told)].kind;
        size_t l = i % MEM_COUNT(told);
        char *text = whole_text(kind, told[l].language);

        for (int word = 0; word < WORDS; word++)
            if ((teaches[i / MEM_COUNT(told)].words & 1U << word) != 0 &&
                strstr(text, told[l].words[word]) == NULL)
                fail_msg("%s %s does not say %s: %s", kind, told[l].language, told[l].words[word],
                         text);
        free(text);
    }
}

/* Words in capitals are words to send, in the languages that have capitals. */
static void expect_known_capitals(const struct wording_kind *kind, const char *language,
                                  const json_t *params, const char *text)
{
    (void)params;
    for (const char *at = text; *at != '\0';) {
        size_t len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        char word[32];

        if (len < 4 || strncmp(at, "HTTP", 4) == 0) {
            at += len > 0 ? len : 1;
            continue;
        }
        snprintf(word, sizeof(word), "%.*s", (int)len, at);
        if (parsed(word)->outcome != REPLY_COMMAND)
            fail_msg("%s %s says %s, which is no command", kind->name, language, word);
        seen++;
        at += len;
    }
}

static void test_no_text_says_to_send_a_word_in_capitals_that_is_no_command(void **state)
{
    (void)state;
    seen = 0;
    each_text(WORDING_FILL_SAMPLE, expect_known_capitals);
    assert_true(seen > 0);
}

/* The help in a language names those of the others, by which a patient finds out of it. */
static void test_the_languages_that_the_help_names_are_understood(void **state)
{
    static const char *const letters[] = {"English", "简体中文",  "繁體中文", "한국어",
                                          "Español", "Português", "日本語"};
    static const char *const plain[] = {"English", "Japanese", "Chinese",  "Korean",
                                        "Espanol", "Spanish",  "Portugues"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(letters); i++) {
        assert_int_equal(parsed(letters[i])->command, REPLY_LANG);
        assert_int_equal(parsed(plain[i])->command, REPLY_LANG);
    }
    for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
        char *text = whole_text("help", wording_language(l));
        const char *const *names = wording_languages[l].gsm7 ? plain : letters;
        int named = 0;

        for (size_t i = 0; i < MEM_COUNT(letters); i++)
            named += strstr(text, names[i]) != NULL;
        if (named < (wording_languages[l].gsm7 ? 5 : 6))
            fail_msg("the help in %s names %d languages: %s", wording_language(l), named, text);
        free(text);
    }
}

/* The line that begins as an example does, without that beginning. */
static const char *example_in(const char *text)
{
    static const char *const heads[] = {"\n例 ", "\nEx: ", "\n例：", "\n예: ", "\nEj: "};

    for (size_t i = 0; i < MEM_COUNT(heads); i++) {
        const char *at = strstr(text, heads[i]);

        if (at != NULL)
            return at + strlen(heads[i]);
    }
    return NULL;
}

/* What stands as an example in a text is, sent back as it is, a report. */
static void expect_example(const struct wording_kind *kind, const char *language,
                           const json_t *params, const char *text)
{
    const char *found = example_in(text);
    const struct reply *reply;
    char *line;

    if (found == NULL)
        return;
    seen++;
    line = mem_printf("%.*s", (int)strcspn(found, "\n"), found);
    reply = parsed(line);
    if (strcmp(kind->name, "which_member") == 0 && !json_is_true(json_object_get(params, "agai"
                                                                                         "n"))) {
        assert_int_equal(reply->outcome, REPLY_INCOMPLETE);
        assert_string_equal(reply->reports[0].member, "1");
    } else if (reply->outcome != REPLY_REPORT || reply->count != 1 || reply->needs_review ||
               reply->reports[0].temperature_centi != 3690 || reply->reports[0].spo2 != 97 ||
               reply->reports[0].symptoms) {
        fail_msg("%s %s: the example is no report: %s", kind->name, language, line);
    }
    assert_int_equal(reply->replaces, strcmp(kind->name, "correct_how") == 0);
    free(line);
}

static void test_every_example_in_a_text_is_a_report_as_it_stands(void **state)
{
    (void)state;
    seen = 0;
    each_text(WORDING_FILL_SAMPLE, expect_example);
    assert_true(seen >= 9 * WORDING_LANGUAGES);
}

/* ------------------------------------------------------------------ parameters */

static void expect_refused(const char *kind, const char *language, const char *json,
                           const char *reason)
{
    char text[WORDING_SMS_MAX] = "x";
    json_t *params = json_loads(json, JSON_ALLOW_NUL, NULL);
    const char *why = NULL;

    assert_non_null(params);
    assert_false(wording_render_sms(wording, kind, language, params, text, &why));
    assert_string_equal(why, reason);
    assert_string_equal(text, "");
    json_decref(params);
}

static void test_an_unknown_kind_or_language_is_refused(void **state)
{
    (void)state;
    expect_refused("remindr", "ja", "{}", "unknown kind");
    expect_refused("reminder", "fr", "{}", "unknown language");
    expect_refused("reminder", "zh", "{}", "unknown language");
}

static void test_a_missing_or_empty_parameter_is_refused(void **state)
{
    (void)state;
    expect_refused("reminder", "ja", "{\"due\":\"08:30\"}", "parameter missing");
    expect_refused("reminder", "ja", "{\"centre\":null,\"due\":\"08:30\"}", "parameter missing");
    expect_refused("reminder", "ja", "{\"centre\":\"\",\"due\":\"08:30\"}", "parameter empty");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\"}", "parameter missing");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\",\"members\":[]}", "parameter empty");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\",\"members\":[{\"name\":\"花子\"}]}",
                   "parameter missing");
}

static void test_a_parameter_without_a_placeholder_is_ignored(void **state)
{
    char *plain = mem_strdup(rendered("reminder", "ja", "{\"centre\":\"見本\",\"due\":\"08:30\"}"));

    (void)state;
    assert_string_equal(
        rendered("reminder", "ja", "{\"centre\":\"見本\",\"due\":\"08:30\",\"more\":1}"), plain);
    free(plain);
}

static void test_every_example_is_read_as_the_report_that_it_shows(void **state)
{
    static struct reply reply;
    struct reply_rules rules = {.spo2_required = true};
    char example[WORDING_SMS_MAX];

    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++) {
        char *in_household;

        assert_true(wording_example(wording, wording_language(l), example));
        reply_parse(example, strlen(example), &rules, &reply);
        assert_int_equal(reply.outcome, REPLY_REPORT);
        assert_int_equal(reply.count, 1);
        assert_int_equal(reply.reports[0].temperature_centi, 3690);
        assert_int_equal(reply.reports[0].spo2, 97);
        assert_false(reply.reports[0].symptoms);
        assert_false(reply.needs_review);

        in_household = mem_printf("2 %s", example);
        reply_parse(in_household, strlen(in_household), &rules, &reply);
        assert_int_equal(reply.outcome, REPLY_REPORT);
        assert_string_equal(reply.reports[0].member, "2");
        free(in_household);
    }
}

static void expect_ours(const struct wording_kind *kind, const char *language, const json_t *params,
                        const char *text)
{
    char rest[WORDING_SMS_MAX];

    (void)params;
    seen++;
    if (wording_strip_ours(wording, text, strlen(text), rest) == strlen(text))
        fail_msg("%s %s not known as ours: %s", kind->name, language, text);
}

static void test_every_text_is_known_as_ours_when_it_comes_back(void **state)
{
    static const char patient[] = "36.9 97 なし\n";
    char rest[WORDING_SMS_MAX];

    (void)state;
    assert_int_equal(wording_strip_ours(wording, patient, sizeof(patient) - 1, rest),
                     sizeof(patient) - 1);
    seen = 0;
    each_text(WORDING_FILL_SAMPLE, expect_ours);
    assert_true(seen > 7 * WORDING_KINDS);
}

static void test_a_report_with_the_words_of_our_own_labels_is_the_patients(void **state)
{
    static const char *const reports[] = {
        "체온 36.9 산소포화도 97 증상 없음",
        "- 체온 36.9\n- 산소포화도 97\n- 증상(있음/없음) 없음",
        "- temperatura 36.9\n- SpO2 97\n- sintomas (si/no) no",
        "- temperatura 36.9\n- SpO2 97\n- sintomas (s/n) n",
        "体温36.9 血氧97 “症状（有/无）”无",
        "體溫36.9 血氧97 「症狀（有/無）」無",
        "体温36.9 酸素飽和度97 「症状（有/無）」なし",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(reports); i++) {
        size_t len = strlen(reports[i]);
        char rest[WORDING_SMS_MAX];

        if (wording_strip_ours(wording, reports[i], len, rest) != len)
            fail_msg("taken for a text of ours: %s", reports[i]);
    }
}

static void test_a_parameter_longer_than_declared_is_refused_and_not_cut(void **state)
{
    (void)state;
    assert_non_null(strstr(
        rendered("reminder", "ja", "{\"centre\":\"123456789012\",\"due\":\"08:30\"}"), "12345678901"
                                                                                       "2"));
    expect_refused("reminder", "ja", "{\"centre\":\"1234567890123\",\"due\":\"08:30\"}",
                   "parameter too long");
    /* An emoji is two units. */
    expect_refused("reminder", "ja", "{\"centre\":\"12345678901😷\",\"due\":\"08:30\"}",
                   "parameter too long");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\",\"members\":[{\"number\":10}]}",
                   "parameter too long");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\",\"members\":[{\"number\":-1}]}",
                   "parameter too long");
    expect_refused("which_member", "ja",
                   "{\"centre\":\"見本\",\"members\":[{\"number\":1},{\"number\":2},{\"number\":3},"
                   "{\"number\":4},"
                   "{\"number\":5},{\"number\":6},{\"number\":7},{\"number\":8},{\"number\":9},{"
                   "\"number\":1}]}",
                   "parameter with too many entries");
}

static void test_a_parameter_of_a_wrong_type_is_refused(void **state)
{
    (void)state;
    expect_refused("reminder", "ja", "[]", "parameter of a wrong type");
    expect_refused("reminder", "ja", "{\"centre\":true,\"due\":\"08:30\"}",
                   "parameter of a wrong type");
    expect_refused("reminder", "ja", "{\"centre\":36.9,\"due\":\"08:30\"}",
                   "parameter of a wrong type");
    expect_refused("ambiguous", "ja", "{\"centre\":\"見本\",\"conflict\":\"yes\"}",
                   "parameter of a wrong type");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\",\"members\":[1]}",
                   "parameter of a wrong type");
    expect_refused("which_member", "ja", "{\"centre\":\"見本\",\"members\":{}}",
                   "parameter of a wrong type");
}

static void test_a_parameter_cannot_bring_a_line_of_its_own(void **state)
{
    static const char word[] = "parameter with a control character";

    (void)state;
    expect_refused("reminder", "ja", "{\"centre\":\"a\\nb\",\"due\":\"08:30\"}", word);
    expect_refused("reminder", "ja", "{\"centre\":\"a\\u0000b\",\"due\":\"08:30\"}", word);
    expect_refused("reminder", "ja", "{\"centre\":\"a\\u2028b\",\"due\":\"08:30\"}", word);
}

static void test_contradictory_parameters_are_refused(void **state)
{
    static const char word[] = "parameters contradictory";

    (void)state;
    expect_refused("out_of_range", "ja", "{\"centre\":\"見本\",\"value\":\"79.9\"}", word);
    expect_refused("out_of_range", "ja",
                   "{\"centre\":\"見本\",\"value\":\"79.9\",\"temperature\":true,\"spo2\":true}",
                   word);
    expect_refused("incomplete", "ja", "{\"centre\":\"見本\"}", word);
    expect_refused("report_stored", "ja",
                   "{\"centre\":\"見本\",\"centre_phone\":\"0\",\"reports\":[{\"temperature\":\"36."
                   "9\"}]}",
                   word);
    expect_refused("report_stored", "ja",
                   "{\"centre\":\"見本\",\"centre_phone\":\"0\",\"reports\":[{\"temperature\":\"36."
                   "9\",\"yes\":true,"
                   "\"no\":true}]}",
                   word);
    expect_refused("reminder", "ja", "{\"centre\":\"見本\",\"due\":\"08:30\",\"family\":true}",
                   word);
    expect_refused("reminder", "ja",
                   "{\"centre\":\"見本\",\"due\":\"08:30\",\"family\":false,\"members\":[{"
                   "\"number\":1}]}",
                   word);
}

static void test_the_parameters_of_the_caller_stay_as_they_are(void **state)
{
    json_t *params =
        json_pack("{s:s,s:s,s:[{s:i}]}", "centre", "見本", "due", "08:30", "members", "number", 1);
    json_t *before = json_deep_copy(params);
    char text[WORDING_SMS_MAX];
    const char *why;

    (void)state;
    assert_true(wording_render_sms(wording, "reminder", "ja", params, text, &why));
    assert_true(json_equal(params, before));
    json_decref(params);
    json_decref(before);
}

/* A name that is absent in an entry is looked up outside of its list: there must be no such name.
 */
static void test_no_placeholder_of_a_list_has_the_name_of_an_outer_one(void **state)
{
    (void)state;
    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (const struct wording_field *list = wording_kinds[k].fields; list->name != NULL; list++)
            for (const struct wording_field *f = list->fields; f != NULL && f->name != NULL; f++)
                assert_null(wording_find_field(wording_kinds[k].fields, f->name));
}

static void test_the_samples_show_every_kind_in_every_language(void **state)
{
    char *samples = NULL, head[128];
    size_t len = 0;
    FILE *out = open_memstream(&samples, &len);

    (void)state;
    assert_non_null(out);
    wording_print_samples(wording, out);
    assert_int_equal(fclose(out), 0);
    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (size_t l = 0; wording_language(l) != NULL; l++)
            for (const struct wording_shape *shape = wording_kinds[k].shapes; shape->name != NULL;
                 shape++) {
                snprintf(head, sizeof(head), "%s %s (%s): %s", wording_kinds[k].name,
                         wording_language(l), shape->name,
                         wording_kinds[k].has[WORDING_MAIL] ? "e-mail\n    Subject: " : "");
                assert_non_null(strstr(samples, head));
            }
    assert_non_null(strstr(samples, "unknown_sender en (one message): 1 segment, 151 septets of "
                                    "GSM 7-bit\n"));
    free(samples);
}

/* With the word "samples" it prints the shipped texts for the proofreader instead. */
int main(int argc, char **argv)
{
    const struct CMUnitTest spoiled[] = {
        cmocka_unit_test_setup_teardown(test_the_shipped_texts_have_no_fault, copy_make,
                                        copy_remove),
        cmocka_unit_test_setup_teardown(test_a_missing_text_is_named, copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_all_faults_are_reported_and_not_only_the_first,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_an_unknown_placeholder_is_named_with_what_there_is,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_a_placeholder_of_a_list_is_unknown_outside_of_it,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_the_point_and_dotted_names_are_no_placeholders,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(
            test_a_required_placeholder_that_a_language_leaves_out_is_named, copy_make,
            copy_remove),
        cmocka_unit_test_setup_teardown(
            test_a_required_placeholder_of_a_list_is_named_with_its_list, copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_a_flag_or_a_list_is_not_printed, copy_make,
                                        copy_remove),
        cmocka_unit_test_setup_teardown(
            test_a_text_that_can_take_too_many_segments_is_named_with_its_length, copy_make,
            copy_remove),
        cmocka_unit_test_setup_teardown(test_the_length_counts_in_every_branch_of_a_section,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_a_list_counts_with_its_greatest_number_of_entries,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(
            test_a_letter_beyond_gsm_7_bit_is_named_where_segments_depend_on_it, copy_make,
            copy_remove),
        cmocka_unit_test_setup_teardown(test_a_letter_beyond_gsm_7_bit_is_found_in_a_partial,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_a_text_that_does_not_compile_is_named_with_its_line,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_no_clean_text_is_named, copy_make,
                                        copy_remove),
        cmocka_unit_test_setup_teardown(test_a_partial_that_does_not_exist_is_named, copy_make,
                                        copy_remove),
        cmocka_unit_test_setup_teardown(test_a_partial_is_checked_with_the_kind_that_uses_it,
                                        copy_make, copy_remove),
        cmocka_unit_test_setup_teardown(
            test_a_partial_cannot_lead_out_of_the_directory_or_into_itself, copy_make, copy_remove),
    };
    const struct CMUnitTest shipped[] = {
        cmocka_unit_test(test_every_text_renders_without_stray_blanks_or_exclamation_marks),
        cmocka_unit_test(test_every_text_says_who_sends_it_and_whom_to_call),
        cmocka_unit_test(test_a_text_for_somebody_in_danger_names_119),
        cmocka_unit_test(test_no_text_takes_more_segments_than_are_paid_for),
        cmocka_unit_test(test_a_single_reminder_and_nudge_is_one_segment_in_every_language),
        cmocka_unit_test(test_the_usual_echo_is_two_segments_in_every_language),
        cmocka_unit_test(test_the_code_stands_within_what_a_phone_shows_at_once),
        cmocka_unit_test(test_reminders_carry_an_example_that_can_be_sent_back),
        cmocka_unit_test(test_the_example_for_a_member_carries_its_number),
        cmocka_unit_test(test_of_several_reports_not_only_what_is_missing_is_asked_for),
        cmocka_unit_test(test_the_echo_shows_what_was_stored),
        cmocka_unit_test(test_an_urgent_answer_without_a_report_does_not_say_that_one_was_stored),
        cmocka_unit_test(test_an_unknown_sender_is_answered_in_japanese_and_in_english),
        cmocka_unit_test(test_every_word_that_a_text_says_to_send_is_understood),
        cmocka_unit_test(test_no_text_says_to_send_a_word_in_capitals_that_is_no_command),
        cmocka_unit_test(test_the_languages_that_the_help_names_are_understood),
        cmocka_unit_test(test_every_example_in_a_text_is_a_report_as_it_stands),
        cmocka_unit_test(test_an_unknown_kind_or_language_is_refused),
        cmocka_unit_test(test_a_missing_or_empty_parameter_is_refused),
        cmocka_unit_test(test_a_parameter_without_a_placeholder_is_ignored),
        cmocka_unit_test(test_every_example_is_read_as_the_report_that_it_shows),
        cmocka_unit_test(test_every_text_is_known_as_ours_when_it_comes_back),
        cmocka_unit_test(test_a_report_with_the_words_of_our_own_labels_is_the_patients),
        cmocka_unit_test(test_a_parameter_longer_than_declared_is_refused_and_not_cut),
        cmocka_unit_test(test_a_parameter_of_a_wrong_type_is_refused),
        cmocka_unit_test(test_a_parameter_cannot_bring_a_line_of_its_own),
        cmocka_unit_test(test_contradictory_parameters_are_refused),
        cmocka_unit_test(test_the_parameters_of_the_caller_stay_as_they_are),
        cmocka_unit_test(test_no_placeholder_of_a_list_has_the_name_of_an_outer_one),
        cmocka_unit_test(test_the_samples_show_every_kind_in_every_language),
    };
    int failed;

    if (argc > 1 && strcmp(argv[1], "samples") == 0) {
        if (load_shipped(NULL) != 0)
            return 1;
        wording_print_samples(wording, stdout);
        return free_shipped(NULL);
    }
    failed = cmocka_run_group_tests(spoiled, NULL, NULL);

    return failed + cmocka_run_group_tests(shipped, load_shipped, free_shipped);
}
