/*
 * test_db.c - the promises of io/db.h, against a real PostgreSQL that tests/with-postgres has
 * started and that these tests terminate, stop and kill.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these four first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/db.h"
#include "io/db_dsn.h"

enum { MANY = 10000 };

static const struct db_statement insert = {"insert", "insert into t (id, note) values ($1::int, "
                                                     "$2)"};
static const struct db_statement echo = {"echo", "select $1::text, $2::bytea, $3::text"};
static const struct db_statement number = {"number", "select $1::int"};
static const struct db_statement divide = {"divide", "select 100 / $1::int"};
static const struct db_statement snooze = {"snooze", "select pg_sleep($1::float)"};

struct world {
    struct event_base *base;
    struct db *db;
    PGconn *admin;
    struct db_options options;
    int ups, downs, accepts, notifies;
    bool refuse; /* what accept() says */
    bool free_in_accept, free_in_up, free_in_down, free_in_notify;
    double accepted_at[4];
    char payload[64];
};

/* One statement's fate. */
struct fate {
    struct world *world;
    int calls;
    enum db_outcome outcome;
    char state[8];
    char value[3][256];
    int lengths[3];
    bool null[3];
    bool binary_result;
    int *order; /* counts results: which one this was */
    int place;
    bool free_db, query_again;
    struct db *ask_freed; /* db_query() on what is being freed */
    bool returned;        /* db_query() has */
    bool early;
    struct fate *next;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void turn(struct world *w)
{
    struct timeval tick = {.tv_usec = 20000};

    event_base_loopexit(w->base, &tick);
    event_base_loop(w->base, EVLOOP_ONCE);
}

#define WAIT_FOR(w, condition)                                                                     \
    do {                                                                                           \
        double wait_end_ = now() + 30;                                                             \
        while (!(condition)) {                                                                     \
            if (now() > wait_end_)                                                                 \
                fail_msg("waited in vain for: %s", #condition);                                    \
            turn(w);                                                                               \
        }                                                                                          \
    } while (0)

static void run_for(struct world *w, double seconds)
{
    for (double end = now() + seconds; now() < end;)
        turn(w);
}

static void pg_ctl(const char *what)
{
    char command[256];

    snprintf(command, sizeof(command), "%s %s", getenv("PG_CTL"), what);
    assert_int_equal(system(command), 0);
}

static void admin_do(struct world *w, const char *sql)
{
    if (w->admin == NULL || PQstatus(w->admin) != CONNECTION_OK) {
        PQfinish(w->admin);
        w->admin = PQconnectdb("");
    }
    PGresult *result = PQexec(w->admin, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(w->admin));
    PQclear(result);
}

static int admin_int(struct world *w, const char *sql)
{
    admin_do(w, "select 1");
    PGresult *result = PQexec(w->admin, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(w->admin));
    int value = atoi(PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

static void drop_db(struct world *w)
{
    struct db *db = w->db;

    w->db = NULL;
    db_free(db);
}

static bool on_accept(void *arg, const PGresult *result)
{
    struct world *w = arg;

    assert_string_equal(PQgetvalue(result, 0, 0), "ready");
    if (w->accepts < 4)
        w->accepted_at[w->accepts] = now();
    w->accepts++;
    if (w->free_in_accept)
        drop_db(w);
    return !w->refuse;
}

static void on_up(void *arg)
{
    struct world *w = arg;

    w->ups++;
    if (w->free_in_up)
        drop_db(w);
}

static void on_down(void *arg)
{
    struct world *w = arg;

    w->downs++;
    if (w->free_in_down)
        drop_db(w);
}

static void on_notify(void *arg, const char *channel, const char *payload)
{
    struct world *w = arg;

    assert_string_equal(channel, "work");
    snprintf(w->payload, sizeof(w->payload), "%s", payload);
    w->notifies++;
    if (w->free_in_notify)
        drop_db(w);
}

static void on_result(void *arg, enum db_outcome outcome, const PGresult *result)
{
    struct fate *fate = arg;

    fate->calls++;
    fate->early = !fate->returned;
    fate->outcome = outcome;
    fate->place = fate->order != NULL ? (*fate->order)++ : 0;
    snprintf(fate->state, sizeof(fate->state), "%s", db_sqlstate(result));
    assert_true((result != NULL) == (outcome == DB_OK || outcome == DB_ERROR));
    for (int i = 0; outcome == DB_OK && i < 3 && i < PQnfields(result) && PQntuples(result) > 0;
         i++) {
        snprintf(fate->value[i], sizeof(fate->value[i]), "%s", PQgetvalue(result, 0, i));
        fate->lengths[i] = PQgetlength(result, 0, i);
        fate->null[i] = PQgetisnull(result, 0, i);
    }
    if (fate->ask_freed != NULL)
        assert_false(db_query(fate->ask_freed, &number, (struct db_param[]){{"7", 0, false}}, 1,
                              on_result, fate));
    if (fate->free_db)
        drop_db(fate->world);
    if (fate->query_again && fate->world->db != NULL) {
        fate->next->returned = false;
        assert_true(db_query(fate->world->db, &number, (struct db_param[]){{"7", 0, false}}, 1,
                             on_result, fate->next));
        fate->next->returned = true;
    }
}

static bool ask(struct world *w, const struct db_statement *statement,
                const struct db_param *params, int count, struct fate *fate)
{
    fate->world = w;
    bool queued = db_query(w->db, statement, params, count, on_result, fate);
    fate->returned = true;
    return queued;
}

static bool ask_int(struct world *w, const struct db_statement *statement, int value,
                    struct fate *fate)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", value);
    return ask(w, statement, (struct db_param[]){{text, 0, false}, {"x", 0, false}},
               statement == &insert ? 2 : 1, fate);
}

static int setup(void **state)
{
    struct world *w = mem_new(1, sizeof(*w));

    w->base = event_base_new();
    w->options = (struct db_options){
        .name = "test",
        .dsn = "",
        .setup_sql = "listen work; set statement_timeout = '60s'; select 'ready'",
        .connect_timeout_s = 5,
        .max_pending = 2 * MANY,
        .accept = on_accept,
        .on_up = on_up,
        .on_down = on_down,
        .on_notify = on_notify,
        .arg = w,
    };
    admin_do(w, "set client_min_messages = error; drop table if exists t;"
                "create table t (id int unique deferrable initially deferred, note text)");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    drop_db(w);
    PQfinish(w->admin);
    event_base_free(w->base);
    free(w);
    return 0;
}

static void start(struct world *w)
{
    w->db = db_new(w->base, &w->options);
}

static void start_and_wait(struct world *w)
{
    start(w);
    assert_false(db_is_up(w->db));
    WAIT_FOR(w, db_is_up(w->db));
    assert_int_equal(w->ups, 1);
}

static void terminate_backend(struct world *w)
{
    /* One that an earlier test left asleep may be among them. */
    assert_true(admin_int(w, "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                             "where application_name = 'hersys-gatewayd test'") >= 1);
}

/* ---------------------------------------------------------------- statements and results */

static void test_ten_thousand_statements_are_answered_in_order(void **state)
{
    struct world *w = *state;
    struct fate *fates = mem_new(MANY, sizeof(*fates));
    int order = 0;

    start_and_wait(w);
    for (int i = 0; i < MANY; i++) {
        fates[i].order = &order;
        assert_true(ask_int(w, i % 2 == 0 ? &insert : &number, i, &fates[i]));
    }
    assert_int_equal(db_pending(w->db), MANY);
    WAIT_FOR(w, order == MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(fates[i].calls, 1);
        assert_int_equal(fates[i].outcome, DB_OK);
        assert_int_equal(fates[i].place, i);
        assert_false(fates[i].early);
        if (i % 2 == 1)
            assert_int_equal(atoi(fates[i].value[0]), i);
    }
    assert_int_equal(db_pending(w->db), 0);
    assert_int_equal(admin_int(w, "select count(*) from t"), MANY / 2);
    free(fates);
}

static void test_an_sql_error_fails_its_own_statement_alone(void **state)
{
    struct world *w = *state;
    struct fate fates[100] = {0};
    int order = 0;

    start_and_wait(w);
    for (int i = 0; i < 100; i++) {
        fates[i].order = &order;
        assert_true(ask_int(w, &divide, i % 10 == 5 ? 0 : 1, &fates[i]));
    }
    WAIT_FOR(w, order == 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fates[i].outcome, i % 10 == 5 ? DB_ERROR : DB_OK);
        assert_string_equal(fates[i].state, i % 10 == 5 ? "22012" : "");
    }
    assert_int_equal(w->downs, 0);
}

static void test_null_text_and_binary_parameters_arrive_as_they_are(void **state)
{
    struct world *w = *state;
    struct fate fate = {0}, empty = {0};

    start_and_wait(w);
    assert_true(
        ask(w, &echo,
            (struct db_param[]){{NULL, 0, false}, {"a\0b\xff", 4, true}, {"三十六", 0, false}}, 3,
            &fate));
    assert_true(ask(w, &echo, (struct db_param[]){{"", 0, false}, {"", 0, true}, {NULL, 9, true}},
                    3, &empty));
    WAIT_FOR(w, empty.calls == 1);
    assert_true(fate.null[0]);
    assert_string_equal(fate.value[1], "\\x610062ff");
    assert_string_equal(fate.value[2], "三十六");
    assert_false(empty.null[0]);
    assert_int_equal(empty.lengths[0], 0);
    assert_string_equal(empty.value[1], "\\x");
    assert_true(empty.null[2]);
}

static void test_parameters_are_copied_by_the_call(void **state)
{
    struct world *w = *state;
    struct fate fate = {0};
    char text[] = "before", bytes[] = {1, 2, 3};

    start_and_wait(w);
    assert_true(ask(w, &echo,
                    (struct db_param[]){{text, 0, false}, {bytes, 3, true}, {NULL, 0, false}}, 3,
                    &fate));
    memset(text, 'x', 6);
    memset(bytes, 9, 3);
    WAIT_FOR(w, fate.calls == 1);
    assert_string_equal(fate.value[0], "before");
    assert_string_equal(fate.value[1], "\\x010203");
}

static void test_a_commit_that_fails_is_an_error_though_the_statement_had_a_result(void **state)
{
    struct world *w = *state;
    struct fate fates[3] = {0};

    start_and_wait(w);
    assert_true(ask_int(w, &insert, 1, &fates[0]));
    assert_true(ask_int(w, &insert, 1, &fates[1])); /* the constraint is checked at the commit */
    assert_true(ask_int(w, &insert, 2, &fates[2]));
    WAIT_FOR(w, fates[2].calls == 1);
    assert_int_equal(fates[0].outcome, DB_OK);
    assert_int_equal(fates[1].outcome, DB_ERROR);
    assert_string_equal(fates[1].state, "23505");
    assert_int_equal(fates[2].outcome, DB_OK);
    assert_int_equal(admin_int(w, "select count(*) from t"), 2);
}

static void test_a_connection_that_ends_in_the_commit_loses_the_statement(void **state)
{
    struct world *w = *state;
    struct fate fate = {0};

    admin_do(w, "create or replace function doze() returns trigger language plpgsql as "
                "'begin perform pg_sleep(20); return null; end';"
                "create constraint trigger doze after insert on t deferrable initially deferred "
                "for each row execute function doze()");
    start_and_wait(w);
    assert_true(ask_int(w, &insert, 1, &fate));
    run_for(w, 0.3);
    assert_int_equal(fate.calls, 0); /* its result is there, its commit is not */
    terminate_backend(w);
    WAIT_FOR(w, w->downs == 1);
    assert_int_equal(fate.outcome, DB_LOST);
}

static void test_a_failed_prepare_fails_alone_and_is_tried_again(void **state)
{
    static const struct db_statement late = {"late", "select a from late_table where a = $1::int"};
    struct world *w = *state;
    struct fate fates[4] = {0};

    admin_do(w, "drop table if exists late_table");
    start_and_wait(w);
    assert_true(ask_int(w, &late, 1, &fates[0]));
    assert_true(ask_int(w, &late, 1, &fates[1]));
    assert_true(ask_int(w, &number, 1, &fates[2]));
    WAIT_FOR(w, fates[2].calls == 1);
    assert_int_equal(fates[0].outcome, DB_ERROR);
    assert_string_equal(fates[0].state, "42P01"); /* the prepare's reason, not "not prepared" */
    assert_string_equal(fates[1].state, "42P01");
    assert_int_equal(fates[2].outcome, DB_OK);
    admin_do(w, "create table late_table as select 1 as a");
    assert_true(ask_int(w, &late, 1, &fates[3]));
    WAIT_FOR(w, fates[3].calls == 1);
    assert_int_equal(fates[3].outcome, DB_OK);
    assert_string_equal(fates[3].value[0], "1");
    assert_int_equal(w->downs, 0);
    admin_do(w, "drop table late_table");
}

static void test_a_statement_whose_columns_a_migration_changed_is_prepared_anew(void **state)
{
    static const struct db_statement all = {"all", "select * from changing"};
    struct world *w = *state;
    struct fate fates[6] = {0};

    admin_do(w, "drop table if exists changing; create table changing as select 1 as a");
    start_and_wait(w);
    assert_true(ask(w, &all, NULL, 0, &fates[0]));
    WAIT_FOR(w, fates[0].calls == 1);
    admin_do(w, "alter table changing add column b int default 2");
    for (int i = 1; i < 4; i++)
        assert_true(ask(w, &all, NULL, 0, &fates[i]));
    WAIT_FOR(w, fates[3].calls == 1);
    assert_int_equal(fates[1].outcome, DB_ERROR);
    assert_string_equal(fates[1].state, "0A000");
    assert_true(ask(w, &all, NULL, 0, &fates[4]));
    assert_true(ask(w, &all, NULL, 0, &fates[5]));
    WAIT_FOR(w, fates[5].calls == 1);
    assert_int_equal(fates[4].outcome, DB_OK);
    assert_string_equal(fates[4].value[1], "2");
    assert_int_equal(fates[5].outcome, DB_OK);
    admin_do(w, "drop table changing");
}

static void test_above_max_pending_a_statement_is_refused_and_never_called_back(void **state)
{
    struct world *w = *state;
    struct fate fates[4] = {0};

    w->options.max_pending = 3;
    start_and_wait(w);
    for (int i = 0; i < 3; i++)
        assert_true(ask_int(w, &number, i, &fates[i]));
    assert_false(ask_int(w, &number, 3, &fates[3]));
    assert_int_equal(db_pending(w->db), 3);
    WAIT_FOR(w, db_pending(w->db) == 0);
    assert_int_equal(fates[3].calls, 0);
    assert_true(ask_int(w, &number, 3, &fates[3]));
    WAIT_FOR(w, fates[3].calls == 1);
}

static void test_a_callback_may_ask_again_even_at_max_pending(void **state)
{
    struct world *w = *state;
    struct fate second = {.world = w};
    struct fate first = {.query_again = true, .next = &second};

    w->options.max_pending = 1;
    start_and_wait(w);
    assert_true(ask_int(w, &number, 1, &first));
    WAIT_FOR(w, second.calls == 1);
    assert_int_equal(second.outcome, DB_OK);
    assert_false(second.early);
    assert_string_equal(second.value[0], "7");
}

static void test_megabytes_in_both_directions_pass(void **state)
{
    static const struct db_statement big = {"big", "select $1::text, length($1)"};
    struct world *w = *state;
    enum { COUNT = 40, SIZE = 1000000 };
    struct fate fates[COUNT] = {0};
    char *text = mem_new(SIZE + 1, 1);
    int order = 0;

    memset(text, 'x', SIZE);
    start_and_wait(w);
    for (int i = 0; i < COUNT; i++) {
        fates[i].order = &order;
        assert_true(ask(w, &big, (struct db_param[]){{text, 0, false}}, 1, &fates[i]));
    }
    WAIT_FOR(w, order == COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(fates[i].outcome, DB_OK);
        assert_int_equal(fates[i].lengths[0], SIZE);
    }
    free(text);
}

static void test_a_notification_arrives_while_nothing_is_asked(void **state)
{
    struct world *w = *state;

    start_and_wait(w);
    run_for(w, 0.1);
    admin_do(w, "notify work, 'three rows'");
    WAIT_FOR(w, w->notifies == 1);
    assert_string_equal(w->payload, "three rows");
}

static void test_a_notification_among_results_arrives(void **state)
{
    static const struct db_statement notify = {"notify", "select pg_notify('work', $1)"};
    struct world *w = *state;
    struct fate fate = {0};

    start_and_wait(w);
    assert_true(ask(w, &notify, (struct db_param[]){{"mine", 0, false}}, 1, &fate));
    WAIT_FOR(w, w->notifies == 1 && fate.calls == 1);
    assert_string_equal(w->payload, "mine");
}

static void test_a_statement_that_leaves_a_transaction_open_costs_the_connection(void **state)
{
    static const struct db_statement begin = {"begin", "begin"};
    struct world *w = *state;
    struct fate fate = {0}, after = {0};

    start_and_wait(w);
    assert_true(ask(w, &begin, NULL, 0, &fate));
    WAIT_FOR(w, w->downs == 1);
    WAIT_FOR(w, w->ups == 2);
    assert_true(ask_int(w, &insert, 1, &after));
    WAIT_FOR(w, after.calls == 1);
    assert_int_equal(admin_int(w, "select count(*) from t"), 1);
}

/* ---------------------------------------------------------------- loss and return */

static void test_a_terminated_backend_loses_what_was_under_way_once_and_is_replaced(void **state)
{
    struct world *w = *state;
    struct fate done = {0}, asleep = {0}, behind[50] = {0}, after = {0};

    start_and_wait(w);
    assert_true(ask_int(w, &insert, 1000, &done));
    assert_true(ask_int(w, &snooze, 20, &asleep));
    for (int i = 0; i < 50; i++)
        assert_true(ask_int(w, &insert, i, &behind[i]));
    WAIT_FOR(w, done.calls == 1);
    terminate_backend(w);
    WAIT_FOR(w, w->downs == 1);
    assert_int_equal(db_pending(w->db), 0); /* results come before on_down */
    assert_int_equal(done.outcome, DB_OK);
    assert_int_equal(asleep.outcome, DB_ERROR); /* it had its own answer: rolled back */
    assert_string_equal(asleep.state, "57P01");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(behind[i].calls, 1);
        assert_int_equal(behind[i].outcome, DB_LOST);
    }
    assert_non_null(strstr(db_last_error(w->db), "administrator command"));
    assert_null(strchr(db_last_error(w->db), '\n'));
    WAIT_FOR(w, w->ups == 2);
    assert_true(ask_int(w, &insert, 2000, &after)); /* prepared on the old connection */
    WAIT_FOR(w, after.calls == 1);
    assert_int_equal(after.outcome, DB_OK);
    assert_int_equal(asleep.calls, 1);
    assert_int_equal(admin_int(w, "select count(*) from t"), 2);
}

static void test_a_backend_terminated_between_statements_is_replaced(void **state)
{
    struct world *w = *state;
    struct fate fate = {0};

    start_and_wait(w);
    assert_true(ask_int(w, &number, 1, &fate));
    WAIT_FOR(w, fate.calls == 1);
    terminate_backend(w);
    WAIT_FOR(w, w->downs == 1 && w->ups == 2);
    assert_non_null(strstr(db_last_error(w->db), "administrator command"));
}

/* The one that was cut off in the middle of its bytes was sent, those behind it never were. */
static void test_what_libpq_never_got_is_unavailable_not_lost(void **state)
{
    static const struct db_statement big = {"big", "select pg_sleep(20), $1::text"};
    struct world *w = *state;
    enum { COUNT = 30, SIZE = 4000000 };
    struct fate fates[COUNT] = {0};
    char *text = mem_new(SIZE + 1, 1);

    memset(text, 'x', SIZE);
    start_and_wait(w);
    for (int i = 0; i < COUNT; i++)
        assert_true(ask(w, &big, (struct db_param[]){{text, 0, false}}, 1, &fates[i]));
    run_for(w, 0.5);
    terminate_backend(w);
    WAIT_FOR(w, w->downs == 1);
    for (int i = 1; i < COUNT; i++)
        assert_int_equal(fates[i].calls, 1);
    assert_int_equal(fates[1].outcome, DB_LOST);
    assert_int_equal(fates[COUNT - 1].outcome, DB_UNAVAILABLE);
    free(text);
}

static void test_an_immediate_stop_of_the_server_is_survived(void **state)
{
    struct world *w = *state;
    struct fate asleep = {0}, while_down = {0}, after = {0};

    start_and_wait(w);
    assert_true(ask_int(w, &snooze, 20, &asleep));
    run_for(w, 0.2);
    pg_ctl("stop immediate");
    WAIT_FOR(w, w->downs == 1);
    assert_int_equal(asleep.calls, 1);
    assert_int_equal(asleep.outcome, DB_LOST);
    assert_false(db_is_up(w->db));
    assert_true(ask_int(w, &number, 1, &while_down));
    assert_int_equal(while_down.calls, 0);
    turn(w);
    WAIT_FOR(w, while_down.calls == 1);
    assert_int_equal(while_down.outcome, DB_UNAVAILABLE);
    assert_false(while_down.early);
    run_for(w, 0.5);
    assert_string_not_equal(db_last_error(w->db), "");
    pg_ctl("start");
    WAIT_FOR(w, w->ups == 2);
    assert_true(ask_int(w, &number, 1, &after));
    WAIT_FOR(w, after.calls == 1);
    assert_int_equal(after.outcome, DB_OK);
    assert_int_equal(w->downs, 1);
}

static void test_a_killed_server_is_survived(void **state)
{
    struct world *w = *state;
    struct fate fates[200] = {0};
    int order = 0;

    start_and_wait(w);
    for (int i = 0; i < 200; i++) {
        fates[i].order = &order;
        assert_true(ask_int(w, i == 100 ? &snooze : &insert, i, &fates[i]));
    }
    WAIT_FOR(w, order == 100);
    pg_ctl("kill");
    pg_ctl("start");
    WAIT_FOR(w, w->ups == 2);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(fates[i].calls, 1);
        assert_int_equal(fates[i].place, i);
        if (i != 100)
            assert_int_equal(fates[i].outcome, i < 100 ? DB_OK : DB_LOST);
    }
}

static void test_a_server_that_comes_later_is_found(void **state)
{
    struct world *w = *state;
    struct fate early = {0}, fate = {0};

    pg_ctl("stop fast");
    start(w);
    assert_true(ask_int(w, &number, 1, &early));
    WAIT_FOR(w, early.calls == 1);
    assert_int_equal(early.outcome, DB_UNAVAILABLE);
    run_for(w, 0.5);
    assert_false(db_is_up(w->db));
    assert_string_not_equal(db_last_error(w->db), "");
    assert_null(strchr(db_last_error(w->db), '\n'));
    pg_ctl("start");
    WAIT_FOR(w, db_is_up(w->db));
    assert_int_equal(w->downs, 0); /* it never was up */
    assert_true(ask_int(w, &number, 1, &fate));
    WAIT_FOR(w, fate.calls == 1);
    assert_int_equal(fate.outcome, DB_OK);
}

static void
test_a_database_that_is_not_accepted_is_tried_again_after_five_to_ten_seconds(void **state)
{
    struct world *w = *state;

    w->refuse = true;
    start(w);
    WAIT_FOR(w, w->accepts == 1);
    turn(w);
    assert_false(db_is_up(w->db));
    assert_string_not_equal(db_last_error(w->db), "");
    assert_int_equal(admin_int(w, "select count(*) from pg_stat_activity "
                                  "where application_name = 'hersys-gatewayd test'"),
                     0);
    w->refuse = false;
    WAIT_FOR(w, w->ups == 1);
    assert_int_equal(w->accepts, 2);
    assert_true(w->accepted_at[1] - w->accepted_at[0] >= 4.9);
    assert_true(w->accepted_at[1] - w->accepted_at[0] <= 11);
    assert_int_equal(w->downs, 0);
}

static void test_a_set_up_that_fails_says_why_and_is_tried_again(void **state)
{
    struct world *w = *state;

    admin_do(w, "drop table if exists needed");
    w->options.setup_sql = "select 1; select a from needed; select 'ready'";
    start(w);
    WAIT_FOR(w, *db_last_error(w->db) != '\0');
    assert_non_null(strstr(db_last_error(w->db), "42P01"));
    assert_int_equal(w->accepts, 0);
    admin_do(w, "create table needed (a int)");
    WAIT_FOR(w, w->ups == 1);
    admin_do(w, "drop table needed");
}

/* ---------------------------------------------------------------- connection strings */

static void test_a_bad_connection_string_is_said_and_not_repeated(void **state)
{
    static const char *const bad[] = {
        "host=db password=first-half second-half",
        "host=db password=first-half second-half=x",
        "host=db password=first-half half\"second-half",
        "postgresql://db/x?first-half\"=\"second-half",
        "postgresql://user:first-half%zzsecond-half@db/x",
        "postgresql://user:first-half@second-half@db/x",
        "no connection string at all, second-half",
    };
    struct world *w = *state;

    for (size_t i = 0; i < MEM_COUNT(bad); i++) {
        struct fate fate = {0};

        w->options.dsn = bad[i];
        start(w);
        assert_string_not_equal(db_last_error(w->db), "");
        assert_null(strstr(db_last_error(w->db), "second-half"));
        assert_null(strchr(db_last_error(w->db), '\n'));
        assert_true(ask_int(w, &number, 1, &fate));
        run_for(w, 0.1);
        assert_int_equal(fate.outcome, DB_UNAVAILABLE);
        assert_int_equal(fate.calls, 1);
        drop_db(w);
    }
}

static void test_a_wrong_database_name_is_said(void **state)
{
    struct world *w = *state;

    w->options.dsn = "dbname=nosuch";
    start(w);
    WAIT_FOR(w, *db_last_error(w->db) != '\0');
    assert_non_null(strstr(db_last_error(w->db), "nosuch"));
}

/* The value that libpq takes for one of its options. */
static char *libpq_option(const char *dsn, const char *keyword)
{
    struct db_dsn options;
    char error[200], *value = NULL;
    PQconninfoOption *all;
    PGconn *conn;

    assert_true(db_dsn_make(&options, dsn, "test", 0, error, sizeof(error)));
    conn = PQconnectStartParams(options.keywords, options.values, 1);
    all = PQconninfo(conn);
    for (PQconninfoOption *one = all; one->keyword != NULL; one++)
        if (strcmp(one->keyword, keyword) == 0 && one->val != NULL)
            value = mem_strdup(one->val);
    PQconninfoFree(all);
    PQfinish(conn);
    db_dsn_clear(&options);
    return value;
}

static void
test_a_host_that_falls_silent_is_given_up_soon_unless_the_operator_says_otherwise(void **state)
{
    static const char *const cases[][3] = {
        {"host=127.0.0.1", "tcp_user_timeout", "30000"},
        {"host=127.0.0.1", "keepalives_idle", "10"},
        {"host=127.0.0.1", "keepalives_interval", "5"},
        {"host=127.0.0.1", "keepalives_count", "3"},
        {"host=127.0.0.1 tcp_user_timeout=7 keepalives_idle=8", "tcp_user_timeout", "7"},
        {"postgresql://127.0.0.1/?keepalives_idle=8", "keepalives_idle", "8"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *value = libpq_option(cases[i][0], cases[i][1]);

        assert_non_null(value);
        assert_string_equal(value, cases[i][2]);
        free(value);
    }
}

static void test_a_dead_first_host_is_passed_over(void **state)
{
    struct world *w = *state;
    char *dsn = mem_printf("host=/nonexistent,%s", getenv("PGHOST"));

    w->options.dsn = dsn;
    start_and_wait(w);
    free(dsn);
}

static void test_a_host_that_never_answers_does_not_hide_the_next(void **state)
{
    struct world *w = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/hersys-mute.XXXXXX";

    assert_non_null(mkdtemp(dir));
    const char *port = getenv("PGPORT");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%s", dir,
             port != NULL ? port : "5432");
    int mute = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(mute, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(mute, 64), 0);
    char *dsn = mem_printf("host=%s,%s", dir, getenv("PGHOST"));
    w->options.dsn = dsn;
    w->options.connect_timeout_s = 1;
    start_and_wait(w);
    assert_non_null(strstr(db_last_error(w->db), "time ran out"));
    free(dsn);
    close(mute);
    unlink(address.sun_path);
    rmdir(dir);
}

/* ---------------------------------------------------------------- freeing */

static void test_freeing_gives_every_statement_its_outcome_before_it_returns(void **state)
{
    struct world *w = *state;
    struct fate fates[20] = {0};

    start_and_wait(w);
    for (int i = 0; i < 10; i++)
        assert_true(ask_int(w, i == 0 ? &snooze : &number, 20, &fates[i]));
    run_for(w, 0.2);
    for (int i = 10; i < 20; i++)
        assert_true(ask_int(w, &number, 20, &fates[i]));
    drop_db(w);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(fates[i].calls, 1);
        /* the first number waits for its prepare behind the sleeper, and the rest with it */
        assert_int_equal(fates[i].outcome, i < 2 ? DB_LOST : DB_UNAVAILABLE);
    }
    assert_int_equal(w->downs, 0);
}

static void test_a_callback_may_free_the_connection(void **state)
{
    struct world *w = *state;
    struct fate fates[100] = {0};

    start_and_wait(w);
    fates[50].free_db = true;
    for (int i = 0; i < 100; i++)
        assert_true(ask_int(w, &number, i, &fates[i]));
    WAIT_FOR(w, fates[50].calls == 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fates[i].calls, 1);
        if (i <= 50)
            assert_int_equal(fates[i].outcome, DB_OK);
        else
            assert_true(fates[i].outcome == DB_LOST || fates[i].outcome == DB_UNAVAILABLE);
    }
    run_for(w, 0.1);
}

static void test_a_callback_of_a_lost_statement_may_free_the_connection(void **state)
{
    struct world *w = *state;
    struct fate fates[100] = {0};

    start_and_wait(w);
    fates[50].free_db = true;
    for (int i = 0; i < 100; i++)
        assert_true(ask_int(w, i == 0 ? &snooze : &insert, 20 + i, &fates[i]));
    run_for(w, 0.2);
    terminate_backend(w);
    WAIT_FOR(w, fates[50].calls == 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fates[i].calls, 1);
    assert_int_equal(w->downs, 0); /* freed before it could be told */
    run_for(w, 0.1);
}

static void test_while_it_is_freed_it_takes_no_statement(void **state)
{
    struct world *w = *state;
    struct fate fate = {0};

    start(w);
    fate.ask_freed = w->db;
    assert_true(ask_int(w, &number, 1, &fate));
    drop_db(w);
    assert_int_equal(fate.calls, 1);
    assert_int_equal(fate.outcome, DB_UNAVAILABLE);
}

static void test_a_lost_statement_may_ask_again_and_is_told_that_nothing_is_there(void **state)
{
    struct world *w = *state;
    struct fate again = {.world = w};
    struct fate asleep = {.query_again = true, .next = &again};

    start_and_wait(w);
    assert_true(ask_int(w, &snooze, 20, &asleep));
    run_for(w, 0.2);
    pg_ctl("stop immediate");
    WAIT_FOR(w, again.calls == 1);
    assert_int_equal(again.outcome, DB_UNAVAILABLE);
    assert_false(again.early);
    pg_ctl("start");
    WAIT_FOR(w, w->ups == 2);
}

static void test_each_event_may_free_the_connection(void **state)
{
    struct world *w = *state;

    w->free_in_accept = true;
    start(w);
    WAIT_FOR(w, w->db == NULL);
    w->free_in_accept = false;
    w->free_in_up = true;
    start(w);
    WAIT_FOR(w, w->db == NULL);
    w->free_in_up = false;
    w->free_in_notify = true;
    start(w);
    WAIT_FOR(w, db_is_up(w->db));
    admin_do(w, "notify work; notify work, 'second'");
    WAIT_FOR(w, w->db == NULL);
    assert_int_equal(w->notifies, 1);
    w->free_in_notify = false;
    w->free_in_down = true;
    start(w);
    WAIT_FOR(w, db_is_up(w->db));
    terminate_backend(w);
    WAIT_FOR(w, w->db == NULL);
    run_for(w, 0.1);
}

static void test_freeing_while_connecting_is_safe(void **state)
{
    struct world *w = *state;

    for (int turns = 0; turns < 12; turns++) {
        start(w);
        for (int i = 0; i < turns; i++)
            event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        drop_db(w);
    }
    run_for(w, 0.1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        CASE(test_ten_thousand_statements_are_answered_in_order),
        CASE(test_an_sql_error_fails_its_own_statement_alone),
        CASE(test_null_text_and_binary_parameters_arrive_as_they_are),
        CASE(test_parameters_are_copied_by_the_call),
        CASE(test_a_commit_that_fails_is_an_error_though_the_statement_had_a_result),
        CASE(test_a_connection_that_ends_in_the_commit_loses_the_statement),
        CASE(test_a_failed_prepare_fails_alone_and_is_tried_again),
        CASE(test_a_statement_whose_columns_a_migration_changed_is_prepared_anew),
        CASE(test_above_max_pending_a_statement_is_refused_and_never_called_back),
        CASE(test_a_callback_may_ask_again_even_at_max_pending),
        CASE(test_megabytes_in_both_directions_pass),
        CASE(test_a_notification_arrives_while_nothing_is_asked),
        CASE(test_a_notification_among_results_arrives),
        CASE(test_a_statement_that_leaves_a_transaction_open_costs_the_connection),
        CASE(test_a_terminated_backend_loses_what_was_under_way_once_and_is_replaced),
        CASE(test_a_backend_terminated_between_statements_is_replaced),
        CASE(test_what_libpq_never_got_is_unavailable_not_lost),
        CASE(test_an_immediate_stop_of_the_server_is_survived),
        CASE(test_a_killed_server_is_survived),
        CASE(test_a_server_that_comes_later_is_found),
        CASE(test_a_database_that_is_not_accepted_is_tried_again_after_five_to_ten_seconds),
        CASE(test_a_set_up_that_fails_says_why_and_is_tried_again),
        CASE(test_a_bad_connection_string_is_said_and_not_repeated),
        CASE(test_a_wrong_database_name_is_said),
        CASE(test_a_host_that_falls_silent_is_given_up_soon_unless_the_operator_says_otherwise),
        CASE(test_a_dead_first_host_is_passed_over),
        CASE(test_a_host_that_never_answers_does_not_hide_the_next),
        CASE(test_freeing_gives_every_statement_its_outcome_before_it_returns),
        CASE(test_a_callback_may_free_the_connection),
        CASE(test_a_callback_of_a_lost_statement_may_free_the_connection),
        CASE(test_while_it_is_freed_it_takes_no_statement),
        CASE(test_a_lost_statement_may_ask_again_and_is_told_that_nothing_is_there),
        CASE(test_each_event_may_free_the_connection),
        CASE(test_freeing_while_connecting_is_safe),
    };

    log_open("test_db", getenv("HERSYS_TEST_LOG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
