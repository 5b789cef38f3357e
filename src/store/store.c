/* store.c - opens the connections and judges the schema that they find. It runs no statement of the
 * domain. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/schema_version.h"

enum { STORE_CONNECT_TIMEOUT_S = 10, STORE_MAX_PENDING = 4096 };

struct store {
    struct store_options options;
    struct db *lanes[STORE_LANES];
    bool up; /* what the owner was told last */
    char refused[160];
};

static const char *const lane_names[STORE_LANES] = {
    [STORE_DELIVER] = "deliver", [STORE_RECEIVE] = "receive", [STORE_API] = "api",
    [STORE_API + 1] = "api-2",   [STORE_API + 2] = "api-3",   [STORE_API_LAST] = "api-4",
    [STORE_CHORES] = "chores",   [STORE_LISTEN] = "listen",
};

/* A database without our schema, or that lacks our right to it, says so itself, in words for the
 * operator. */
static const char check_sql[] =
    "DO $$ BEGIN "
    "IF to_regnamespace('hersys') IS NULL THEN "
    "RAISE EXCEPTION 'the database has no hersys schema: run hersysctl migrate'; "
    "ELSIF NOT has_schema_privilege('hersys', 'USAGE') THEN "
    "RAISE EXCEPTION 'the role % may not use the schema hersys: GRANT hersys_gateway TO it', "
    "current_user USING ERRCODE = '42501'; "
    "ELSIF to_regprocedure('hersys.schema_version()') IS NULL THEN "
    "RAISE EXCEPTION 'the hersys schema is unfinished: run hersysctl migrate'; "
    "END IF; END $$; "
    "SELECT hersys.schema_version()";

static void store_refuse(struct store *store, const char *why)
{
    snprintf(store->refused, sizeof(store->refused), "%s", why);
    if (store->options.on_refused != NULL)
        store->options.on_refused(store->options.arg, store->refused);
}

static bool store_accept(void *arg, const PGresult *result)
{
    struct store *store = arg;
    int version = PQntuples(result) == 1 ? atoi(PQgetvalue(result, 0, 0)) : 0;
    char why[160];

    if (version == SCHEMA_VERSION) {
        store->refused[0] = '\0';
        return true;
    }
    snprintf(why, sizeof(why),
             "the database schema is version %d, this program needs version %d: %s", version,
             SCHEMA_VERSION,
             version < SCHEMA_VERSION ? "run hersysctl migrate" : "install the newer program");
    store_refuse(store, why);
    return false;
}

static bool lanes_are_up(const struct store *store)
{
    for (int i = 0; i < STORE_LANES; i++)
        if (store->lanes[i] != NULL && !db_is_up(store->lanes[i]))
            return false;
    return true;
}

static void store_on_up(void *arg)
{
    struct store *store = arg;

    if (store->up || !lanes_are_up(store))
        return;
    store->up = true;
    if (store->options.on_up != NULL)
        store->options.on_up(store->options.arg);
}

static void store_on_down(void *arg)
{
    struct store *store = arg;

    if (!store->up)
        return;
    store->up = false;
    if (store->options.on_down != NULL)
        store->options.on_down(store->options.arg);
}

static void store_on_notify(void *arg, const char *channel, const char *payload)
{
    struct store *store = arg;

    (void)channel;
    (void)payload;
    if (store->options.on_wake != NULL)
        store->options.on_wake(store->options.arg);
}

static bool is_api(enum store_lane lane)
{
    return lane >= STORE_API && lane <= STORE_API_LAST;
}

/* An API request that waits for a lock has others behind it: it gives up soon, and is brought
 * again. */
static struct db *lane_open(struct store *store, struct event_base *base, enum store_lane lane)
{
    char *setup =
        mem_printf("SET statement_timeout = '%ds'; %s%s%s", store->options.statement_timeout_s,
                   is_api(lane) ? "SET lock_timeout = '5s'; " : "",
                   lane == STORE_LISTEN ? "LISTEN hersys_outbox; " : "", check_sql);
    struct db_options options = {
        .name = lane_names[lane],
        .dsn = store->options.dsn,
        .setup_sql = setup,
        .connect_timeout_s = STORE_CONNECT_TIMEOUT_S,
        .max_pending = STORE_MAX_PENDING,
        .accept = store_accept,
        .on_up = store_on_up,
        .on_down = store_on_down,
        .on_notify = lane == STORE_LISTEN ? store_on_notify : NULL,
        .arg = store,
    };
    struct db *db = db_new(base, &options);

    free(setup);
    return db;
}

struct store *store_new(struct event_base *base, const struct store_options *options)
{
    struct store *store = mem_new(1, sizeof(*store));

    store->options = *options;
    for (int i = 0; i < STORE_LANES; i++)
        if (options->listen || i == STORE_CHORES)
            store->lanes[i] = lane_open(store, base, (enum store_lane)i);
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store->options.on_up = NULL;
    store->options.on_down = NULL;
    for (int i = 0; i < STORE_LANES; i++)
        if (store->lanes[i] != NULL)
            db_free(store->lanes[i]);
    free(store);
}

bool store_is_up(const struct store *store)
{
    return lanes_are_up(store);
}

const char *store_last_error(const struct store *store)
{
    if (store->refused[0] != '\0')
        return store->refused;
    for (int i = 0; i < STORE_LANES; i++)
        if (store->lanes[i] != NULL && !db_is_up(store->lanes[i]) &&
            db_last_error(store->lanes[i])[0] != '\0')
            return db_last_error(store->lanes[i]);
    return "";
}

int store_pending(const struct store *store)
{
    int pending = 0;

    for (int i = 0; i < STORE_LANES; i++)
        if (store->lanes[i] != NULL)
            pending += db_pending(store->lanes[i]);
    return pending;
}

struct db *store_lane(struct store *store, enum store_lane lane)
{
    struct db *chosen = store->lanes[lane];

    for (int i = STORE_API + 1; lane == STORE_API && i <= STORE_API_LAST; i++)
        if (db_is_up(store->lanes[i]) &&
            (!db_is_up(chosen) || db_pending(store->lanes[i]) < db_pending(chosen)))
            chosen = store->lanes[i];
    return chosen;
}
