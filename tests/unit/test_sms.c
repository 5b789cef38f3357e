/*
 * test_sms.c - what a text costs as an SMS, at every boundary of 3GPP TS 23.038 and 23.040.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/sms.h"

/* `count` times `piece`, then `tail`. */
static struct sms_count count_of(int count, const char *piece, const char *tail)
{
    static char text[16384];
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", piece);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", tail);
    assert_true(len < sizeof(text));
    return sms_count(text, len);
}

static void expect(struct sms_count count, enum sms_encoding encoding, int units, int segments)
{
    assert_int_equal(count.encoding, encoding);
    assert_int_equal(count.units, units);
    assert_int_equal(count.segments, segments);
}

static void test_an_empty_text_is_one_segment(void **state)
{
    (void)state;
    expect(sms_count("", 0), SMS_GSM7, 0, 1);
}

static void test_160_letters_are_one_segment_and_161_are_two(void **state)
{
    (void)state;
    expect(count_of(1, "a", ""), SMS_GSM7, 1, 1);
    expect(count_of(160, "a", ""), SMS_GSM7, 160, 1);
    expect(count_of(161, "a", ""), SMS_GSM7, 161, 2);
    expect(count_of(306, "a", ""), SMS_GSM7, 306, 2);
    expect(count_of(307, "a", ""), SMS_GSM7, 307, 3);
    expect(count_of(459, "a", ""), SMS_GSM7, 459, 3);
    expect(count_of(460, "a", ""), SMS_GSM7, 460, 4);
}

static void test_70_kana_are_one_segment_and_71_are_two(void **state)
{
    (void)state;
    expect(count_of(70, "あ", ""), SMS_UCS2, 70, 1);
    expect(count_of(71, "あ", ""), SMS_UCS2, 71, 2);
    expect(count_of(134, "あ", ""), SMS_UCS2, 134, 2);
    expect(count_of(135, "あ", ""), SMS_UCS2, 135, 3);
    expect(count_of(201, "あ", ""), SMS_UCS2, 201, 3);
    expect(count_of(202, "あ", ""), SMS_UCS2, 202, 4);
}

static void test_one_kana_makes_letters_count_as_ucs2(void **state)
{
    (void)state;
    expect(count_of(69, "a", "あ"), SMS_UCS2, 70, 1);
    expect(count_of(70, "a", "あ"), SMS_UCS2, 71, 2);
}

static void test_a_euro_sign_is_two_septets(void **state)
{
    (void)state;
    expect(count_of(158, "a", "€"), SMS_GSM7, 160, 1);
    expect(count_of(159, "a", "€"), SMS_GSM7, 161, 2);
    expect(count_of(80, "€", ""), SMS_GSM7, 160, 1);
    expect(count_of(81, "€", ""), SMS_GSM7, 162, 2);
}

static void test_an_escape_is_not_split_between_two_segments(void **state)
{
    char text[512];

    (void)state;
    /* 152 letters and a euro sign: its two septets do not fit into the 153rd. */
    memset(text, 'a', sizeof(text));
    memcpy(text + 152, "€", 3);
    expect(sms_count(text, 152 + 3 + 152), SMS_GSM7, 306, 3);
    memcpy(text + 151, "€b", 4);
    expect(sms_count(text, 151 + 3 + 153), SMS_GSM7, 306, 2);
    /* 76 fit into a part of 153: the 153rd septet stays empty. */
    expect(count_of(152, "€", ""), SMS_GSM7, 304, 2);
    expect(count_of(153, "€", ""), SMS_GSM7, 306, 3);
    /* The same at the end of the second part. */
    expect(count_of(305, "a", "€"), SMS_GSM7, 307, 3);
    expect(count_of(304, "a", "€"), SMS_GSM7, 306, 2);
}

static void test_an_emoji_is_two_units_and_is_not_split(void **state)
{
    (void)state;
    expect(count_of(35, "😷", ""), SMS_UCS2, 70, 1);
    expect(count_of(34, "😷", "あ"), SMS_UCS2, 69, 1);
    expect(count_of(36, "😷", ""), SMS_UCS2, 72, 2);
    expect(count_of(68, "あ", "😷"), SMS_UCS2, 70, 1);
    expect(count_of(69, "あ", "😷"), SMS_UCS2, 71, 2);
    /* 33 fit into a part of 67. */
    expect(count_of(66, "😷", ""), SMS_UCS2, 132, 2);
    expect(count_of(67, "😷", ""), SMS_UCS2, 134, 3);
    expect(count_of(132, "あ", "😷"), SMS_UCS2, 134, 2);
    expect(count_of(133, "あ", "😷"), SMS_UCS2, 135, 3);
}

static void test_the_whole_default_alphabet_is_one_septet_each(void **state)
{
    static const char alphabet[] =
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
        "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

    (void)state;
    expect(sms_count(alphabet, strlen(alphabet)), SMS_GSM7, 127, 1);
}

static void test_the_extension_table_is_two_septets_each(void **state)
{
    static const char extension[] = "\f^{}\\[~]|€";

    (void)state;
    expect(sms_count(extension, strlen(extension)), SMS_GSM7, 20, 1);
}

static void test_letters_that_the_alphabet_lacks_make_ucs2(void **state)
{
    static const char *const letters[] = {"á", "í", "ó", "ú",      "ã",  "õ",   "ç",
                                          "â", "ê", "ô", "`",      "“",  "’",   "…",
                                          "–", "°", "º", "\u00a0", "\t", "\x7f"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(letters); i++)
        expect(sms_count(letters[i], strlen(letters[i])), SMS_UCS2, 1, 1);
}

static void test_a_nul_is_a_character_that_the_alphabet_lacks(void **state)
{
    (void)state;
    expect(sms_count("a\0b", 3), SMS_UCS2, 3, 1);
}

static void test_invalid_utf8_counts_as_replacement_characters(void **state)
{
    (void)state;
    expect(sms_count("a\xff", 2), SMS_UCS2, 2, 1);
    expect(sms_count("\xe3\x81", 2), SMS_UCS2, 2, 1);         /* cut off in a kana */
    expect(sms_count("\xed\xa0\xbd", 3), SMS_UCS2, 3, 1);     /* a surrogate */
    expect(sms_count("\xc0\x80", 2), SMS_UCS2, 2, 1);         /* overlong */
    expect(sms_count("\xf4\x90\x80\x80", 4), SMS_UCS2, 4, 1); /* beyond U+10FFFF */
    expect(sms_count("\xe3\x81\x82\xff", 4), SMS_UCS2, 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_text_is_one_segment),
        cmocka_unit_test(test_160_letters_are_one_segment_and_161_are_two),
        cmocka_unit_test(test_70_kana_are_one_segment_and_71_are_two),
        cmocka_unit_test(test_one_kana_makes_letters_count_as_ucs2),
        cmocka_unit_test(test_a_euro_sign_is_two_septets),
        cmocka_unit_test(test_an_escape_is_not_split_between_two_segments),
        cmocka_unit_test(test_an_emoji_is_two_units_and_is_not_split),
        cmocka_unit_test(test_the_whole_default_alphabet_is_one_septet_each),
        cmocka_unit_test(test_the_extension_table_is_two_septets_each),
        cmocka_unit_test(test_letters_that_the_alphabet_lacks_make_ucs2),
        cmocka_unit_test(test_a_nul_is_a_character_that_the_alphabet_lacks),
        cmocka_unit_test(test_invalid_utf8_counts_as_replacement_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
