/* test_phone.c - telephone numbers in all the ways in which people and carriers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/phone.h"

struct phone_case {
    const char *text;
    enum phone_kind kind;
    const char *out;
};

static const char *const kind_words[] = {
    [PHONE_MOBILE] = "mobile",         [PHONE_FIXED] = "fixed",
    [PHONE_SHORT_CODE] = "short code", [PHONE_ALPHANUMERIC] = "alphanumeric",
    [PHONE_INVALID] = "invalid",
};

static void assert_phone(const char *text, size_t len, enum phone_kind kind, const char *out)
{
    char got[PHONE_MAX];
    enum phone_kind got_kind;

    memset(got, 'x', sizeof(got));
    got_kind = phone_parse(text, len, got);
    if (got_kind != kind || strcmp(got, out) != 0)
        fail_msg("\"%s\" is %s \"%s\", wanted %s \"%s\"", text, kind_words[got_kind], got,
                 kind_words[kind], out);
}

static void assert_phones(const struct phone_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_phone(cases[i].text, strlen(cases[i].text), cases[i].kind, cases[i].out);
}

static void test_a_japanese_mobile_number_is_one_however_it_is_written(void **state)
{
    static const char *const ways[] = {
        "07000000001",
        "070-0000-0001",
        "070 0000 0001",
        "(070)0000-0001",
        "070(0000)0001",
        "070.0000.0001",
        " 070-0000-0001\t",
        "０７００００００００１",
        "０７０－００００－０００１",
        "０７０　００００　０００１",
        "（０７０）００００－０００１",
        "070‐0000‐0001",                            /* U+2010 */
        "070‑0000‑0001",                            /* U+2011 */
        "070–0000–0001",                            /* U+2013 */
        "070—0000—0001",                            /* U+2014 */
        "070―0000―0001",                            /* U+2015 */
        "070−0000−0001",                            /* U+2212 */
        "070ー0000ー0001",                          /* U+30FC, typed on a kana keyboard */
        "070ｰ0000ｰ0001",                            /* U+FF70 */
        "070─0000─0001",                            /* U+2500 */
        "\xe2\x80\xaa+81 70-0000-0001\xe2\x80\xac", /* marks of direction, from a contact */
        "\357\273\27707000000001",                  /* after a byte order mark */
        "+817000000001",
        "＋８１７００００００００１",
        "+81 70 0000 0001",
        "+81-70-0000-0001",
        "(+81)70-0000-0001",
        "+81(0)70-0000-0001",
        "+81 (0)70 0000 0001",
        "+81 （０）70 0000 0001",
        "+81 070-0000-0001",
        "00817000000001",
        "0081-70-0000-0001",
        "0081 (0)70-0000-0001",
        "0081 070-0000-0001",
        "010817000000001",
        "010-81-70-0000-0001",
        "010 81 (0)70 0000 0001",
        "817000000001",
        "81-70-0000-0001",
        "81070-0000-0001",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(ways); i++)
        assert_phone(ways[i], strlen(ways[i]), PHONE_MOBILE, "+817000000001");
}

static void test_mobile_prefixes_are_060_070_080_and_090(void **state)
{
    static const struct phone_case cases[] = {
        {"060-0000-0000", PHONE_MOBILE, "+816000000000"},
        {"070-0000-0000", PHONE_MOBILE, "+817000000000"},
        {"080-1000-0000", PHONE_MOBILE, "+818010000000"},
        {"090-0000-0000", PHONE_MOBILE, "+819000000000"},
        {"+819000000000", PHONE_MOBILE, "+819000000000"},
    };

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
}

static void test_what_takes_no_sms_in_japan_is_fixed(void **state)
{
    static const struct phone_case cases[] = {
        {"03-0000-0000", PHONE_FIXED, "+81300000000"},
        {"０３（００００）００００", PHONE_FIXED, "+81300000000"},
        {"+81 3 0000 0000", PHONE_FIXED, "+81300000000"},
        {"0081-3-0000-0000", PHONE_FIXED, "+81300000000"},
        {"81300000000", PHONE_FIXED, "+81300000000"},
        {"06-1000-0000", PHONE_FIXED, "+81610000000"},
        {"0123-00-0000", PHONE_FIXED, "+81123000000"},
        {"050-0000-0000", PHONE_FIXED, "+815000000000"},
        {"020-0000-0000", PHONE_FIXED, "+812000000000"},
        {"0120-000-000", PHONE_FIXED, "+81120000000"},
        {"0570-000-000", PHONE_FIXED, "+81570000000"},
        {"0800-000-0000", PHONE_FIXED, "+818000000000"}, /* free dial, though it starts like 080 */
    };

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
}

static void test_a_number_of_another_country_needs_its_country_code(void **state)
{
    static const struct phone_case cases[] = {
        {"+1 (202) 555-0100", PHONE_MOBILE, "+12025550100"},
        {"010-1-202-555-0100", PHONE_MOBILE, "+12025550100"},
        {"+44 (0)7700 900000", PHONE_MOBILE, "+447700900000"},
        {"+44 7700 900000", PHONE_MOBILE, "+447700900000"},
        {"+82 10-0000-0000", PHONE_MOBILE, "+821000000000"},
        {"+39 06 0000 0000", PHONE_MOBILE, "+390600000000"}, /* Italy keeps the zero */
        {"+35400000", PHONE_MOBILE, "+35400000"},
        {"+123456789012345", PHONE_MOBILE, "+123456789012345"},
        {"12025550100", PHONE_INVALID, ""},
        {"447700900000", PHONE_INVALID, ""},
        {"0044 7700 900000", PHONE_INVALID, ""},
        {"+1234567", PHONE_INVALID, ""},
        {"+1234567890123456", PHONE_INVALID, ""},
        {"+0 202 555 0100", PHONE_INVALID, ""},
    };

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
}

static void test_what_could_be_a_strangers_number_is_not_guessed(void **state)
{
    static const struct phone_case cases[] = {
        {"070-0000-000", PHONE_INVALID, ""},   /* a digit too few: no landline */
        {"070-0000-00012", PHONE_INVALID, ""}, /* one too many */
        {"+81 70 0000 000", PHONE_INVALID, ""},
        {"+81 70 0000 00012", PHONE_INVALID, ""},
        {"7000000001", PHONE_INVALID, ""},    /* a spreadsheet ate the zero */
        {"010-0000-0000", PHONE_INVALID, ""}, /* a Korean mobile at home */
        {"010-4477-0090", PHONE_INVALID, ""},
        {"03-0000-000", PHONE_INVALID, ""},
        {"03-0000-00000", PHONE_INVALID, ""},
        {"0033-010-81-70-0000-0001", PHONE_INVALID, ""}, /* a carrier's selection, no France */
        {"0000000000", PHONE_INVALID, ""},
        {"00000000000", PHONE_INVALID, ""},
        {"+81", PHONE_INVALID, ""},
        {"+810", PHONE_INVALID, ""},
        {"+81 (0)", PHONE_INVALID, ""},
        {"070-0000-0001 070-0000-0002", PHONE_INVALID, ""},
        {"070-0000-0001/2", PHONE_INVALID, ""},
        {"070+0000+0001", PHONE_INVALID, ""},
        {"++817000000001", PHONE_INVALID, ""},
        {"7+0000000001", PHONE_INVALID, ""},
    };

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
}

static void test_a_short_code_is_three_to_eight_digits(void **state)
{
    static const struct phone_case cases[] = {
        {"110", PHONE_SHORT_CODE, "110"},
        {"１１９", PHONE_SHORT_CODE, "119"},
        {"5-00-00", PHONE_SHORT_CODE, "50000"},
        {"00050000", PHONE_SHORT_CODE, "00050000"},
        {"12345678", PHONE_SHORT_CODE, "12345678"},
        {"12", PHONE_INVALID, ""},
        {"1", PHONE_INVALID, ""},
        {"123456789", PHONE_INVALID, ""},
        {"+119", PHONE_INVALID, ""},
        {"*119", PHONE_INVALID, ""},
        {"#7119", PHONE_INVALID, ""},
    };

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
}

static void test_a_senders_name_is_folded_and_cut_between_characters(void **state)
{
    static const struct phone_case cases[] = {
        {"HER-SYS", PHONE_ALPHANUMERIC, "HER-SYS"},
        {"ＨＥＲ－ＳＹＳ", PHONE_ALPHANUMERIC, "HER-SYS"},
        {"Shop24", PHONE_ALPHANUMERIC, "Shop24"},
        {"A&B!", PHONE_ALPHANUMERIC, "A&B!"},
        {"保健所", PHONE_ALPHANUMERIC, "保健所"},
        {"試験用保健所", PHONE_ALPHANUMERIC, "試験用保健"}, /* 18 bytes do not fit 16 */
        {"12345678901", PHONE_INVALID, ""},
        {"ABCDEFGHIJK", PHONE_ALPHANUMERIC, "ABCDEFGHIJK"},
        {"ABCDEFGHIJKL", PHONE_INVALID, ""},
        {"070-0000-000O", PHONE_INVALID, ""}, /* a letter for a digit */
        {"tel:+817000000001", PHONE_INVALID, ""},
        {"A\nB", PHONE_INVALID, ""},
        {"A\x1b[1m", PHONE_INVALID, ""},
    };

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
}

static void test_junk_is_invalid(void **state)
{
    static const struct phone_case cases[] = {
        {"", PHONE_INVALID, ""},         {" ", PHONE_INVALID, ""},
        {"-", PHONE_INVALID, ""},        {"ー", PHONE_INVALID, ""},
        {"+", PHONE_INVALID, ""},        {"()", PHONE_INVALID, ""},
        {"(0)", PHONE_INVALID, ""},      {"???", PHONE_INVALID, ""},
        {"\xff\xfe", PHONE_INVALID, ""}, {"07000000001\xff", PHONE_INVALID, ""},
    };
    char longest[129], longer[130];

    (void)state;
    assert_phones(cases, MEM_COUNT(cases));
    assert_phone("07000000001\0", 12, PHONE_INVALID, "");
    assert_phone("070000000019", 11, PHONE_MOBILE, "+817000000001"); /* `len` bytes, and no more */
    snprintf(longest, sizeof(longest), "%-128s", "07000000001");
    assert_phone(longest, 128, PHONE_MOBILE, "+817000000001");
    snprintf(longer, sizeof(longer), "%-129s", "07000000001");
    assert_phone(longer, 129, PHONE_INVALID, "");
}

/* Any bytes: the answer fits and ends, and what is a number reads as itself. */
static void test_a_parsed_number_parses_to_itself(void **state)
{
    static const char alphabet[] = "0123456789000888111++-() 0709";
    unsigned seed = 20240501;
    int numbers = 0;

    (void)state;
    for (int turn = 0; turn < 200000; turn++) {
        char text[24], once[PHONE_MAX], twice[PHONE_MAX];
        size_t len = 0;

        do {
            seed = seed * 1103515245U + 12345U;
            text[len++] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        } while (len < sizeof(text) && (seed >> 8) % 16 != 0);
        enum phone_kind kind = phone_parse(text, len, once);
        assert_non_null(memchr(once, '\0', sizeof(once)));
        assert_int_equal(kind == PHONE_INVALID, *once == '\0');
        if (kind != PHONE_MOBILE && kind != PHONE_FIXED)
            continue;
        numbers++;
        assert_int_equal(phone_parse(once, strlen(once), twice), kind);
        assert_string_equal(once, twice);
    }
    assert_in_range(numbers, 100, 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_japanese_mobile_number_is_one_however_it_is_written),
        cmocka_unit_test(test_mobile_prefixes_are_060_070_080_and_090),
        cmocka_unit_test(test_what_takes_no_sms_in_japan_is_fixed),
        cmocka_unit_test(test_a_number_of_another_country_needs_its_country_code),
        cmocka_unit_test(test_what_could_be_a_strangers_number_is_not_guessed),
        cmocka_unit_test(test_a_short_code_is_three_to_eight_digits),
        cmocka_unit_test(test_a_senders_name_is_folded_and_cut_between_characters),
        cmocka_unit_test(test_junk_is_invalid),
        cmocka_unit_test(test_a_parsed_number_parses_to_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
