/*
 * store.h - the gateway's connections to PostgreSQL, those of each kind of work apart, and what
 * they must find there.
 *
 * All SQL of the gateway stands in this folder: each function of it is one act of the domain, one
 * statement, one function call of the schema (doc/schema.md). Results come as io/db.h promises:
 * exactly once, never before the call has returned.
 */
#ifndef HERSYS_STORE_STORE_H
#define HERSYS_STORE_STORE_H

#include <stdbool.h>

#include "io/db.h"

struct store;

/* Work that must not wait for other work has a connection of its own. */
enum store_lane {
    STORE_DELIVER, /* claims and finishes */
    STORE_RECEIVE, /* what comes in: messages and receipts */
    STORE_API,     /* requests of health centres and portals: of several lanes, the least busy */
    STORE_API_LAST = STORE_API + 3,
    STORE_CHORES, /* reminders, leases that ran out, the operator's questions */
    STORE_LISTEN, /* notifications */
    STORE_LANES,
};

struct store_options {
    const char *dsn;
    int statement_timeout_s;
    bool listen;                /* false: STORE_CHORES alone (hersysctl) */
    void (*on_up)(void *arg);   /* every lane is up (again) */
    void (*on_down)(void *arg); /* a lane was lost */
    void (*on_wake)(void *arg); /* something was queued; a hint */
    /* The database is there and is not ours: no schema, or of another version. `why` is one line.
     */
    void (*on_refused)(void *arg, const char *why);
    void *arg;
};

struct store *store_new(struct event_base *base, const struct store_options *options);
void store_free(struct store *store);

bool store_is_up(const struct store *store);

/* Why it is not, one line without secrets; "" where nothing is known. */
const char *store_last_error(const struct store *store);

/* Statements of every lane that have no result yet. */
int store_pending(const struct store *store);

/* For the other files of this folder. Statements of STORE_API may overtake each other. */
struct db *store_lane(struct store *store, enum store_lane lane);

#endif
