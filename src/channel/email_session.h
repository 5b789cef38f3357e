/*
 * email_session.h - one SMTP session with the relay, on a thread of its own, by libesmtp: as many
 * mails as the desk has, one after the other, each with an outcome of its own.
 *
 * libesmtp is told of no more than it needs, and believed in nothing: its monitor lets us see each
 * command before it leaves and each reply before the library reads it. What is sent, and what
 * became of it, is decided here by those; a command that must not leave (a mail where nobody has
 * signed in, a password in the clear) is stopped by cutting the wire before it.
 */
#ifndef HERSYS_CHANNEL_EMAIL_SESSION_H
#define HERSYS_CHANNEL_EMAIL_SESSION_H

#include <openssl/ssl.h>

#include "channel/channel.h"
#include "channel/email_desk.h"
#include "channel/email_reply.h"
#include "channel/email_wire.h"
#include "io/worker.h"

/* What every session reads, and none writes. */
struct email_setup {
    char *host;
    char *port;
    char *from; /* the envelope's sender */
    char *user; /* "": no AUTH */
    char *password;
    SSL_CTX *tls; /* NULL: no STARTTLS */
    int timeout_ms;
    int messages_per_session;
};

struct email_job {
    const struct email_setup *setup;
    struct email_desk *desk;
    struct email_wire
        *wire; /* this session's; nobody else has it before the session's end is told */
};

/* What it tells (worker_tell()): each mail once, then the end. */
struct email_told {
    void *token;             /* of the mail; NULL: the session is at its end */
    struct email_wire *wire; /* of the session */
    enum channel_outcome outcome;
    char error[EMAIL_WORD_MAX]; /* "" where there is none */
    int accepted;               /* at the end: mails that the relay took */
    bool down;                  /* no other mail would fare better; at the end: it had none */
};

/* A worker_job_cb; `job` is a struct email_job. */
void email_session_run(struct worker *worker, void *job, size_t len);

#endif
