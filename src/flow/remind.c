/*
 * remind.c - what the gateway does because time passes. Each step is one call that commits what it
 * did; several daemons may tick at once. It never sends: what it makes due, flow/deliver takes up.
 */
#include "flow/remind.h"

#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/chores.h"

enum {
    REMIND_REAP_S = 5,  /* the lease says how long a message waits for a daemon that died; this only
                           adds to it */
    REMIND_SELDOM = 20, /* ticks */
};

/* One thing that the clock asks for: a statement that does a part of it and says how much. */
struct chore {
    const char *name;
    bool (*ask)(struct store *store, int limit, store_count_cb *cb, void *arg);
    int limit;
    int again_from;    /* a count at or above it: there is more to do now */
    const char *event; /* tells what was done, where it was anything */
    const char *what;  /* is counted */
    enum log_level level;
    int ticks; /* between two of them; 0: at the reaper's times */
};

static bool ask_give_up(struct store *store, int limit, store_count_cb *cb, void *arg)
{
    (void)limit;
    return store_receipt_give_up(store, cb, arg);
}

/* A count of -1 says that nothing is left; the others leave something only where they are full. */
static const struct chore chores[] = {
    {"reap", store_outbox_reap, 500, 500, "leases_lapsed", "messages", LOG_LEVEL_WARNING, 0},
    {"remind", store_remind_due, 5000, 0, "reminders_queued", "messages", LOG_LEVEL_INFO, 1},
    {"nudge", store_nudge_due, 5000, 0, "nudges_queued", "messages", LOG_LEVEL_INFO, 1},
    {"calls", store_calls_due, 5000, 0, "calls_raised", "patients", LOG_LEVEL_INFO, 1},
    {"end", store_monitoring_end, 500, 0, "monitoring_ended", "patients", LOG_LEVEL_INFO, 1},
    /* Receipts are given up after three days: no hurry. */
    {"give_up", ask_give_up, 0, INT_MAX, "receipts_given_up", "messages", LOG_LEVEL_INFO,
     REMIND_SELDOM},
    {"housekeeping", store_housekeeping, 5000, 5000, "rows_removed", "rows", LOG_LEVEL_DEBUG,
     REMIND_SELDOM},
};
enum { CHORES = MEM_COUNT(chores) };

/* A chore under way. */
struct turn {
    struct remind *remind;
    const struct chore *chore;
    int64_t done;
    bool busy;
};

struct remind {
    struct store *store;
    struct event *timer;
    struct event *reap;
    int tick_s;
    int ticks;
    bool stopped;
    struct turn turns[CHORES];
};

static void turn_on_count(void *arg, enum db_outcome outcome, int count);

static void turn_ask(struct turn *turn)
{
    const struct chore *chore = turn->chore;

    turn->busy = chore->ask(turn->remind->store, chore->limit, turn_on_count, turn);
    /* A full queue of statements is no reason to wait: the next turn of the timer asks again. */
    if (!turn->busy)
        log_warning("chore_skipped", LOG_STR("chore", chore->name));
}

static void turn_on_count(void *arg, enum db_outcome outcome, int count)
{
    struct turn *turn = arg;
    const struct chore *chore = turn->chore;

    turn->busy = false;
    if (outcome == DB_OK && count > 0)
        turn->done += count;
    if (outcome == DB_OK && count >= chore->again_from && !turn->remind->stopped)
        turn_ask(turn);
    if (!turn->busy && turn->done > 0) {
        log_write(chore->level, chore->event, LOG_PAIRS(LOG_INT(chore->what, turn->done)));
        turn->done = 0;
    }
}

/* Begins the chores of these times, but for those that are still under way. */
static void begin(struct remind *remind, bool reaper)
{
    for (size_t i = 0; i < CHORES; i++) {
        struct turn *turn = &remind->turns[i];
        int ticks = turn->chore->ticks;

        if ((ticks == 0) == reaper && !turn->busy && (reaper || remind->ticks % ticks == 0))
            turn_ask(turn);
    }
}

static void remind_on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct remind *remind = arg;

    (void)fd;
    (void)what;
    if (store_is_up(remind->store))
        begin(remind, true);
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
    begin(remind, false);
    remind->ticks = (remind->ticks + 1) % REMIND_SELDOM;
}

struct remind *remind_new(struct event_base *base, struct store *store, int tick_s)
{
    struct remind *remind = mem_new(1, sizeof(*remind));
    struct timeval reap = {REMIND_REAP_S, 0};

    remind->store = store;
    remind->tick_s = tick_s;
    for (size_t i = 0; i < CHORES; i++)
        remind->turns[i] = (struct turn){.remind = remind, .chore = &chores[i]};
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
