/* email_desk.c - a queue with a lock. It knows neither loop nor wire. */
#include "channel/email_desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct email_desk {
    pthread_mutex_t lock;
    pthread_cond_t laid;
    TAILQ_HEAD(, email_mail) mails;
    int sessions_waiting;
    bool ending;
};

void email_mail_free(struct email_mail *mail)
{
    if (mail == NULL)
        return;
    free(mail->recipient);
    free(mail->bytes);
    free(mail);
}

struct email_desk *email_desk_new(void)
{
    struct email_desk *desk = mem_new(1, sizeof(*desk));

    if (pthread_mutex_init(&desk->lock, NULL) != 0 || pthread_cond_init(&desk->laid, NULL) != 0)
        log_fatal("a lock cannot be made");
    TAILQ_INIT(&desk->mails);
    return desk;
}

void email_desk_free(struct email_desk *desk)
{
    struct email_mail *mail;

    while ((mail = email_desk_withdraw(desk, true)) != NULL)
        email_mail_free(mail);
    pthread_cond_destroy(&desk->laid);
    pthread_mutex_destroy(&desk->lock);
    free(desk);
}

void email_desk_put(struct email_desk *desk, struct email_mail *mail)
{
    pthread_mutex_lock(&desk->lock);
    TAILQ_INSERT_TAIL(&desk->mails, mail, entry);
    pthread_cond_signal(&desk->laid);
    pthread_mutex_unlock(&desk->lock);
}

struct email_mail *email_desk_withdraw(struct email_desk *desk, bool all)
{
    struct email_mail *mail;

    pthread_mutex_lock(&desk->lock);
    mail = TAILQ_FIRST(&desk->mails);
    if (mail != NULL && (all || mail->begin_by_ms <= clock_elapsed_ms()))
        TAILQ_REMOVE(&desk->mails, mail, entry);
    else
        mail = NULL;
    pthread_mutex_unlock(&desk->lock);
    return mail;
}

bool email_desk_needs_session(struct email_desk *desk)
{
    bool needs;

    pthread_mutex_lock(&desk->lock);
    needs = !desk->ending && !TAILQ_EMPTY(&desk->mails) && desk->sessions_waiting == 0;
    pthread_mutex_unlock(&desk->lock);
    return needs;
}

void email_desk_end(struct email_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    desk->ending = true;
    pthread_cond_broadcast(&desk->laid);
    pthread_mutex_unlock(&desk->lock);
}

struct email_mail *email_desk_take(struct email_desk *desk, int linger_ms)
{
    struct email_mail *mail = NULL;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += linger_ms * 1000000L; /* less than a second */
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&desk->lock);
    desk->sessions_waiting++;
    while (!desk->ending && TAILQ_EMPTY(&desk->mails) && linger_ms > 0)
        if (pthread_cond_clockwait(&desk->laid, &desk->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    desk->sessions_waiting--;
    if (!desk->ending && (mail = TAILQ_FIRST(&desk->mails)) != NULL)
        TAILQ_REMOVE(&desk->mails, mail, entry);
    pthread_mutex_unlock(&desk->lock);
    return mail;
}
