/*
 * email_desk.h - where the loop lays mails down and the sessions' threads pick them up, one after
 * the other. A mail has one owner at a time: the loop, the desk, or a session.
 */
#ifndef HERSYS_CHANNEL_EMAIL_DESK_H
#define HERSYS_CHANNEL_EMAIL_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct email_mail {
    TAILQ_ENTRY(email_mail) entry;
    void *token; /* the loop's; a session gives it back and never looks behind it */
    char *recipient;
    char *bytes; /* as mime_write() gives them */
    size_t len;
    int64_t begin_by_ms; /* of clock_elapsed_ms(): not given to the relay later than this */
};

void email_mail_free(struct email_mail *mail);

struct email_desk;

struct email_desk *email_desk_new(void);
void email_desk_free(struct email_desk *desk);

/* ---- the loop's side */

void email_desk_put(struct email_desk *desk, struct email_mail *mail);

/* The oldest mail, if it should have begun by now (or whatever its age, with `all`); NULL where
 * there is none. The caller owns it. */
struct email_mail *email_desk_withdraw(struct email_desk *desk, bool all);

/* Whether mails lie there for which no session waits. */
bool email_desk_needs_session(struct email_desk *desk);

/* No session waits any longer. */
void email_desk_end(struct email_desk *desk);

/* ---- the sessions' side */

/* The oldest mail; where there is none it waits `linger_ms` for one. NULL at the end. The caller
 * owns it. */
struct email_mail *email_desk_take(struct email_desk *desk, int linger_ms)
    __attribute__((warn_unused_result));

#endif
