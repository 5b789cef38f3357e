/* ctl_store.c - one question to the database at a time, on a loop of its own. */
#include "bin/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { CTL_CONNECT_TIMEOUT_S = 10 };

static void store_on_up(void *arg)
{
    ctl_store_end(arg, CTL_DONE);
}

static void store_on_refused(void *arg, const char *why)
{
    fprintf(stderr, "hersysctl: %s\n", why);
    ctl_store_end(arg, CTL_FAILED);
}

static void store_on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct ctl_store *db = arg;
    const char *why = store_last_error(db->store);

    (void)fd;
    (void)what;
    fprintf(stderr, "hersysctl: the database cannot be reached or used%s%s\n",
            why[0] != '\0' ? ": " : "", why);
    /* PostgreSQL takes the Unix user for the role. */
    if (getuid() == 0 && strstr(why, "role \"root\"") != NULL)
        fputs("hersysctl: root has no role there; run it as the daemon's user (runuser -u "
              "hersys-gateway -- hersysctl ...) or as an operator (hersysctl(1), NOTES)\n",
              stderr);
    ctl_store_end(db, CTL_FAILED);
}

/* A first failure is told at once: a person is waiting. */
static void store_on_check(evutil_socket_t fd, short what, void *arg)
{
    struct ctl_store *db = arg;

    if (!db->done && store_last_error(db->store)[0] != '\0')
        store_on_timeout(fd, what, arg);
}

bool ctl_store_open(struct ctl *ctl, struct ctl_store *db)
{
    struct timeval patience = {CTL_CONNECT_TIMEOUT_S, 0}, look = {0, 20000};
    struct event *timeout, *check;
    int status;

    if (!ctl_read_conf(ctl))
        return false;
    *db = (struct ctl_store){.base = event_base_new()};
    if (db->base == NULL)
        log_fatal("the event loop cannot be made");
    log_set_level(LOG_LEVEL_ERROR);
    db->store = store_new(db->base,
                          &(struct store_options){
                              .dsn = ctl->conf->database.dsn,
                              .statement_timeout_s = ctl->conf->database.statement_timeout_seconds,
                              .on_up = store_on_up,
                              .on_refused = store_on_refused,
                              .arg = db,
                          });
    timeout = evtimer_new(db->base, store_on_timeout, db);
    check = event_new(db->base, -1, EV_PERSIST, store_on_check, db);
    if (timeout == NULL || check == NULL || event_add(timeout, &patience) != 0 ||
        event_add(check, &look) != 0)
        log_fatal("out of memory");
    status = ctl_store_wait(db);
    event_free(timeout);
    event_free(check);
    if (status != CTL_DONE)
        ctl_store_close(db);
    return status == CTL_DONE;
}

int ctl_store_wait(struct ctl_store *db)
{
    db->done = false;
    while (!db->done && event_base_loop(db->base, EVLOOP_ONCE) == 0)
        ;
    return db->status;
}

void ctl_store_end(struct ctl_store *db, int status)
{
    db->done = true;
    db->status = status;
}

void ctl_store_close(struct ctl_store *db)
{
    store_free(db->store);
    event_base_free(db->base);
}

void ctl_say_outcome(enum db_outcome outcome)
{
    switch (outcome) {
    case DB_OK:
        return;
    case DB_ERROR:
        fputs("hersysctl: the database refused it; its SQLSTATE stands above\n", stderr);
        return;
    case DB_LOST:
        fputs("hersysctl: the connection broke; it may or may not have been done\n", stderr);
        return;
    case DB_UNAVAILABLE:
        fputs("hersysctl: the database is away; nothing was done\n", stderr);
        return;
    }
}

const char *ctl_actor(char name[100])
{
    const struct passwd *user = getpwuid(getuid());

    if (user != NULL)
        snprintf(name, 100, "os:%.90s", user->pw_name);
    else
        snprintf(name, 100, "os:%ld", (long)getuid());
    return name;
}

bool ctl_read_id(const char *text, const char *what, int64_t *id)
{
    char *end;

    errno = 0;
    *id = strtoll(text, &end, 10);
    if (errno == 0 && *text != '\0' && *end == '\0' && *id >= 1)
        return true;
    fprintf(stderr, "hersysctl: \"%s\" is no %s; a whole number is wanted\n", text, what);
    return false;
}
