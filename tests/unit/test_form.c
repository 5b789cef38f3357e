/* test_form.c - form bodies: what is read, what is refused whole, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/form.h"
#include "base/mem.h"

enum { PAIRS = 8 };

/* A copy without a NUL behind it, so that a sanitizer sees a read past its end. */
static struct form *parse(const char *body, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, body, len);
    struct form *form = form_parse(copy, len, PAIRS);
    free(copy);
    return form;
}

static void test_pairs_are_decoded(void **state)
{
    static const struct {
        const char *body, *name, *value;
    } cases[] = {
        {"a=1", "a", "1"},
        {"a=1&b=2", "b", "2"},
        {"a=", "a", ""},
        {"a", "a", ""},
        {"=x", "", "x"},
        {"a=b=c", "a", "b=c"},
        {"a=1+2", "a", "1 2"},
        {"a=1%2B2", "a", "1+2"},
        {"a=%26%3d", "a", "&="},
        {"a+b%3D=1", "a b=", "1"},
        {"&&a=1&", "a", "1"},
        {"text=%E4%BD%93%E6%B8%A9+36.9", "text", "体温 36.9"},
        {"text=\xe4\xbd\x93", "text", "体"},
        {"a=;b=2", "a", ";b=2"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct form *form = parse(cases[i].body, strlen(cases[i].body));

        assert_non_null(form);
        const char *value = form_get_text(form, cases[i].name);
        if (value == NULL || strcmp(value, cases[i].value) != 0)
            fail_msg("%s: got \"%s\"", cases[i].body, value != NULL ? value : "(none)");
        form_free(form);
    }
}

static void test_a_malformed_body_is_refused_whole(void **state)
{
    static const char *const bodies[] = {"a=%",      "a=%4",   "a=%4x",  "a=%x4",
                                         "a=1&b=%",  "%=1",    "a=%%41", "a=1&%4&b=2",
                                         "a=%u0041", "a=% 41", "a=%+4"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(bodies); i++)
        if (parse(bodies[i], strlen(bodies[i])) != NULL)
            fail_msg("%s was taken", bodies[i]);
}

static void test_more_pairs_than_allowed_are_refused(void **state)
{
    static const char eight[] = "a=1&b&c&d&e&f&g&h=8", nine[] = "a=1&b&c&d&e&f&g&h=8&i";

    (void)state;
    struct form *form = parse(eight, strlen(eight));
    assert_string_equal(form_get_text(form, "h"), "8");
    form_free(form);
    assert_null(parse(nine, strlen(nine)));
}

static void test_a_name_that_occurs_twice_has_no_value(void **state)
{
    static const char body[] = "a=1&b=2&a=1&%61b=3";
    struct form *form = parse(body, strlen(body));
    size_t len = 0;

    (void)state;
    assert_null(form_get(form, "a", &len));
    assert_null(form_get_text(form, "a"));
    assert_string_equal(form_get_text(form, "b"), "2");
    assert_string_equal(form_get_text(form, "ab"), "3");
    assert_null(form_get_text(form, "c"));
    form_free(form);

    form = parse("ab=3", 4);
    assert_null(form_get_text(form, "a"));
    assert_null(form_get_text(form, "abc"));
    form_free(form);
}

static void test_bytes_come_through_but_are_no_text(void **state)
{
    static const char body[] = "nul=1%002&bad=%ff&raw=1\0"
                               "2&n%00=x";
    struct form *form = parse(body, sizeof(body) - 1);
    size_t len = 0;

    (void)state;
    assert_non_null(form);
    assert_memory_equal(form_get(form, "nul", &len), "1\0002", 4);
    assert_int_equal(len, 3);
    assert_null(form_get_text(form, "nul"));
    assert_memory_equal(form_get(form, "bad", &len), "\xff", 2);
    assert_null(form_get_text(form, "bad"));
    assert_memory_equal(form_get(form, "raw", &len), "1\0002", 4);
    assert_int_equal(len, 3);
    assert_null(form_get(form, "n", &len)); /* its name is longer, by a NUL */
    form_free(form);
}

static void test_an_empty_body_is_a_form_without_pairs(void **state)
{
    struct form *form = parse("", 0);

    (void)state;
    assert_non_null(form);
    assert_null(form_get_text(form, "a"));
    assert_null(form_get_text(form, ""));
    form_free(form);
}

static void assert_pair(const struct form *form, size_t index, const char *name, size_t name_len,
                        const char *value)
{
    struct form_pair pair = form_pair(form, index);

    assert_int_equal(pair.name_len, name_len);
    assert_memory_equal(pair.name, name, name_len);
    assert_int_equal(pair.value_len, strlen(value));
    assert_memory_equal(pair.value, value, strlen(value));
}

static void test_all_pairs_can_be_looked_at_in_their_order(void **state)
{
    static const char body[] = "a=1&b&a=2&%41%00=";
    struct form *form = parse(body, strlen(body));

    (void)state;
    assert_int_equal(form_count(form), 4);
    assert_pair(form, 0, "a", 1, "1");
    assert_pair(form, 1, "b", 1, "");
    assert_pair(form, 2, "a", 1, "2");
    assert_pair(form, 3, "A\0", 2, "");
    form_free(form);
}

/* ---- writing */

static void test_what_is_written_is_encoded_as_the_standard_says(void **state)
{
    char text[128] = "";
    size_t len = 0;

    (void)state;
    assert_true(form_append(text, sizeof(text), &len, "to", "+817000000001", 13));
    assert_true(form_append(text, sizeof(text), &len, "a b", "1&2=%~", 6));
    assert_true(form_append(text, sizeof(text), &len, "text", "体 *-._\n", 9));
    assert_string_equal(text, "to=%2B817000000001&a+b=1%262%3D%25%7E&text=%E4%BD%93+*-._%0A");
    assert_int_equal(len, strlen(text));
}

static void test_all_bytes_come_back_as_they_were(void **state)
{
    char bytes[256], text[1024];
    size_t len = 0, got = 0;

    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(unsigned char)i;
    assert_true(form_append(text, sizeof(text), &len, "x", "1", 1));
    assert_true(form_append(text, sizeof(text), &len, "all", bytes, sizeof(bytes)));
    struct form *form = parse(text, len);
    const char *value = form_get(form, "all", &got);
    assert_int_equal(got, sizeof(bytes));
    assert_memory_equal(value, bytes, sizeof(bytes));
    form_free(form);
}

static void test_what_does_not_fit_leaves_the_text_as_it_was(void **state)
{
    char text[16];

    (void)state;
    for (size_t size = 0; size <= sizeof(text); size++) {
        size_t len = 0;

        memset(text, 'x', sizeof(text));
        bool first = form_append(text, size, &len, "a", "1", 1);
        assert_int_equal(first, size >= 4);
        bool second = first && form_append(text, size, &len, "b", "%", 1);
        assert_int_equal(second, size >= 10);
        if (size > 0)
            assert_string_equal(text, second ? "a=1&b=%25" : first ? "a=1" : "");
        for (size_t i = size; i < sizeof(text); i++)
            assert_int_equal(text[i], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_are_decoded),
        cmocka_unit_test(test_a_malformed_body_is_refused_whole),
        cmocka_unit_test(test_more_pairs_than_allowed_are_refused),
        cmocka_unit_test(test_a_name_that_occurs_twice_has_no_value),
        cmocka_unit_test(test_bytes_come_through_but_are_no_text),
        cmocka_unit_test(test_an_empty_body_is_a_form_without_pairs),
        cmocka_unit_test(test_all_pairs_can_be_looked_at_in_their_order),
        cmocka_unit_test(test_what_is_written_is_encoded_as_the_standard_says),
        cmocka_unit_test(test_all_bytes_come_back_as_they_were),
        cmocka_unit_test(test_what_does_not_fit_leaves_the_text_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
