/* test_text.c - what is UTF-8, and its compatibility form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static void test_utf8_is_what_the_unicode_standard_calls_well_formed(void **state)
{
    static const char *const good[] = {
        "", "a", "体温", "\xf0\x9f\x98\xb7", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xe4\xbd",         /* cut */
        "a\xc0\xaf",        /* overlong */
        "\xe0\x80\xaf",     /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(good); i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < MEM_COUNT(bad); i++)
        if (text_is_utf8(bad[i], strlen(bad[i])))
            fail_msg("case %zu", i);
    assert_true(text_is_utf8("a\0b", 3));
}

static void test_full_and_half_width_become_plain(void **state)
{
    static const char *const cases[][2] = {
        {"３６．９　９７　Ｎ", "36.9 97 N"},
        {"ﾊｲ", "ハイ"},
        {"か\xe3\x82\x99", "が"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *folded = text_nfkc(cases[i][0], strlen(cases[i][0]));

        assert_non_null(folded);
        assert_string_equal(folded, cases[i][1]);
        free(folded);
    }
}

static void test_only_the_given_bytes_are_folded(void **state)
{
    char bytes[] = {'a', 'b', 'c'}; /* no NUL behind them */
    char *folded = text_nfkc(bytes, 2);

    (void)state;
    assert_string_equal(folded, "ab");
    free(folded);
}

static void test_what_is_no_text_has_no_compatibility_form(void **state)
{
    (void)state;
    assert_null(text_nfkc("\xff", 1));
    assert_null(text_nfkc("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_what_the_unicode_standard_calls_well_formed),
        cmocka_unit_test(test_full_and_half_width_become_plain),
        cmocka_unit_test(test_only_the_given_bytes_are_folded),
        cmocka_unit_test(test_what_is_no_text_has_no_compatibility_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
