/*
 * email_reply.h - reads an SMTP server's replies (RFC 5321 section 4.2, RFC 3463), and says what
 * each means for a mail. Pure: bytes in, words out.
 */
#ifndef HERSYS_CHANNEL_EMAIL_REPLY_H
#define HERSYS_CHANNEL_EMAIL_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "channel/channel.h"

enum { EMAIL_WORD_MAX = 32 }; /* bytes of an error word, NUL included */

/* Which of our commands a reply answers. */
enum email_stage {
    EMAIL_GREETING,
    EMAIL_EHLO,
    EMAIL_HELO,
    EMAIL_STARTTLS,
    EMAIL_AUTH,
    EMAIL_MAIL,
    EMAIL_RCPT,
    EMAIL_DATA, /* from the command to the last byte of the mail */
    EMAIL_DOT,  /* the end of the mail has been given to the wire */
    EMAIL_RSET,
    EMAIL_QUIT,
};

struct email_reply {
    int code;        /* 250 */
    int enhanced[3]; /* 2.1.5; zeros where there is none */
};

enum email_heard {
    EMAIL_HEARD_PART,  /* it goes on */
    EMAIL_HEARD_REPLY, /* one reply, and nothing behind it */
    EMAIL_HEARD_MORE,  /* one reply, and bytes behind it that nobody asked for */
    EMAIL_HEARD_NOISE, /* no reply */
};

/* A reply that is being read. Its fields are its own. */
struct email_reader {
    struct email_reply reply;
    bool hush; /* this answers EHLO */
    bool done;
    bool goes_on; /* the line began "250-" */
    int lines;
    size_t column;
    int code;
    char start[16]; /* of the first line's text: where an enhanced code stands */
    int word;       /* of an EHLO line */
    size_t letter;
    unsigned possible; /* which words that we know it may still become */
    bool is_auth;
};

/* For the answer to a command. With `hush`, the answer to EHLO. */
void email_reader_start(struct email_reader *reader, bool hush);

/*
 * Reads on. We wait for each reply before we give the next command, so that whatever comes behind a
 * reply was not asked for: in the clear it may be an attacker's, who wants it taken for the
 * server's answer under TLS (CVE-2011-0411).
 *
 * In an answer to EHLO it changes the bytes in place: every extension but STARTTLS and AUTH, and
 * every mechanism but PLAIN and LOGIN, becomes a word that means nothing. libesmtp hears of no
 * other then. It cannot be told otherwise, and with CHUNKING it forgets the answers to all chunks
 * but the last, with ENHANCEDSTATUSCODES it takes a reply for none where two of its lines differ in
 * them, with PIPELINING an answer can be taken for another's, and it prefers NTLM to PLAIN.
 */
enum email_heard email_reader_feed(struct email_reader *reader, char *bytes, size_t len);

/*
 * What became of a mail, by a reply to MAIL, RCPT, DATA or the final dot. Refused for good is only
 * what is the recipient's or the mail's own fault. What is ours (nobody signed in, a sender that is
 * not known there) takes the link down, for no patient's mail may die of a relay that is set up
 * wrongly; a policy that forbids (5.7.x) may be either, and is taken for the mail's only where this
 * relay takes others from us in the same session (`relays`): other recipients at RCPT, other mails
 * after it.
 */
enum channel_outcome email_reply_outcome(enum email_stage stage, const struct email_reply *reply,
                                         bool relays);

/* "smtp_550_5.1.1", or "smtp_550" where the server gave no enhanced code. */
void email_reply_word(const struct email_reply *reply, char word[EMAIL_WORD_MAX]);

#endif
