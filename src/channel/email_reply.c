/* email_reply.c - reads and weighs SMTP replies. It keeps none of a server's words. */
#include "channel/email_reply.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { LINE_MAX_BYTES = 1000, LINES_MAX = 200 };

/* ---- what EHLO may tell */

static const char *const extensions[] = {"AUTH", "STARTTLS"};
static const char *const mechanisms[] = {"PLAIN", "LOGIN"};

static void word_start(struct email_reader *reader)
{
    reader->letter = 0;
    reader->possible = ~0U;
}

/* The next byte of an EHLO line: spoilt where it makes none of the words that we know. */
static void hush_byte(struct email_reader *reader, char *byte)
{
    const char *const *known = reader->word == 0 ? extensions : mechanisms;
    unsigned possible = 0;

    if (*byte == ' ' || *byte == '\t') {
        if (reader->letter > 0) {
            if (reader->word == 0)
                reader->is_auth = (reader->possible & 1U) != 0 && reader->letter == 4;
            reader->word++;
        }
        word_start(reader);
        return;
    }
    if (reader->word > 0 && !reader->is_auth)
        return;
    for (unsigned i = 0; i < MEM_COUNT(extensions); i++)
        if ((reader->possible & 1U << i) != 0 && reader->letter < strlen(known[i]) &&
            toupper((unsigned char)*byte) == known[i][reader->letter])
            possible |= 1U << i;
    reader->possible = possible;
    reader->letter++;
    if (possible == 0)
        *byte = 'X';
}

/* ---- lines */

void email_reader_start(struct email_reader *reader, bool hush)
{
    memset(reader, 0, sizeof(*reader));
    reader->hush = hush;
    word_start(reader);
}

static void take_enhanced(struct email_reader *reader)
{
    int class, subject, detail, len = 0;

    if (sscanf(reader->start, "%1d.%3d.%3d%n", &class, &subject, &detail, &len) == 3 && len > 0 &&
        (reader->start[len] == ' ' || reader->start[len] == '\0') && class == reader->code / 100 &&
        subject >= 0 && detail >= 0) {
        reader->reply.enhanced[0] = class;
        reader->reply.enhanced[1] = subject;
        reader->reply.enhanced[2] = detail;
    }
}

static bool line_end(struct email_reader *reader)
{
    if (reader->column < 3 || (reader->lines > 0 && reader->code != reader->reply.code))
        return false;
    if (reader->lines == 0) {
        reader->reply.code = reader->code;
        take_enhanced(reader);
    }
    reader->lines++;
    reader->done = !reader->goes_on;
    reader->column = 0;
    reader->code = 0;
    reader->goes_on = false;
    reader->word = 0;
    reader->is_auth = false;
    word_start(reader);
    return reader->lines < LINES_MAX;
}

static bool line_byte(struct email_reader *reader, char *byte)
{
    size_t column = reader->column++;

    if (column < 3) {
        if (*byte < '0' || *byte > '9' || (column == 0 && (*byte < '2' || *byte > '5')))
            return false;
        reader->code = reader->code * 10 + (*byte - '0');
    } else if (column == 3) {
        reader->goes_on = *byte == '-';
        return *byte == '-' || *byte == ' ';
    } else if (reader->hush && reader->lines > 0) {
        hush_byte(reader, byte);
    } else if (reader->lines == 0 && column - 4 < sizeof(reader->start) - 1) {
        reader->start[column - 4] = *byte;
    }
    return column < LINE_MAX_BYTES;
}

enum email_heard email_reader_feed(struct email_reader *reader, char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool ok;

        if (reader->done)
            return i > 0 ? EMAIL_HEARD_MORE : EMAIL_HEARD_NOISE;
        if (bytes[i] == '\n')
            ok = line_end(reader);
        else if (bytes[i] == '\r')
            ok = true;
        else
            ok = line_byte(reader, &bytes[i]);
        if (!ok)
            return EMAIL_HEARD_NOISE;
    }
    return reader->done ? EMAIL_HEARD_REPLY : EMAIL_HEARD_PART;
}

/* ---- what it means */

/* Commands that the server did not know or want, or that nobody has signed in: our own fault. */
static bool is_about_us(int code)
{
    switch (code) {
    case 500:
    case 502:
    case 503:
    case 504:
    case 530:
    case 534:
    case 535:
    case 538:
        return true;
    default:
        return false;
    }
}

/* X.1.7 and X.1.8 are of the sender's address (RFC 3463 section 3.2). */
static bool is_about_sender(const struct email_reply *reply)
{
    return reply->enhanced[1] == 1 && (reply->enhanced[2] == 7 || reply->enhanced[2] == 8);
}

static bool is_policy(const struct email_reply *reply)
{
    return reply->enhanced[1] == 7 || (reply->enhanced[0] == 0 && reply->code == 554);
}

enum channel_outcome email_reply_outcome(enum email_stage stage, const struct email_reply *reply,
                                         bool relays)
{
    int kind = reply->code / 100;

    if (kind == 2 && stage == EMAIL_DOT)
        return CHANNEL_ACCEPTED;
    if (reply->code == 421 || kind < 4)
        return CHANNEL_LINK_DOWN;
    if (kind == 4)
        return CHANNEL_RETRY;
    if (stage == EMAIL_MAIL || is_about_us(reply->code) || is_about_sender(reply))
        return CHANNEL_LINK_DOWN;
    if (is_policy(reply) && !relays)
        return CHANNEL_RETRY;
    return CHANNEL_REJECTED;
}

void email_reply_word(const struct email_reply *reply, char word[EMAIL_WORD_MAX])
{
    if (reply->enhanced[0] != 0)
        snprintf(word, EMAIL_WORD_MAX, "smtp_%d_%d.%d.%d", reply->code, reply->enhanced[0],
                 reply->enhanced[1], reply->enhanced[2]);
    else
        snprintf(word, EMAIL_WORD_MAX, "smtp_%d", reply->code);
}
