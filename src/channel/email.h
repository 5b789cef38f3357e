/*
 * email.h - e-mail to patients, handed to one relay by SMTP (RFC 5321) as a client of its
 * submission service (RFC 6409), with STARTTLS (RFC 3207) and AUTH (RFC 4954).
 *
 * libesmtp speaks it, on threads of its own; email_session.h tells how it is kept in bounds. What
 * becomes of a mail:
 *
 *     accepted   the relay answered the end of the mail with 2xx; provider_id is our Message-ID
 *                (there are no receipts of e-mail)
 *     retry      a 4xx, or the connection was lost before the end of the mail
 *     rejected   a 5xx for this recipient or this mail: smtp_550_5.1.1
 *     unknown    the connection was lost after the end of the mail, before the answer
 *     link_down  no session, or a 421, or a 5xx that is not the mail's own fault
 *     throttled  the sessions are all busy, and the mail has waited too long
 *
 * With link_down every mail that waits is given back; where an operator has to mend something
 * (auth_refused, no_auth, no_starttls, tls_failed, tls_injection) for a minute. The one mail whose
 * recipient the relay has been given is told retry then, for it may be the reason.
 *
 * A mail that is tried again has the Message-ID that it had, so that a mailbox can tell.
 */
#ifndef HERSYS_CHANNEL_EMAIL_H
#define HERSYS_CHANNEL_EMAIL_H

#include <event2/event.h>
#include <stdbool.h>

#include "channel/channel.h"

#define EMAIL_LINK "email"

struct email;

struct email_options {
    const char *relay; /* "smtp.example.jp:587", "[2001:db8::25]:587" */
    bool starttls;
    const char *ca_file; /* "": the system's */
    const char *user;    /* "": no AUTH */
    const char *password_file;
    const char *from;
    const char *from_name; /* "": none */
    int sessions;
    int messages_per_session;
    int timeout_s;
};

/* Reads the password, and makes the threads; connects to nothing yet. NULL with the reason in
 * `error`, one line. It sets XDG_CONFIG_DIR in the environment, and is called before other threads
 * are there. SIGPIPE must be ignored. */
struct email *email_new(struct event_base *base, const struct email_options *options, char *error,
                        size_t size) __attribute__((warn_unused_result));

/* What is on the wire gets no answer. It cuts every connection, and waits two seconds for the
 * threads; one that is still looking up the relay's name then is left behind. */
void email_free(struct email *email);

/* The link, valid as long as it. */
const struct channel *email_channel(struct email *email);

#endif
