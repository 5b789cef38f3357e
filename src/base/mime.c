/* mime.c - writes e-mails. It judges no content, and sends nothing. */
#include "base/mime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/email.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

enum {
    LINE_MAX_CHARS = 76,   /* RFC 2045 section 6.7, RFC 2047 section 2 */
    WORD_MAX_CHARS = 75,   /* RFC 2047 section 2 */
    WORD_FRAME_CHARS = 12, /* "=?UTF-8?B?" and "?=" */
    BASE64_LINE_BYTES = 57,
    LANGUAGE_MAX = 35,
    MESSAGE_ID_MAX = 400,
};

/* ---- what grows */

struct out {
    char *bytes;
    size_t len, room;
};

static void put(struct out *out, const char *bytes, size_t len)
{
    if (out->len + len + 1 > out->room) {
        out->room = (out->len + len + 1) * 2;
        out->bytes = mem_grow(out->bytes, out->room, 1);
    }
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
    out->bytes[out->len] = '\0';
}

static void put_str(struct out *out, const char *text)
{
    put(out, text, strlen(text));
}

/* ---- encodings */

static void put_base64(struct out *out, const char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        unsigned group = (unsigned)(unsigned char)bytes[i] << 16;
        char four[4];

        if (i + 1 < len)
            group |= (unsigned)(unsigned char)bytes[i + 1] << 8;
        if (i + 2 < len)
            group |= (unsigned char)bytes[i + 2];
        four[0] = digits[group >> 18 & 63];
        four[1] = digits[group >> 12 & 63];
        four[2] = i + 1 < len ? digits[group >> 6 & 63] : '=';
        four[3] = i + 2 < len ? digits[group & 63] : '=';
        put(out, four, sizeof(four));
    }
}

static void put_base64_lines(struct out *out, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += BASE64_LINE_BYTES) {
        size_t part = len - at < BASE64_LINE_BYTES ? len - at : BASE64_LINE_BYTES;

        put_base64(out, bytes + at, part);
        put_str(out, "\r\n");
    }
}

/* Whether the byte may stand for itself in quoted-printable (RFC 2045 section 6.7). White space at
 * the end of a line, which transports cut off, may not; nor the F of a "From " that begins one,
 * which mailboxes change. */
static bool is_literal(const char *line, size_t at, size_t len)
{
    unsigned char c = (unsigned char)line[at];

    if (c == ' ' || c == '\t')
        return at + 1 < len;
    if (at == 0 && len >= 5 && memcmp(line, "From ", 5) == 0)
        return false;
    return c > ' ' && c < 0x7f && c != '=';
}

static void put_quoted_line(struct out *out, const char *line, size_t len)
{
    size_t column = 0;

    for (size_t i = 0; i < len; i++) {
        bool literal = is_literal(line, i, len);
        size_t wide = literal ? 1 : 3;
        char escaped[4];

        /* One column stays free for the "=" of a soft line break. */
        if (column + wide > LINE_MAX_CHARS - 1) {
            put_str(out, "=\r\n");
            column = 0;
        }
        if (literal) {
            put(out, line + i, 1);
        } else {
            snprintf(escaped, sizeof(escaped), "=%02X", (unsigned)(unsigned char)line[i]);
            put(out, escaped, 3);
        }
        column += wide;
    }
    put_str(out, "\r\n");
}

/* Of lines as canonical() gives them: each with CRLF, and no CR elsewhere. */
static void put_quoted(struct out *out, const struct out *lines)
{
    for (size_t at = 0; at < lines->len;) {
        const char *end = memchr(lines->bytes + at, '\r', lines->len - at);
        size_t len = (size_t)(end - (lines->bytes + at));

        put_quoted_line(out, lines->bytes + at, len);
        at += len + 2;
    }
}

/* The text with CRLF after each line, whatever ended them; to be freed. */
static struct out canonical(const char *text)
{
    struct out out = {NULL, 0, 0};

    put_str(&out, "");
    while (*text != '\0') {
        size_t len = strcspn(text, "\r\n");

        put(&out, text, len);
        put_str(&out, "\r\n");
        text += len;
        if (text[0] == '\r' && text[1] == '\n')
            text += 2;
        else if (*text != '\0')
            text++;
    }
    return out;
}

/* Quoted-printable stays readable, but takes three characters for a byte where base64 takes 4/3. */
static bool is_mostly_ascii(const struct out *lines)
{
    size_t escaped = 0;

    for (size_t i = 0; i < lines->len; i++)
        if ((unsigned char)lines->bytes[i] >= 0x7f || lines->bytes[i] == '=')
            escaped++;
    return escaped * 6 <= lines->len;
}

/* ---- header fields */

/* As many bytes of the text as fit, and whole characters alone. */
static size_t whole_characters(const char *text, size_t len, size_t fit)
{
    if (len <= fit)
        return len;
    while (fit > 0 && ((unsigned char)text[fit] & 0xc0) == 0x80)
        fit--;
    return fit;
}

/* Encoded words, each on a line of its own; `column` is where the first one begins. Gives back the
 * column behind the last. */
static size_t put_encoded_words(struct out *out, const char *text, size_t column)
{
    size_t len = strlen(text);

    for (;;) {
        size_t room = LINE_MAX_CHARS - column < WORD_MAX_CHARS ? LINE_MAX_CHARS - column
                                                               : (size_t)WORD_MAX_CHARS;
        size_t part = whole_characters(text, len, (room - WORD_FRAME_CHARS) / 4 * 3);

        put_str(out, "=?UTF-8?B?");
        put_base64(out, text, part);
        put_str(out, "?=");
        column += WORD_FRAME_CHARS + (part + 2) / 3 * 4;
        text += part;
        len -= part;
        if (len == 0)
            return column;
        put_str(out, "\r\n ");
        column = 1;
    }
}

/* Whether the text may stand in the field as it is. */
static bool is_plain(const char *text, size_t room)
{
    size_t len = strlen(text);

    if (len > room || (len > 0 && (text[0] == ' ' || text[len - 1] == ' ')) ||
        strstr(text, "=?") != NULL || strstr(text, "  ") != NULL)
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static void put_subject(struct out *out, const char *subject)
{
    static const char name[] = "Subject: ";

    put_str(out, name);
    if (is_plain(subject, LINE_MAX_CHARS - (sizeof(name) - 1)))
        put_str(out, subject);
    else
        put_encoded_words(out, subject, sizeof(name) - 1);
    put_str(out, "\r\n");
}

static void put_from(struct out *out, const char *name, const char *address)
{
    static const char field[] = "From: ";
    size_t column = sizeof(field) - 1;

    put_str(out, field);
    if (name == NULL || *name == '\0') {
        put_str(out, address);
        put_str(out, "\r\n");
        return;
    }
    /* A quoted string takes anything plain but these two (RFC 5322 section 3.2.4). */
    if (is_plain(name, LINE_MAX_CHARS - column - 2) && strpbrk(name, "\"\\") == NULL) {
        put_str(out, "\"");
        put_str(out, name);
        put_str(out, "\"");
        column += strlen(name) + 2;
    } else {
        column = put_encoded_words(out, name, column);
    }
    put_str(out, column + strlen(address) + 3 > LINE_MAX_CHARS ? "\r\n <" : " <");
    put_str(out, address);
    put_str(out, ">\r\n");
}

/* RFC 5322 section 3.3; in English whatever the locale. */
static void put_date(struct out *out, time_t date)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm utc;
    char line[96];

    gmtime_r(&date, &utc);
    snprintf(line, sizeof(line), "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[utc.tm_wday],
             utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
             utc.tm_sec);
    put_str(out, line);
}

static void put_fields(struct out *out, const struct mime_mail *mail)
{
    put_date(out, mail->date);
    put_from(out, mail->from_name, mail->from);
    put_str(out, "To: ");
    put_str(out, mail->to);
    put_str(out, "\r\n");
    put_subject(out, mail->subject);
    put_str(out, "Message-ID: <");
    put_str(out, mail->message_id);
    put_str(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    if (mail->language != NULL) {
        put_str(out, "Content-Language: ");
        put_str(out, mail->language);
        put_str(out, "\r\n");
    }
}

/* ---- the body */

static void put_part(struct out *out, const char *type, const char *text)
{
    struct out lines = canonical(text);
    bool quoted = is_mostly_ascii(&lines);

    put_str(out, "Content-Type: ");
    put_str(out, type);
    put_str(out, "; charset=UTF-8\r\nContent-Transfer-Encoding: ");
    put_str(out, quoted ? "quoted-printable\r\n\r\n" : "base64\r\n\r\n");
    if (quoted)
        put_quoted(out, &lines);
    else
        put_base64_lines(out, lines.bytes, lines.len);
    free(lines.bytes);
}

static void put_alternatives(struct out *out, const struct mime_mail *mail)
{
    char boundary[80], digits[65];

    /* "=_" stands in neither encoding, so that no part can hold it. */
    secret_sha256(mail->message_id, strlen(mail->message_id), digits);
    snprintf(boundary, sizeof(boundary), "=_%.24s", digits);
    put_str(out, "Content-Type: multipart/alternative;\r\n boundary=\"");
    put_str(out, boundary);
    put_str(out, "\"\r\n\r\n--");
    put_str(out, boundary);
    put_str(out, "\r\n");
    put_part(out, "text/plain", mail->text);
    put_str(out, "\r\n--");
    put_str(out, boundary);
    put_str(out, "\r\n");
    put_part(out, "text/html", mail->html);
    put_str(out, "\r\n--");
    put_str(out, boundary);
    put_str(out, "--\r\n");
}

/* ---- checks */

static bool is_address(const char *text)
{
    char parsed[EMAIL_MAX];

    return email_parse(text, strlen(text), parsed) && strcmp(text, parsed) == 0;
}

static bool is_language(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(text);

    return len > 0 && len <= LANGUAGE_MAX && strspn(text, allowed) == len;
}

static bool is_message_id(const char *text)
{
    size_t len = strlen(text);

    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '<' || *c == '>')
            return false;
    return len > 0 && len <= MESSAGE_ID_MAX && strchr(text, '@') != NULL;
}

static const char *fault(const struct mime_mail *mail)
{
    if (!is_address(mail->from) || !is_address(mail->to))
        return "address_malformed";
    if (mail->from_name != NULL && !text_is_line(mail->from_name))
        return "name_malformed";
    if (!text_is_line(mail->subject))
        return "subject_malformed";
    if (mail->language != NULL && !is_language(mail->language))
        return "language_malformed";
    if (!is_message_id(mail->message_id))
        return "message_id_malformed";
    if (!text_is_utf8(mail->text, strlen(mail->text)) ||
        (mail->html != NULL && !text_is_utf8(mail->html, strlen(mail->html))))
        return "text_malformed";
    return NULL;
}

bool mime_write(const struct mime_mail *mail, char **out, size_t *len, const char **why)
{
    struct out mail_out = {NULL, 0, 0};

    *out = NULL;
    *len = 0;
    *why = fault(mail);
    if (*why != NULL)
        return false;
    put_fields(&mail_out, mail);
    if (mail->html != NULL)
        put_alternatives(&mail_out, mail);
    else
        put_part(&mail_out, "text/plain", mail->text);
    *out = mail_out.bytes;
    *len = mail_out.len;
    return true;
}
