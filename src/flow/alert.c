/*
 * alert.c - what happens to alerts because time passes. Each step is one call that commits what it
 * did; several daemons may tick at once. It raises none and sends none: the first telling is queued
 * with the alert itself, and flow/deliver takes up what is queued.
 */
#include "flow/alert.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/alert.h"

enum { ALERT_CHUNK = 1000 };

struct alert {
    struct store *store;
    struct event *timer;
    int tick_s;
    bool busy; /* contacts are being told */
    bool stopped;
};

static void escalate_on_centres(void *arg, enum db_outcome outcome,
                                const struct store_alerts_told *centres, int count);

static void escalate_some(struct alert *alert)
{
    alert->busy = store_alerts_escalate(alert->store, ALERT_CHUNK, escalate_on_centres, alert);
    if (!alert->busy)
        log_warning("chore_skipped", LOG_STR("chore", "alerts_escalate"));
}

static void escalate_on_centres(void *arg, enum db_outcome outcome,
                                const struct store_alerts_told *centres, int count)
{
    struct alert *alert = arg;
    int told = 0;

    alert->busy = false;
    for (int i = 0; i < count; i++) {
        told += centres[i].told;
        if (centres[i].told == 0)
            log_error("alert_without_contact", LOG_INT("centre", centres[i].centre_id));
        else
            log_warning("alerts_not_seen", LOG_INT("centre", centres[i].centre_id),
                        LOG_INT("alerts", centres[i].told));
    }
    if (outcome == DB_OK && told >= ALERT_CHUNK && !alert->stopped)
        escalate_some(alert);
}

static void digest_on_centres(void *arg, enum db_outcome outcome,
                              const struct store_alerts_told *centres, int count)
{
    (void)arg;
    (void)outcome; /* without rows where it failed, and then the next tick makes up for it */
    for (int i = 0; i < count; i++)
        log_info("digest_queued", LOG_INT("centre", centres[i].centre_id),
                 LOG_INT("alerts", centres[i].told));
}

static void alert_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct alert *alert = arg;
    struct timeval again = {alert->tick_s, 0};

    (void)fd;
    (void)what;
    if (alert->stopped)
        return;
    event_add(alert->timer, &again);
    if (!store_is_up(alert->store) || alert->busy)
        return;
    escalate_some(alert);
    if (!store_alerts_digest(alert->store, digest_on_centres, alert))
        log_warning("chore_skipped", LOG_STR("chore", "alerts_digest"));
}

struct alert *alert_new(struct event_base *base, struct store *store, int tick_s)
{
    struct alert *alert = mem_new(1, sizeof(*alert));

    alert->store = store;
    alert->tick_s = tick_s;
    alert->timer = evtimer_new(base, alert_on_tick, alert);
    if (alert->timer == NULL)
        log_fatal("out of memory");
    return alert;
}

void alert_free(struct alert *alert)
{
    event_free(alert->timer);
    free(alert);
}

void alert_set_tick(struct alert *alert, int tick_s)
{
    struct timeval wait = {tick_s, 0};

    if (tick_s != alert->tick_s && event_pending(alert->timer, EV_TIMEOUT, NULL))
        event_add(alert->timer, &wait);
    alert->tick_s = tick_s;
}

void alert_wake(struct alert *alert)
{
    struct timeval now = {0, 0};

    if (!alert->stopped)
        event_add(alert->timer, &now);
}

void alert_stop(struct alert *alert)
{
    alert->stopped = true;
    event_del(alert->timer);
}
