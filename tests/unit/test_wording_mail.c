/*
 * test_wording_mail.c - the e-mails: what each says in every language, that no value can change
 * what it is, and that each fault in their files is found at loading. What the HTML part is made of
 * is for tests/wording/test_mail_html.py.
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
#include "flow/wording.h"
#include "flow/wording_kinds.h"
#include "wording_copy.h"

/* ------------------------------------------------------------------ faults */

static void test_a_missing_mail_is_named(void **state)
{
    (void)state;
    copy_remove_file("confirmation_code/ko.mail");
    copy_expect_one_fault("confirmation_code/ko.mail", ": No such file or directory; every text "
                                                       "exists in every language");
}

static void test_a_missing_layout_is_named(void **state)
{
    (void)state;
    copy_remove_file("mail.html");
    copy_expect_one_fault("mail.html", ": No such file or directory; the e-mails need it");
}

static void test_a_missing_partial_of_the_mails_is_named(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_remove_file("partials/signature/es.mail");
    faults = copy_load();
    copy_expect_fault(&faults, "partials/signature/es.mail", ": No such file or directory");
}

static void test_a_partial_of_the_sms_is_none_of_the_mails(void **state)
{
    struct copy_faults faults;

    (void)state;
    copy_append("registration_link/ja.mail", "{{> example}}");
    faults = copy_load();
    copy_expect_fault(&faults, "partials/example/ja.mail", ": No such file or directory");
}

static const char code_body[] = "{{code}} {{minutes}} {{centre_phone}}";

static void test_a_mail_without_a_subject_is_named(void **state)
{
    static const char *const texts[] = {
        "{{centre}}\n\n{{code}}", "Subject:\n\n{{code}}",     "Subject: \n\n{{code}}",
        "subject: x\n\n{{code}}", "\nSubject: x\n\n{{code}}", "Subject",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(texts); i++) {
        copy_write("confirmation_code/en.mail", texts[i]);
        copy_expect_one_fault("confirmation_code/en.mail", ":1: no subject; the first line is "
                                                           "\"Subject: \"");
    }
}

static void test_the_subject_is_parted_from_the_text_by_an_empty_line(void **state)
{
    (void)state;
    copy_write("confirmation_code/en.mail", "Subject: {{centre}}\n{{code}}");
    copy_expect_one_fault("confirmation_code/en.mail", ":2: not empty; an empty line stands "
                                                       "between the subject and the text");
    copy_write("confirmation_code/en.mail", "Subject: {{centre}}");
    copy_expect_one_fault("confirmation_code/en.mail", ": no text below the subject");
    copy_write("confirmation_code/en.mail", "Subject: {{centre}}\n\n");
    copy_expect_one_fault("confirmation_code/en.mail", ": no text below the subject");
}

/* Whatever the sections make of the file: the subject is one line, an empty one follows. */
static void test_a_subject_that_some_values_take_away_is_named(void **state)
{
    static const char *const heads[] = {
        "Subject: {{^code}}{{centre}}{{/code}}\n\n",
        "Subject: {{^code}}{{centre}}\n\n{{/code}}",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(heads); i++) {
        copy_write("confirmation_code/en.mail", heads[i]);
        copy_append("confirmation_code/en.mail", code_body);
        copy_expect_one_fault("confirmation_code/en.mail", ": for some values: mail without a "
                                                           "subject or a text");
    }
}

static void test_an_unknown_placeholder_of_a_mail_is_named(void **state)
{
    (void)state;
    copy_append("confirmation_code/en.mail", "{{url}}");
    copy_expect_one_fault("confirmation_code/en.mail", ": placeholder 'url' is supplied by "
                                                       "nothing; 'confirmation_code' is "
                                                       "given: centre, centre_phone, code, "
                                                       "minutes");
}

static void test_a_mail_uses_every_placeholder_even_what_an_sms_may_do_without(void **state)
{
    (void)state;
    copy_write("confirmation_code/en.mail", "Subject: {{centre}}\n\n{{code}} {{minutes}}");
    copy_expect_one_fault("confirmation_code/en.mail", ": placeholder 'centre_phone' is not used; "
                                                       "every language tells the "
                                                       "same");
}

static void test_the_subject_is_one_line_of_78_letters_at_the_most(void **state)
{
    char subject[256] = "Subject: {{centre}}";

    (void)state;
    for (int i = 0; i < 66; i++)
        strcat(subject, "é"); /* letters, not bytes; the centre takes 12 */
    copy_write("confirmation_code/es.mail", strcat(subject, "\n\n"));
    copy_append("confirmation_code/es.mail", code_body);
    assert_int_equal(copy_load().count, 0);
    *strrchr(subject, '\n') = '\0';
    *strrchr(subject, '\n') = '\0';
    copy_write("confirmation_code/es.mail", strcat(subject, "x\n\n"));
    copy_append("confirmation_code/es.mail", code_body);
    copy_expect_one_fault("confirmation_code/es.mail", ": the subject takes up to 79 letters with "
                                                       "every placeholder at its "
                                                       "greatest length, where 78 are the most");
}

static void test_no_line_is_longer_than_a_mail_server_takes(void **state)
{
    char *line = mem_new(1000, 1), *text;

    (void)state;
    memset(line, 'a', 900);
    text = mem_printf("Subject: {{centre}}\n\n%s\n%s\n", line, code_body);
    copy_write("confirmation_code/en.mail", text);
    assert_int_equal(copy_load().count, 0);
    free(text);

    line[900] = 'a';
    text = mem_printf("Subject: {{centre}}\n\n%s\n%s\n", line, code_body);
    copy_write("confirmation_code/en.mail", text);
    copy_expect_one_fault("confirmation_code/en.mail", ":3: a line of 901 bytes, where 900 are");
    free(text);

    /* {{centre}} becomes 36 bytes. */
    line[865] = '\0';
    text = mem_printf("Subject: {{centre}}\n\n%s{{centre}}\n%s\n", line, code_body);
    copy_write("confirmation_code/en.mail", text);
    copy_expect_one_fault("confirmation_code/en.mail", ": a line takes up to 901 bytes");
    free(text);
    free(line);
}

static void test_the_layout_escapes_every_value_and_includes_nothing(void **state)
{
    static const struct {
        const char *tag, *what;
    } cases[] = {
        {"{{{subject}}}", ":2: '{{{' cannot stand in the layout"},
        {"{{&subject}}", ":2: '{{&' cannot stand in the layout"},
        {"{{ & subject }}", ":2: '{{&' cannot stand in the layout"},
        {"{{=<% %>=}}", ":2: '{{=' cannot stand in the layout"},
        {"{{> example}}", ":2: '{{>' cannot stand in the layout"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        copy_write("mail.html", "<p>\n");
        copy_append("mail.html", cases[i].tag);
        copy_expect_one_fault("mail.html", cases[i].what);
    }
}

static void test_the_layout_uses_what_it_is_given(void **state)
{
    (void)state;
    copy_append("mail.html", "{{centre}}");
    copy_expect_one_fault("mail.html", ": placeholder 'centre' is supplied by nothing; 'mail.html' "
                                       "is given: language, subject, keep_words, lines");
    copy_write("mail.html", "{{language}}{{subject}}{{#lines}}{{link}}{{#parts}}{{text}}{{phone}}{{"
                            "tel}}"
                            "{{/parts}}{{#first}}{{/first}}{{#more}}{{/more}}{{#last}}{{/last}}{{/"
                            "lines}}");
    copy_expect_one_fault("mail.html", ": placeholder 'lines.code' is not used");
}

/* ------------------------------------------------------------------ the shipped e-mails */

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

static const char code_json[] = "{\"centre\":\"見本区保健所\",\"centre_phone\":\"03-0000-0000\","
                                "\"code\":\"012345\","
                                "\"minutes\":\"30\"}";
static const char link_json[] = "{\"centre\":\"見本区保健所\",\"centre_phone\":\"03-0000-0000\","
                                "\"input_id\":\"00000000\","
                                "\"url\":\"https://my.example.jp/r/1-ABC\"}";

/* Valid until the next one. */
static const struct wording_mail *made(const char *kind, const char *language, const char *json)
{
    static struct wording_mail mail;
    json_t *params = json_loads(json, 0, NULL);
    const char *why;

    assert_non_null(params);
    wording_mail_free(&mail);
    if (!wording_render_mail(wording, kind, language, params, &mail, &why))
        fail_msg("%s %s: %s", kind, language, why);
    json_decref(params);
    return &mail;
}

static void expect_line(const struct wording_mail *mail, const char *line)
{
    char *in_text = mem_printf("\n\n%s\n\n", line);

    if (strstr(mail->text, in_text) == NULL)
        fail_msg("[%s] is no paragraph of its own: %s", line, mail->text);
    free(in_text);
}

static void test_a_code_stands_alone_in_its_mail_and_not_in_the_subject(void **state)
{
    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++) {
        const struct wording_mail *mail = made("confirmation_code", wording_language(l), code_json);

        expect_line(mail, "012345");
        assert_null(strstr(mail->subject, "012345"));
        assert_non_null(strstr(mail->text, "30"));
    }
}

static void test_a_link_stands_alone_in_its_mail_and_says_how_long_it_is_valid(void **state)
{
    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++) {
        const struct wording_mail *mail = made("registration_link", wording_language(l), link_json);

        expect_line(mail, "https://my.example.jp/r/1-ABC");
        assert_non_null(strstr(mail->text, "72"));
        assert_non_null(strstr(mail->text, "00000000\n"));
    }
}

/* Who gets it cannot answer it: the number and the time stand in what it asks for. */
static void test_a_reminder_by_mail_asks_to_call_by_the_time_that_it_is_due(void **state)
{
    static const char *const kinds[] = {"reminder", "nudge"};

    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++)
        for (size_t k = 0; k < MEM_COUNT(kinds); k++) {
            const struct wording_mail *mail =
                made(kinds[k], wording_language(l),
                     "{\"centre\":\"見本区保健所\",\"centre_phone\":\"03-0000-0000\","
                     "\"due\":\"08:30\",\"members\":[{\"number\":1,\"name\":\"花子\"},"
                     "{\"number\":2}]}");
            const char *call = strstr(mail->text, "03-0000-0000");

            assert_true(strchr(call, '\n') != call + strlen("03-0000-0000"));
            assert_non_null(strstr(mail->text, "08:30"));
            assert_non_null(strstr(mail->text, "1 花子\n"));
            assert_non_null(strstr(mail->text, "119"));
            assert_non_null(strstr(mail->html, "<a href=\"tel:0300000000\""));
        }
}

static void test_a_mail_to_staff_shows_where_to_look(void **state)
{
    static const char json[] =
        "{\"centre\":\"見本区保健所\",\"alert\":\"1024\",\"patient\":\"2048\",\"count\":2,"
        "\"alerts\":[{\"alert\":\"1024\",\"patient\":\"2048\"},{\"alert\":\"1025\"}],"
        "\"more\":7,\"day\":\"2026-02-01\",\"console\":\"https://console.example.jp/a\"}";
    static const char *const kinds[] = {"alert_urgent", "alert_digest", "call_list"};

    (void)state;
    for (size_t l = 0; wording_language(l) != NULL; l++)
        for (size_t k = 0; k < MEM_COUNT(kinds); k++) {
            const struct wording_mail *mail = made(kinds[k], wording_language(l), json);

            expect_line(mail, "https://console.example.jp/a");
            assert_non_null(strstr(mail->html, "<a href=\"https://console.example.jp/a\""));
            if (k < 2) {
                assert_non_null(strstr(mail->text, "1024"));
                assert_non_null(strstr(mail->text, "2048"));
            }
        }
}

static void test_every_kind_has_texts_for_something(void **state)
{
    (void)state;
    for (size_t k = 0; k < WORDING_KINDS; k++) {
        assert_true(wording_kinds[k].has[WORDING_SMS] || wording_kinds[k].has[WORDING_MAIL]);
        assert_non_null(wording_kinds[k].shapes[0].name);
    }
}

typedef void mail_cb(const char *kind, const char *language, const struct wording_mail *mail);

static int seen;

static void each_mail(mail_cb *cb)
{
    seen = 0;
    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (size_t l = 0; wording_kinds[k].has[WORDING_MAIL] && l < WORDING_LANGUAGES; l++)
            for (unsigned bits = 0; bits < 1U << wording_count_bits(&wording_kinds[k]); bits++) {
                struct wording_mail mail;
                const char *why;
                json_t *params = wording_filled_params(&wording_kinds[k], wording_kinds[k].shapes,
                                                       WORDING_FILL_SAMPLE, bits);

                if (params == NULL)
                    continue;
                if (!wording_render_mail(wording, wording_kinds[k].name, wording_language(l),
                                         params, &mail, &why))
                    fail_msg("%s %s: %s", wording_kinds[k].name, wording_language(l), why);
                cb(wording_kinds[k].name, wording_language(l), &mail);
                seen++;
                json_decref(params);
                wording_mail_free(&mail);
            }
    assert_true(seen >= 2 * WORDING_LANGUAGES);
}

/* They know whom to call; no mail for them holds more than numbers of ours. */
static bool is_for_staff(const char *kind)
{
    return strcmp(kind, "alert_urgent") == 0 || strcmp(kind, "alert_digest") == 0 ||
           strcmp(kind, "call_list") == 0;
}

static void expect_sender(const char *kind, const char *language, const struct wording_mail *mail)
{
    if (strstr(mail->subject, "見本区保健所") == NULL ||
        strstr(mail->text, "\n\n見本区保健所\n") == NULL)
        fail_msg("%s %s does not say who sends it", kind, language);
    if (!is_for_staff(kind) && strstr(mail->text, "03-0000-0000\n") == NULL)
        fail_msg("%s %s does not say whom to call", kind, language);
    if (strstr(mail->subject, "My HER-SYS") == NULL)
        fail_msg("%s %s does not say in its subject what it is about", kind, language);
}

static void test_every_mail_says_who_sends_it_what_for_and_whom_to_call(void **state)
{
    (void)state;
    each_mail(expect_sender);
}

static void expect_clean(const char *kind, const char *language, const struct wording_mail *mail)
{
    static const char *const stray[] = {"\n\n\n", "  ", " \n", "\n ", "{", "!", "！", "\t", "\r"};
    size_t len = strlen(mail->text);

    assert_null(strchr(mail->subject, '\n'));
    for (size_t i = 0; i < MEM_COUNT(stray); i++)
        if (strstr(mail->text, stray[i]) != NULL || strstr(mail->subject, stray[i]) != NULL)
            fail_msg("%s %s has [%s]: %s\n%s", kind, language, stray[i], mail->subject, mail->text);
    if (mail->text[0] == '\n' || mail->text[len - 1] != '\n' || mail->text[len - 2] == '\n')
        fail_msg("%s %s: [%s]", kind, language, mail->text);
}

static void test_every_mail_is_free_of_stray_blanks_and_exclamation_marks(void **state)
{
    (void)state;
    each_mail(expect_clean);
}

static void test_the_two_bodies_come_from_the_same_words(void **state)
{
    const struct wording_mail *mail = made("confirmation_code", "en", code_json);

    (void)state;
    assert_string_equal(mail->subject, "見本区保健所: code to confirm your e-mail address (My "
                                       "HER-SYS)");
    assert_non_null(strstr(mail->text, "\n\nPlease enter this code on the page that asks for it. "
                                       "It is valid for 30 minutes.\n\n"));
    assert_non_null(strstr(mail->html, "Please enter this code on the page that asks for it. It is "
                                       "valid for 30 minutes.</p>"));
    assert_non_null(strstr(mail->html, "<html lang=\"en\">"));
    assert_non_null(strstr(mail->html, ">012345</p>"));
    assert_non_null(strstr(mail->html, "<a href=\"tel:0300000000\""));
}

/* ------------------------------------------------------------------ values */

static void test_a_value_cannot_bring_markup_or_a_placeholder(void **state)
{
    const struct wording_mail *mail;

    (void)state;
    mail = made("confirmation_code", "ja",
                "{\"centre\":\"<b>&\\\"'\",\"centre_phone\":\"03\",\"code\":\"012345\","
                "\"minutes\":30}");
    assert_non_null(strstr(mail->subject, "【<b>&\"'】"));
    assert_non_null(strstr(mail->text, "\n\n<b>&\"'\n"));
    assert_null(strstr(mail->html, "<b>"));
    assert_non_null(strstr(mail->html, "【&lt;b&gt;&amp;&quot;&#39;】"));
    assert_non_null(strstr(mail->html, ">&lt;b&gt;&amp;&quot;&#39;<br>"));

    mail = made("confirmation_code", "ja",
                "{\"centre\":\"{{code}}\",\"centre_phone\":\"{{{code}}}\",\"code\":\"012345\","
                "\"minutes\":30}");
    assert_non_null(strstr(mail->subject, "【{{code}}】"));
    assert_non_null(strstr(mail->text, ": {{{code}}}\n"));
    assert_non_null(strstr(mail->html, ": {{{code}}}</p>"));
}

static void test_only_a_web_address_can_be_opened_and_only_a_number_called(void **state)
{
    const struct wording_mail *mail =
        made("registration_link", "ja",
             "{\"centre\":\"https://a.b\",\"centre_phone\":\"内線 12;x=\\\"\","
             "\"input_id\":\"00000000\",\"url\":\"javascript:alert(1)\"}");

    (void)state;
    assert_null(strstr(mail->html, "<a "));
    assert_non_null(strstr(mail->html, ">javascript:alert(1)</p>"));
    assert_non_null(strstr(mail->html, "内線 12;x=&quot;</p>"));
    mail = made("registration_link", "ja",
                "{\"centre\":\"見本\",\"centre_phone\":\"+81 (3) 0000-00\","
                "\"input_id\":\"00000000\",\"url\":\"https://my.example.jp/?a=1&b=\\\"\"}");
    assert_non_null(strstr(mail->html, "<a href=\"tel:+813000000\""));
    assert_non_null(strstr(mail->html, "<a href=\"https://my.example.jp/?a=1&amp;b=&quot;\""));
}

static void expect_refused(const char *kind, const char *language, const char *json,
                           const char *reason)
{
    struct wording_mail mail;
    json_t *params = json_loads(json, JSON_ALLOW_NUL, NULL);
    const char *why = NULL;

    assert_non_null(params);
    assert_false(wording_render_mail(wording, kind, language, params, &mail, &why));
    assert_string_equal(why, reason);
    assert_null(mail.subject);
    assert_null(mail.text);
    assert_null(mail.html);
    wording_mail_free(&mail);
    json_decref(params);
}

static void test_a_value_cannot_bring_a_header_or_a_paragraph(void **state)
{
    static const char *const breaks[] = {"\\r\\nBcc: x", "\\n",     "\\r", "\\u0000",
                                         "\\u0085",      "\\u2028", "\\t"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(breaks); i++) {
        char *json = mem_printf("{\"centre\":\"a%s\",\"centre_phone\":\"03\",\"code\":\"012345\","
                                "\"minutes\":30}",
                                breaks[i]);

        expect_refused("confirmation_code", "ja", json, "parameter with a control character");
        free(json);
    }
}

static void test_what_cannot_be_a_mail_is_refused(void **state)
{
    (void)state;
    expect_refused("report_stored", "ja", "{\"centre\":\"見本\"}", "no mail of this kind");
    /* It asks to call: by SMS a reminder does without. */
    expect_refused("reminder", "ja", "{\"centre\":\"見本\",\"due\":\"08:30\"}",
                   "parameter missing");
    expect_refused("remindr", "ja", code_json, "unknown kind");
    expect_refused("confirmation_code", "fr", code_json, "unknown language");
    expect_refused("confirmation_code", "ja",
                   "{\"centre\":\"見本\",\"centre_phone\":\"03\",\"minutes\":30}",
                   "parameter missing");
    expect_refused("confirmation_code", "ja",
                   "{\"centre\":\"見本\",\"centre_phone\":\"03\",\"code\":\"012345678\","
                   "\"minutes\":30}",
                   "parameter too long");
}

int main(void)
{
#define SPOILED(test) cmocka_unit_test_setup_teardown(test, copy_make, copy_remove)
    const struct CMUnitTest spoiled[] = {
        SPOILED(test_a_missing_mail_is_named),
        SPOILED(test_a_missing_layout_is_named),
        SPOILED(test_a_missing_partial_of_the_mails_is_named),
        SPOILED(test_a_partial_of_the_sms_is_none_of_the_mails),
        SPOILED(test_a_mail_without_a_subject_is_named),
        SPOILED(test_the_subject_is_parted_from_the_text_by_an_empty_line),
        SPOILED(test_a_subject_that_some_values_take_away_is_named),
        SPOILED(test_an_unknown_placeholder_of_a_mail_is_named),
        SPOILED(test_a_mail_uses_every_placeholder_even_what_an_sms_may_do_without),
        SPOILED(test_the_subject_is_one_line_of_78_letters_at_the_most),
        SPOILED(test_no_line_is_longer_than_a_mail_server_takes),
        SPOILED(test_the_layout_escapes_every_value_and_includes_nothing),
        SPOILED(test_the_layout_uses_what_it_is_given),
    };
    const struct CMUnitTest shipped[] = {
        cmocka_unit_test(test_a_code_stands_alone_in_its_mail_and_not_in_the_subject),
        cmocka_unit_test(test_a_link_stands_alone_in_its_mail_and_says_how_long_it_is_valid),
        cmocka_unit_test(test_a_reminder_by_mail_asks_to_call_by_the_time_that_it_is_due),
        cmocka_unit_test(test_a_mail_to_staff_shows_where_to_look),
        cmocka_unit_test(test_every_kind_has_texts_for_something),
        cmocka_unit_test(test_every_mail_says_who_sends_it_what_for_and_whom_to_call),
        cmocka_unit_test(test_every_mail_is_free_of_stray_blanks_and_exclamation_marks),
        cmocka_unit_test(test_the_two_bodies_come_from_the_same_words),
        cmocka_unit_test(test_a_value_cannot_bring_markup_or_a_placeholder),
        cmocka_unit_test(test_only_a_web_address_can_be_opened_and_only_a_number_called),
        cmocka_unit_test(test_a_value_cannot_bring_a_header_or_a_paragraph),
        cmocka_unit_test(test_what_cannot_be_a_mail_is_refused),
    };
    int failed = cmocka_run_group_tests(spoiled, NULL, NULL);

    return failed + cmocka_run_group_tests(shipped, load_shipped, free_shipped);
}
