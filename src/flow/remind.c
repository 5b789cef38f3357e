/*
 * remind.c - what the gateway does because time passes. Each step is one call that commits what it
 * did; several daemons may tick at once. It never sends: what it makes due, flow/deliver takes up.
 */
#include "flow/remind.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/chores.h"

enum {
    REMIND_CHUNK = 5000, /* telephones a call */
    REMIND_REAP_S = 5, /* the lease says how long a message waits for a daemon that died; this only
                          adds to it */
    REMIND_REAP_LIMIT = 500,
    REMIND_SELDOM_TICKS = 20, /* receipts are given up after three days: no hurry */
    REMIND_HOUSEKEEPING_LIMIT = 5000,
};

struct remind {
    struct store *store;
    struct event *timer;
    struct event *reap;
    int tick_s;
    int ticks;
    bool busy; /* reminders are being made due */
    bool stopped;
    int64_t queued; /* in this tick */
};

static void remind_on_chunk(void *arg, enum db_outcome outcome, int queued);

static void remind_chunk(struct remind *remind)
{
    remind->busy =
        !remind->stopped && store_remind_due(remind->store, REMIND_CHUNK, remind_on_chunk, remind);
}

static void remind_on_chunk(void *arg, enum db_outcome outcome, int queued)
{
    struct remind *remind = arg;

    remind->busy = false;
    if (outcome == DB_OK && queued >= 0) {
        remind->queued += queued;
        remind_chunk(remind);
        return;
    }
    if (remind->queued > 0)
        log_info("reminders_queued", LOG_INT("messages", remind->queued));
    remind->queued = 0;
}

static void reap_on_count(void *arg, enum db_outcome outcome, int lapsed);

static void reap_some(struct remind *remind)
{
    /* A full queue of statements is no reason to wait: the next turn of the timer asks again. */
    if (!store_outbox_reap(remind->store, REMIND_REAP_LIMIT, reap_on_count, remind))
        log_warning("chore_skipped", LOG_STR("chore", "reap"));
}

static void reap_on_count(void *arg, enum db_outcome outcome, int lapsed)
{
    struct remind *remind = arg;

    if (outcome == DB_OK && lapsed > 0)
        log_warning("leases_lapsed", LOG_INT("messages", lapsed));
    if (outcome == DB_OK && lapsed >= REMIND_REAP_LIMIT && !remind->stopped)
        reap_some(remind);
}

static void remind_on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct remind *remind = arg;

    (void)fd;
    (void)what;
    if (store_is_up(remind->store))
        reap_some(remind);
}

static void give_up_on_count(void *arg, enum db_outcome outcome, int count)
{
    (void)arg;
    if (outcome == DB_OK && count > 0)
        log_info("receipts_given_up", LOG_INT("messages", count));
}

static void housekeeping_on_count(void *arg, enum db_outcome outcome, int count);

static void housekeeping_some(struct remind *remind)
{
    if (!store_housekeeping(remind->store, REMIND_HOUSEKEEPING_LIMIT, housekeeping_on_count,
                            remind))
        log_warning("chore_skipped", LOG_STR("chore", "housekeeping"));
}

static void housekeeping_on_count(void *arg, enum db_outcome outcome, int count)
{
    struct remind *remind = arg;

    if (outcome == DB_OK && count > 0)
        log_debug("rows_removed", LOG_INT("rows", count));
    if (outcome == DB_OK && count >= REMIND_HOUSEKEEPING_LIMIT && !remind->stopped)
        housekeeping_some(remind);
}

static void remind_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct remind *remind = arg;
    struct timeval again = {remind->tick_s, 0};

    (void)fd;
    (void)what;
    if (remind->stopped)
        return;
    event_add(remind->timer, &again);
    if (!store_is_up(remind->store))
        return;
    if (!remind->busy)
        remind_chunk(remind);
    if (remind->ticks++ % REMIND_SELDOM_TICKS != 0)
        return;
    if (!store_receipt_give_up(remind->store, give_up_on_count, remind))
        log_warning("chore_skipped", LOG_STR("chore", "receipt_give_up"));
    housekeeping_some(remind);
}

struct remind *remind_new(struct event_base *base, struct store *store, int tick_s)
{
    struct remind *remind = mem_new(1, sizeof(*remind));
    struct timeval reap = {REMIND_REAP_S, 0};

    remind->store = store;
    remind->tick_s = tick_s;
    remind->timer = evtimer_new(base, remind_on_tick, remind);
    remind->reap = event_new(base, -1, EV_PERSIST, remind_on_reap, remind);
    if (remind->timer == NULL || remind->reap == NULL || event_add(remind->reap, &reap) != 0)
        log_fatal("out of memory");
    return remind;
}

void remind_free(struct remind *remind)
{
    event_free(remind->timer);
    event_free(remind->reap);
    free(remind);
}

void remind_set_tick(struct remind *remind, int tick_s)
{
    struct timeval wait = {tick_s, 0};

    if (tick_s != remind->tick_s && event_pending(remind->timer, EV_TIMEOUT, NULL))
        event_add(remind->timer, &wait);
    remind->tick_s = tick_s;
}

void remind_wake(struct remind *remind)
{
    struct timeval now = {0, 0}, reap = {REMIND_REAP_S, 0};

    if (remind->stopped)
        return;
    event_add(remind->timer, &now);
    /* Leases that ran out while the database was away are settled last: what was sent meanwhile is
     * finished first, and so not sent again. */
    event_add(remind->reap, &reap);
}

void remind_stop(struct remind *remind)
{
    remind->stopped = true;
    event_del(remind->timer);
    event_del(remind->reap);
}
