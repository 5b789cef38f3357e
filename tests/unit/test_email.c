/* test_email.c - e-mail addresses: what people type, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/email.h"
#include "base/mem.h"

static void test_what_people_type_becomes_one_form(void **state)
{
    static const char *const cases[][2] = {
        {"person@example.jp", "person@example.jp"},
        {"  Person@Example.JP ", "person@example.jp"},
        {"ｐｅｒｓｏｎ＠ｅｘａｍｐｌｅ．ｊｐ", "person@example.jp"},
        {"person\u3000", ""},
        {"\u3000person@example.jp\u3000", "person@example.jp"},
        {"a..b.@docomo.example.jp", "a..b.@docomo.example.jp"}, /* carriers gave these out */
        {"a+b_c=d@sub.example.co.jp", "a+b_c=d@sub.example.co.jp"},
        {"root@localhost", "root@localhost"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char out[EMAIL_MAX];

        assert_int_equal(email_parse(cases[i][0], strlen(cases[i][0]), out), *cases[i][1] != '\0');
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "person",
        "@example.jp",
        "person@",
        "person@example..jp",
        "person@.jp",
        "person@-example.jp",
        "person@example-.jp",
        "a b@example.jp",
        "\"a b\"@example.jp",
        "person@[192.0.2.1]",
        "person@例え.jp",
        "人@example.jp",
        "one@two@example.jp",
        "person@example.jp\r\nRCPT TO:<other@example.jp>",
        "person@example.jp\n",
        "person\r@example.jp",
        "person@example.jp,other@example.jp",
        "Person <person@example.jp>",
        "person@exam\tple.jp",
        "\xff@example.jp",
    };
    char out[EMAIL_MAX];

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++)
        if (email_parse(cases[i], strlen(cases[i]), out) || out[0] != '\0')
            fail_msg("taken: %s", cases[i]);
    assert_false(email_parse("person@example.jp\0x", 19, out));
}

static void test_the_greatest_lengths_are_those_of_the_rfcs(void **state)
{
    char text[400], out[EMAIL_MAX];

    (void)state;
    memset(text, 'a', sizeof(text));
    strcpy(text + 64, "@example.jp");
    assert_true(email_parse(text, strlen(text), out));
    memset(text, 'a', sizeof(text));
    strcpy(text + 65, "@example.jp");
    assert_false(email_parse(text, strlen(text), out));

    strcpy(text, "a@");
    for (int i = 0; i < 5; i++)
        strcat(text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    strcat(text, "jp"); /* 2 + 250 + 2: 254 */
    assert_int_equal(strlen(text), 254);
    assert_true(email_parse(text, 254, out));
    strcat(text, "x");
    assert_false(email_parse(text, 255, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_people_type_becomes_one_form),
        cmocka_unit_test(test_what_is_no_address_is_refused),
        cmocka_unit_test(test_the_greatest_lengths_are_those_of_the_rfcs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
