/* test_email_reply.c - an SMTP server's replies: how they are read, and what they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "channel/email_reply.h"

/* Feeds the text in pieces of that many bytes; the last answer. */
static enum email_heard feed(struct email_reader *reader, char *text, size_t piece)
{
    enum email_heard heard = EMAIL_HEARD_PART;
    size_t len = strlen(text);

    for (size_t at = 0; at < len && heard == EMAIL_HEARD_PART; at += piece)
        heard = email_reader_feed(reader, text + at, len - at < piece ? len - at : piece);
    return heard;
}

static void test_replies_are_read_in_whatever_pieces_they_come(void **state)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"250 ok\r\n", "smtp_250"},
        {"250\r\n", "smtp_250"},
        {"250 ok\n", "smtp_250"},
        {"550 5.1.1 <person@example.jp> unknown\r\n", "smtp_550_5.1.1"},
        {"550 5.1.1\r\n", "smtp_550_5.1.1"},
        {"554 5.7.999 x\r\n", "smtp_554_5.7.999"},
        {"550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.2 three\r\n", "smtp_550_5.1.1"},
        {"550-\r\n550 5.1.1 second\r\n", "smtp_550"},
        {"550 4.1.1 of another class\r\n", "smtp_550"},
        {"550 5.1 x\r\n", "smtp_550"},
        {"550 5.1.1x\r\n", "smtp_550"},
        {"550 5.-1.1 x\r\n", "smtp_550"},
        {"550 5.1.1111 x\r\n", "smtp_550"},
        {"550 mailbox 5.1.1\r\n", "smtp_550"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        for (size_t piece = 1; piece < 60; piece++) {
            struct email_reader reader;
            char text[200], word[EMAIL_WORD_MAX];

            snprintf(text, sizeof(text), "%s", cases[i].text);
            email_reader_start(&reader, false);
            assert_int_equal(feed(&reader, text, piece), EMAIL_HEARD_REPLY);
            email_reply_word(&reader.reply, word);
            assert_string_equal(word, cases[i].word);
            assert_string_equal(text, cases[i].text);
        }
    }
}

static void test_what_is_no_reply_is_noise(void **state)
{
    static const char *const cases[] = {
        "hello\r\n",
        "25 ok\r\n",
        "2500 ok\r\n",
        "250_ok\r\n",
        "150 ok\r\n",
        "650 ok\r\n",
        "\r\n",
        "250-one\r\n251 two\r\n",
        "250-one\r\nHTTP/1.1 400\r\n",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct email_reader reader;
        char text[100];

        snprintf(text, sizeof(text), "%s", cases[i]);
        email_reader_start(&reader, false);
        assert_int_equal(feed(&reader, text, 100), EMAIL_HEARD_NOISE);
    }
}

static void test_what_never_ends_is_noise(void **state)
{
    struct email_reader reader;
    char byte = '2';
    enum email_heard heard = EMAIL_HEARD_PART;
    char line[] = "250-more\r\n";
    int lines = 0;

    (void)state;
    email_reader_start(&reader, false);
    assert_int_equal(email_reader_feed(&reader, (char[]){"250 "}, 4), EMAIL_HEARD_PART);
    for (int i = 0; i < 2000 && heard == EMAIL_HEARD_PART; i++)
        heard = email_reader_feed(&reader, &byte, 1);
    assert_int_equal(heard, EMAIL_HEARD_NOISE);
    email_reader_start(&reader, false);
    do
        heard = email_reader_feed(&reader, line, sizeof(line) - 1);
    while (heard == EMAIL_HEARD_PART && ++lines < 1000);
    assert_int_equal(heard, EMAIL_HEARD_NOISE);
}

static void test_bytes_behind_a_reply_are_noticed(void **state)
{
    struct email_reader reader;
    char both[] = "220 go ahead\r\n250 AUTH\r\n", more[] = "x";

    (void)state;
    email_reader_start(&reader, false);
    assert_int_equal(email_reader_feed(&reader, both, sizeof(both) - 1), EMAIL_HEARD_MORE);
    assert_int_equal(reader.reply.code, 220);
    email_reader_start(&reader, false);
    assert_int_equal(email_reader_feed(&reader, both, 14), EMAIL_HEARD_REPLY);
    assert_int_equal(email_reader_feed(&reader, more, 1), EMAIL_HEARD_NOISE);
}

static void test_only_starttls_and_auth_by_plain_and_login_are_left_of_ehlo(void **state)
{
    static const char *const cases[][2] = {
        {"STARTTLS", "STARTTLS"},
        {"starttls", "starttls"},
        {"STARTTLS now", "STARTTLS now"},
        {"STARTTLSX", "STARTTLSX"},
        {"AUTH PLAIN LOGIN", "AUTH PLAIN LOGIN"},
        {"AUTH  login  plain ", "AUTH  login  plain "},
        {"AUTH NTLM PLAINX XPLAIN CRAM-MD5 LOGIN", "AUTH XXXX PLAINX XXXXXX XXXXXXXX LOGIN"},
        {"AUTH=PLAIN", "AUTHXXXXXX"},
        {"AUTH.PLAIN LOGIN", "AUTHXXXXXX LOGIN"},
        {"CHUNKING", "XXXXXXXX"},
        {"  PIPELINING", "  XXXXXXXXXX"},
        {"SIZE 1000", "SXXX 1000"},
        {"8BITMIME", "XXXXXXXX"},
        {"\xe9\xff", "XX"},
        {"A.B", "AXX"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        for (size_t piece = 1; piece < 60; piece++) {
            struct email_reader reader;
            char text[200], wanted[200];

            snprintf(text, sizeof(text), "250-CHUNKING PIPELINING\r\n250-%s\r\n250 %s\r\n",
                     cases[i][0], cases[i][0]);
            snprintf(wanted, sizeof(wanted), "250-CHUNKING PIPELINING\r\n250-%s\r\n250 %s\r\n",
                     cases[i][1], cases[i][1]);
            email_reader_start(&reader, true);
            assert_int_equal(feed(&reader, text, piece), EMAIL_HEARD_REPLY);
            assert_string_equal(text, wanted);
        }
    }
}

static enum channel_outcome meaning(enum email_stage stage, const char *text, bool relays)
{
    struct email_reader reader;
    char copy[100];

    snprintf(copy, sizeof(copy), "%s x\r\n", text);
    email_reader_start(&reader, false);
    assert_int_equal(feed(&reader, copy, sizeof(copy)), EMAIL_HEARD_REPLY);
    return email_reply_outcome(stage, &reader.reply, relays);
}

static void test_what_a_reply_means_for_the_mail(void **state)
{
    static const struct {
        enum email_stage stage;
        const char *text;
        bool relays;
        enum channel_outcome outcome;
    } cases[] = {
        {EMAIL_DOT, "250 2.0.0", true, CHANNEL_ACCEPTED},
        {EMAIL_DOT, "354", true, CHANNEL_LINK_DOWN},
        {EMAIL_MAIL, "451 4.3.0", false, CHANNEL_RETRY},
        {EMAIL_RCPT, "450 4.2.0", false, CHANNEL_RETRY},
        {EMAIL_DATA, "451", false, CHANNEL_RETRY},
        {EMAIL_DOT, "452 4.3.1", true, CHANNEL_RETRY},
        {EMAIL_MAIL, "421 4.3.2", false, CHANNEL_LINK_DOWN},
        {EMAIL_RCPT, "421", true, CHANNEL_LINK_DOWN},
        {EMAIL_DOT, "421", true, CHANNEL_LINK_DOWN},
        {EMAIL_MAIL, "550 5.1.1", true, CHANNEL_LINK_DOWN},
        {EMAIL_MAIL, "530 5.7.0", false, CHANNEL_LINK_DOWN},
        {EMAIL_MAIL, "552 5.3.4", true, CHANNEL_LINK_DOWN},
        {EMAIL_RCPT, "550 5.1.1", false, CHANNEL_REJECTED},
        {EMAIL_RCPT, "550", false, CHANNEL_REJECTED},
        {EMAIL_RCPT, "501 5.1.3", false, CHANNEL_REJECTED},
        {EMAIL_RCPT, "552 5.2.2", false, CHANNEL_REJECTED},
        {EMAIL_RCPT, "550 5.4.1", false, CHANNEL_REJECTED},
        {EMAIL_RCPT, "553 5.1.8", true, CHANNEL_LINK_DOWN},
        {EMAIL_RCPT, "550 5.1.7", true, CHANNEL_LINK_DOWN},
        {EMAIL_RCPT, "530 5.7.0", true, CHANNEL_LINK_DOWN},
        {EMAIL_RCPT, "503 5.5.1", true, CHANNEL_LINK_DOWN},
        {EMAIL_RCPT, "554 5.7.1", false, CHANNEL_RETRY},
        {EMAIL_RCPT, "550 5.7.1", false, CHANNEL_RETRY},
        {EMAIL_RCPT, "554", false, CHANNEL_RETRY},
        {EMAIL_RCPT, "554 5.7.1", true, CHANNEL_REJECTED},
        {EMAIL_RCPT, "554", true, CHANNEL_REJECTED},
        {EMAIL_DATA, "554 5.5.1", true, CHANNEL_REJECTED},
        {EMAIL_DATA, "503 5.5.1", true, CHANNEL_LINK_DOWN},
        {EMAIL_DOT, "554 5.7.1", true, CHANNEL_REJECTED},
        {EMAIL_DOT, "552 5.3.4", true, CHANNEL_REJECTED},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++)
        assert_string_equal(
            channel_outcome_word(meaning(cases[i].stage, cases[i].text, cases[i].relays)),
            channel_outcome_word(cases[i].outcome));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_are_read_in_whatever_pieces_they_come),
        cmocka_unit_test(test_what_is_no_reply_is_noise),
        cmocka_unit_test(test_what_never_ends_is_noise),
        cmocka_unit_test(test_bytes_behind_a_reply_are_noticed),
        cmocka_unit_test(test_only_starttls_and_auth_by_plain_and_login_are_left_of_ehlo),
        cmocka_unit_test(test_what_a_reply_means_for_the_mail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
