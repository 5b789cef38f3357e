/*
 * mime.h - writes an e-mail: header fields (RFC 5322), encoded words (RFC 2047) and a body of text
 * and HTML beside it (RFC 2046 multipart/alternative). Pure: bytes out, nothing sent.
 *
 * What it writes is ASCII, with CRLF at the end of each line and no line longer than 76 characters,
 * save for a header field whose one word is longer (an address); none exceeds 998. Lines that begin
 * with a dot are not doubled: that is the transport's.
 */
#ifndef HERSYS_BASE_MIME_H
#define HERSYS_BASE_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct mime_mail {
    const char *from;       /* an address, as email_parse() gives it */
    const char *from_name;  /* UTF-8, shown instead of the address; NULL or "" for none */
    const char *to;         /* an address, as email_parse() gives it */
    const char *subject;    /* UTF-8 */
    const char *text;       /* UTF-8; line ends are written as CRLF whatever they are */
    const char *html;       /* the same in HTML; NULL writes text alone */
    const char *language;   /* BCP 47: "ja"; NULL for none */
    const char *message_id; /* without its angle brackets */
    time_t date;            /* written in UTC */
};

/*
 * Writes the mail: `out` gets `len` bytes and a NUL behind them, to be freed by the caller. False,
 * with a word of ours in `why`, where a part of it cannot be written as it is: an address that is
 * none ("address_malformed"), a control character such as CR or LF in a field
 * ("subject_malformed", "name_malformed", "language_malformed", "message_id_malformed"), or a text
 * that is not UTF-8 ("text_malformed").
 *
 * It says of itself that a machine wrote it (RFC 3834), so that nobody's absence notice answers,
 * and names no other address for replies.
 */
bool mime_write(const struct mime_mail *mail, char **out, size_t *len, const char **why)
    __attribute__((warn_unused_result));

#endif
