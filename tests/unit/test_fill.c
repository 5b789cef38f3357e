/* test_fill.c - values in the patterns of a request: each escape, and that nothing breaks out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fill.h"
#include "base/form.h"
#include "base/mem.h"

/* What somebody would write who wants to be somewhere else. */
static const char *const hostile[] = {
    "plain",
    "",
    "\"}, {\"to\": \"+817000000009",
    "\\\", \"x\": \"",
    "\\",
    "a\nb\r\nX-Evil: 1",
    "tab\tbell\aescape\033del\177",
    "{{secret}}",
    "{{recipient}} }} {{",
    "a&to=%2B817000000009&b=c",
    "100 % + ; , # ? / = \"'",
    "体温 36.9 😷",
    "\xe2\x80\xa8line separator",
};

static struct fill_values values_with(const char *text)
{
    return (struct fill_values){
        .recipient = "+817000000001",
        .text = text,
        .reference = "42",
        .sender = "+817000000000",
        .callback = "https://gateway.example.jp/webhooks/x/receipt",
        .user = "sample",
        .secret = "a+b/c==",
    };
}

static char *filled(const char *pattern, enum fill_kind kind, const char *text)
{
    struct fill_values values = values_with(text);
    char *out = fill(pattern, kind, &values);

    assert_null(fill_fault(pattern, kind));
    assert_non_null(out);
    return out;
}

static void test_no_text_breaks_out_of_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(hostile); i++) {
        char *out = filled("{\"to\": [\"{{recipient}}\"], \"m\": {\"text\": \"<{{text}}>\", \"n\": "
                           "1}}",
                           FILL_JSON, hostile[i]);
        json_t *json = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
        char *wanted = mem_printf("<%s>", hostile[i]);
        const json_t *message = json_object_get(json, "m");

        assert_int_equal(json_object_size(json), 2);
        assert_int_equal(json_object_size(message), 2);
        assert_string_equal(json_string_value(json_object_get(message, "text")), wanted);
        assert_string_equal(json_string_value(json_array_get(json_object_get(json, "to"), 0)),
                            "+817000000001");
        for (const char *at = out; *at != '\0'; at++)
            assert_true((unsigned char)*at >= ' ');
        free(wanted);
        json_decref(json);
        free(out);
    }
}

static void test_no_text_breaks_out_of_a_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(hostile); i++) {
        char *out = filled("a=1&text={{text}}&to={{recipient}}", FILL_FORM, hostile[i]);
        struct form *form = form_parse(out, strlen(out), 16);

        assert_non_null(form);
        assert_int_equal(form_count(form), 3);
        assert_string_equal(form_get_text(form, "text"), hostile[i]);
        assert_string_equal(form_get_text(form, "to"), "+817000000001");
        form_free(form);
        free(out);
    }
}

static void test_no_text_breaks_out_of_a_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(hostile); i++) {
        char *out = filled("https://sms.example.jp/send?text={{text}}&to={{recipient}}", FILL_URL,
                           hostile[i]);
        const char *query = strchr(out, '?') + 1;
        struct form *form = form_parse(query, strlen(query), 16);

        assert_non_null(form);
        assert_int_equal(form_count(form), 2);
        assert_string_equal(form_get_text(form, "text"), hostile[i]);
        assert_int_equal(strspn(out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678"
                                     "9"
                                     "-._:/?&=%"),
                         strlen(out));
        form_free(form);
        free(out);
    }
}

static void test_no_text_breaks_out_of_a_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(hostile); i++) {
        char *out = filled("\"{{text}}\"", FILL_HEADER, hostile[i]);

        for (const char *at = out + 1; at[1] != '\0'; at++)
            assert_true(*at > ' ' && *at <= '~' && *at != '"' && *at != '\\' && *at != ',' &&
                        *at != ';');
        free(out);
    }
}

static void test_each_kind_writes_a_number_an_address_and_a_secret_as_it_needs_them(void **state)
{
    static const struct {
        enum fill_kind kind;
        const char *pattern, *wanted;
    } cases[] = {
        {FILL_JSON, "{\"a\":\"{{recipient}} {{callback}} {{secret}}\"}",
         "{\"a\":\"+817000000001 https://gateway.example.jp/webhooks/x/receipt a+b/c==\"}"},
        {FILL_FORM, "a={{recipient}}&b={{secret}}&c={{user}}",
         "a=%2B817000000001&b=a%2Bb%2Fc%3D%3D&c=sample"},
        {FILL_HEADER, "{{recipient}} {{callback}} {{secret}}",
         "+817000000001 https://gateway.example.jp/webhooks/x/receipt a+b/c=="},
        {FILL_URL, "https://a.example/?x={{reference}}&y={{sender}}",
         "https://a.example/?x=42&y=%2B817000000000"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *out = filled(cases[i].pattern, cases[i].kind, "");

        assert_string_equal(out, cases[i].wanted);
        free(out);
    }
}

static void test_a_pattern_in_which_a_value_could_not_be_escaped_is_refused(void **state)
{
    static const struct {
        enum fill_kind kind;
        const char *pattern;
    } cases[] = {
        {FILL_JSON, "{\"to\": {{recipient}}}"},
        {FILL_JSON, "{\"{{text}}\": 1}"},
        {FILL_JSON, "{\"a\": 1, \"a\": 2}"},
        {FILL_JSON, "{\"a\": \"{{text}\"}}"},
        {FILL_JSON, "{\"a\": \"{{password}}\"}"},
        {FILL_JSON, ""},
        {FILL_FORM, "a={{texts}}"},
        {FILL_FORM, "a=b c"},
        {FILL_FORM, "a=\xe4"},
        {FILL_URL, "https://a.example/{{recipient}}?x=1"},
        {FILL_URL, "https://{{recipient}}.example/"},
        {FILL_URL, "https://a.example/?x={{text}}#y"},
        {FILL_HEADER, "a\r\nb"},
        {FILL_HEADER, "{{ text }}"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++)
        if (fill_fault(cases[i].pattern, cases[i].kind) == NULL)
            fail_msg("taken: %s", cases[i].pattern);
}

static void test_a_text_that_is_no_utf8_is_not_filled_in(void **state)
{
    struct fill_values values = values_with("36.9 \xff");

    (void)state;
    assert_null(fill("{\"a\": \"{{text}}\"}", FILL_JSON, &values));
    assert_null(fill("a={{text}}", FILL_FORM, &values));
}

static void test_it_is_known_which_values_a_pattern_uses(void **state)
{
    (void)state;
    assert_true(fill_uses("a={{text}}&b={{user}}", "user"));
    assert_false(fill_uses("a={{text}}", "user"));
    assert_false(fill_uses("{{user", "user"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_text_breaks_out_of_json),
        cmocka_unit_test(test_no_text_breaks_out_of_a_form),
        cmocka_unit_test(test_no_text_breaks_out_of_a_query),
        cmocka_unit_test(test_no_text_breaks_out_of_a_header),
        cmocka_unit_test(test_each_kind_writes_a_number_an_address_and_a_secret_as_it_needs_them),
        cmocka_unit_test(test_a_pattern_in_which_a_value_could_not_be_escaped_is_refused),
        cmocka_unit_test(test_a_text_that_is_no_utf8_is_not_filled_in),
        cmocka_unit_test(test_it_is_known_which_values_a_pattern_uses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
