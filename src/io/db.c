/*
 * db.c - makes one PostgreSQL connection and keeps it: connects, sets up, watches, tries again.
 *
 * What goes through it is db_pipe.c's. It must not know any SQL, call back before db_query() has
 * returned, or log what a statement carries.
 *
 * Any callback may call db_query() and db_free(). So whatever calls one looks at `freed` behind it,
 * and the memory goes when the outermost event handler is left (enter(), leave()).
 */
#include "io/db.h"

#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/db_dsn.h"
#include "io/db_pipe.h"

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 10000,
    BACKOFF_LEAST_MS =
        10, /* jitter may come near zero; a server that refuses at once is not hammered */
    REFUSED_LEAST_MS = 5000,
    REFUSED_MOST_MS = 10000,
    REPEAT_LOG_S = 60, /* an unchanged reason is logged that often */
    REASON_MAX = 512,
};

enum db_state {
    STATE_WAITING,    /* no connection; the timer begins the next attempt */
    STATE_CONNECTING, /* libpq says what it waits for; the timer ends the attempt */
    STATE_SETTING_UP, /* setup_sql is under way, under the same timer */
    STATE_UP,         /* in pipeline mode, taking statements */
};

struct db {
    struct event_base *base;
    struct db_options options; /* its strings are ours */
    char *application;
    enum db_state state;
    PGconn *conn;
    struct db_pipe pipe;
    int watched;                /* our own descriptor of libpq's socket; -1 where there is none */
    struct event *socket_event; /* what is waited for; in STATE_UP always readability */
    struct event *write_event;  /* armed while libpq holds what the socket did not take */
    struct event *timer;
    struct event *work; /* the next turn: sends what was queued in this one */
    PGresult *setup_result;

    int failures;   /* attempts since the last success: the exponent of the back-off */
    int first_host; /* where the next attempt begins */
    int hosts;
    char last_error[REASON_MAX];
    char logged_error[REASON_MAX];
    int64_t logged_at;

    int depth; /* event handlers and db_free() under way */
    bool freed;
};

/* ---------------------------------------------------------------- life and re-entrancy */

static void enter(struct db *db)
{
    db->depth++;
}

static void leave(struct db *db)
{
    if (--db->depth > 0 || !db->freed)
        return;
    event_free(db->timer);
    event_free(db->work);
    free(db->application);
    free((char *)db->options.name);
    free((char *)db->options.dsn);
    free((char *)db->options.setup_sql);
    free(db);
}

static void timer_in_ms(struct event *timer, long ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    event_add(timer, &wait);
}

static long random_between(long low, long high)
{
    uint32_t random;

    evutil_secure_rng_get_bytes(&random, sizeof(random));
    return low + (long)(random % (uint32_t)(high - low + 1));
}

static long backoff_ms(const struct db *db)
{
    long most = BACKOFF_LAST_MS;

    if (db->failures < 7 && (BACKOFF_FIRST_MS << db->failures) < BACKOFF_LAST_MS)
        most = BACKOFF_FIRST_MS << db->failures;
    return random_between(BACKOFF_LEAST_MS, most);
}

/* ---------------------------------------------------------------- the end of a connection */

static void connection_unwatch(struct db *db)
{
    if (db->socket_event != NULL)
        event_free(db->socket_event);
    if (db->write_event != NULL)
        event_free(db->write_event);
    db->socket_event = NULL;
    db->write_event = NULL;
    if (db->watched >= 0)
        close(db->watched);
    db->watched = -1;
}

static void connection_close(struct db *db)
{
    connection_unwatch(db);
    db_pipe_detach(&db->pipe);
    event_del(db->timer);
    PQclear(db->setup_result);
    db->setup_result = NULL;
    PQfinish(db->conn);
    db->conn = NULL;
    db->state = STATE_WAITING;
}

static void note_failure(struct db *db, const char *reason, bool was_up)
{
    int64_t now_s = clock_elapsed_s();

    db_one_line(db->last_error, sizeof(db->last_error), reason);
    if (was_up) {
        log_warning("database_lost", LOG_STR("connection", db->options.name),
                    LOG_STR("reason", db->last_error));
    } else if (strcmp(db->last_error, db->logged_error) != 0 ||
               now_s - db->logged_at >= REPEAT_LOG_S) {
        log_warning("database_unreachable", LOG_STR("connection", db->options.name),
                    LOG_STR("reason", db->last_error), LOG_INT("attempts", db->failures + 1));
        memcpy(db->logged_error, db->last_error, sizeof(db->logged_error));
        db->logged_at = now_s;
    }
}

/* Closes the connection, if there is one, and begins the wait for the next attempt. Statements get
 * their outcome; the caller returns to the loop at once, for `db` may be about to go. */
static void connection_drop(struct db *db, const char *reason, long wait_ms)
{
    bool was_up = db->state == STATE_UP;

    note_failure(db, reason, was_up);
    connection_close(db);
    db->failures++;
    timer_in_ms(db->timer, wait_ms);
    db_pipe_give_up(&db->pipe);
    if (was_up && !db->freed && db->options.on_down != NULL)
        db->options.on_down(db->options.arg);
}

/* Something broke: says what the server said at last, else what libpq says. */
static void connection_broke(struct db *db)
{
    const char *reason =
        db->pipe.last_words[0] != '\0' ? db->pipe.last_words : PQerrorMessage(db->conn);
    char *copy = mem_strdup(*reason != '\0' ? reason : "the connection broke");

    connection_drop(db, copy, backoff_ms(db));
    free(copy);
}

/* Notices. Between statements the server's last words arrive as one, too. What else a notice says
 * may be data; its SQLSTATE is not. */
static void on_notice(void *arg, const PGresult *result)
{
    struct db *db = arg;

    if (db_ends_connection(result))
        db_pipe_note_last_words(&db->pipe, result);
    else
        log_debug("database_notice", LOG_STR("connection", db->options.name),
                  LOG_STR("sqlstate", db_sqlstate(result)));
}

static void give_notifications(struct db *db)
{
    PGnotify *notify;

    while (!db->freed && (notify = PQnotifies(db->conn)) != NULL) {
        if (db->options.on_notify != NULL)
            db->options.on_notify(db->options.arg, notify->relname, notify->extra);
        PQfreemem(notify);
    }
}

/* A statement that leaves its transaction open would take all that follow into it: none of them
 * would be committed though each says so. */
static bool transaction_left_open(const struct db *db)
{
    PGTransactionStatusType status = PQtransactionStatus(db->conn);

    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* Sends and takes as much as goes without waiting, then arms the wait for the rest. */
static void pump(struct db *db, bool alive)
{
    alive = db_pipe_turn(&db->pipe, alive);
    if (!db->freed)
        give_notifications(db);
    if (db->freed)
        return;
    if (!alive)
        connection_broke(db);
    else if (transaction_left_open(db))
        connection_drop(db, "a statement left its transaction open", backoff_ms(db));
    else if (db->pipe.blocked)
        event_add(db->write_event, NULL);
}

/* OpenSSL may hold what it has read of a record and libpq had no room for; the socket is silent
 * then. */
static bool tls_holds_more(const struct db *db)
{
    /* After db_free() in a callback there is no connection. */
    SSL *ssl = db->conn != NULL ? PQsslStruct(db->conn, "OpenSSL") : NULL;

    return ssl != NULL && SSL_pending(ssl) > 0;
}

/* ---------------------------------------------------------------- the way up */

static void on_socket(evutil_socket_t fd, short what, void *arg);

/* libpq closes its socket when it sees the end, with callbacks still to come, and one of those may
 * open another under the same number: libevent would take it for ours. So it watches a descriptor
 * of our own. */
static void connection_watch(struct db *db, short what)
{
    connection_unwatch(db);
    db->watched = fcntl(PQsocket(db->conn), F_DUPFD_CLOEXEC, 0);
    if (db->watched < 0) {
        connection_drop(db, strerror(errno), backoff_ms(db));
        return;
    }
    db->socket_event = event_new(db->base, db->watched, what, on_socket, db);
    db->write_event = event_new(db->base, db->watched, EV_WRITE, on_socket, db);
    event_add(db->socket_event, NULL);
}

static void connection_start(struct db *db)
{
    struct db_dsn dsn;
    char reason[REASON_MAX];

    db->pipe.last_words[0] = '\0';
    if (!db_dsn_make(&dsn, db->options.dsn, db->application, db->first_host, reason,
                     sizeof(reason))) {
        connection_drop(db, reason, backoff_ms(db));
        return;
    }
    db->hosts = dsn.hosts;
    db->conn = PQconnectStartParams(dsn.keywords, dsn.values, 1);
    db_dsn_clear(&dsn);
    if (db->conn == NULL)
        log_fatal("out of memory");
    if (PQstatus(db->conn) == CONNECTION_BAD) {
        connection_broke(db);
        return;
    }
    PQsetNoticeReceiver(db->conn, on_notice, db);
    db->state = STATE_CONNECTING;
    timer_in_ms(db->timer, db->options.connect_timeout_s * 1000L);
    connection_watch(db, EV_WRITE);
}

static void connection_up(struct db *db)
{
    /* An error in short: long ones quote rows, and libpq adds them to what it says of the
     * connection. */
    PQsetErrorVerbosity(db->conn, PQERRORS_SQLSTATE);
    if (PQenterPipelineMode(db->conn) == 0) {
        connection_broke(db);
        return;
    }
    db_pipe_attach(&db->pipe, db->conn);
    event_del(db->timer);
    db->state = STATE_UP;
    db->failures = 0;
    db->logged_error[0] = '\0';
    log_info("database_up", LOG_STR("connection", db->options.name),
             LOG_INT("backend", PQbackendPID(db->conn)));
    if (db->options.on_up != NULL)
        db->options.on_up(db->options.arg);
    if (!db->freed)
        pump(db, true); /* a notification may have come with the set-up's results */
}

static void setup_done(struct db *db)
{
    bool accepted =
        db->options.accept == NULL || db->options.accept(db->options.arg, db->setup_result);

    if (db->freed)
        return;
    if (!accepted)
        connection_drop(db, "the database was reached but not accepted",
                        random_between(REFUSED_LEAST_MS, REFUSED_MOST_MS));
    else if (transaction_left_open(db))
        connection_drop(db, "the set-up left a transaction open", backoff_ms(db));
    else
        connection_up(db);
}

/* The set-up's statements are our own: their errors hold no one's data. */
static bool take_setup_result(struct db *db, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    PQclear(db->setup_result);
    db->setup_result = result;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return true;
    if (*db_sqlstate(result) != '\0')
        db_pipe_note_last_words(&db->pipe, result);
    return false;
}

static bool setup_flush(struct db *db)
{
    int rest = PQflush(db->conn);

    if (rest > 0)
        event_add(db->write_event, NULL);
    return rest >= 0;
}

static bool setup_take_results(struct db *db)
{
    while (db->state == STATE_SETTING_UP && PQisBusy(db->conn) == 0) {
        PGresult *result = PQgetResult(db->conn);

        if (result == NULL)
            setup_done(db);
        else if (!take_setup_result(db, result))
            return false;
    }
    return true;
}

static void setup_continue(struct db *db)
{
    do {
        if (PQconsumeInput(db->conn) == 0 || !setup_flush(db) || !setup_take_results(db)) {
            connection_broke(db);
            return;
        }
    } while (db->state == STATE_SETTING_UP && tls_holds_more(db));
}

static void setup_start(struct db *db)
{
    db->state = STATE_SETTING_UP;
    connection_watch(db, EV_READ | EV_PERSIST);
    if (db->state != STATE_SETTING_UP)
        return;
    if (PQsetnonblocking(db->conn, 1) != 0)
        connection_broke(db);
    else if (db->options.setup_sql[0] == '\0')
        setup_done(db);
    else if (PQsendQuery(db->conn, db->options.setup_sql) == 0 || !setup_flush(db))
        connection_broke(db);
}

static void connection_continue(struct db *db)
{
    PostgresPollingStatusType wanted = PQconnectPoll(db->conn);

    if (wanted == PGRES_POLLING_FAILED)
        connection_broke(db);
    else if (wanted == PGRES_POLLING_OK)
        setup_start(db);
    else /* the socket may be another one now: the next host's */
        connection_watch(db, wanted == PGRES_POLLING_READING ? EV_READ : EV_WRITE);
}

/* ---------------------------------------------------------------- events */

static void up_continue(struct db *db, bool readable)
{
    while (!db->freed && db->state == STATE_UP) {
        bool alive = !readable || PQconsumeInput(db->conn) != 0;

        alive = db_pipe_flush(&db->pipe) && alive;
        pump(db, alive);
        readable = tls_holds_more(db);
        if (!readable)
            return;
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd;
    enter(db);
    switch (db->state) {
    case STATE_WAITING:
        break;
    case STATE_CONNECTING:
        connection_continue(db);
        break;
    case STATE_SETTING_UP:
        setup_continue(db);
        break;
    case STATE_UP:
        up_continue(db, (what & EV_READ) != 0);
        break;
    }
    leave(db);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd;
    (void)what;
    enter(db);
    if (db->state == STATE_WAITING) {
        connection_start(db);
    } else {
        db->first_host = (db->first_host + 1) % (db->hosts > 0 ? db->hosts : 1);
        connection_drop(db,
                        db->state == STATE_CONNECTING ? "time ran out while connecting"
                                                      : "time ran out in the set-up",
                        backoff_ms(db));
    }
    leave(db);
}

/* The turn after db_query(). */
static void on_work(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd;
    (void)what;
    enter(db);
    if (db->state == STATE_UP)
        up_continue(db, false);
    else
        db_pipe_give_up(&db->pipe);
    leave(db);
}

/* ---------------------------------------------------------------- the interface */

struct db *db_new(struct event_base *base, const struct db_options *options)
{
    struct db *db = mem_new(1, sizeof(*db));

    db->base = base;
    db->watched = -1;
    db->options = *options;
    db->options.name = mem_strdup(options->name);
    db->options.dsn = mem_strdup(options->dsn);
    db->options.setup_sql = mem_strdup(options->setup_sql != NULL ? options->setup_sql : "");
    db->application = mem_printf("hersys-gatewayd %s", options->name);
    db_pipe_init(&db->pipe);
    db->timer = evtimer_new(base, on_timer, db);
    db->work = evtimer_new(base, on_work, db);
    connection_start(db);
    return db;
}

void db_free(struct db *db)
{
    if (db == NULL || db->freed)
        return;
    enter(db);
    db->freed = true;
    connection_close(db);
    event_del(db->work);
    db_pipe_give_up(&db->pipe);
    leave(db);
}

bool db_is_up(const struct db *db)
{
    return db->state == STATE_UP;
}

int db_pending(const struct db *db)
{
    return db->pipe.pending;
}

const char *db_last_error(const struct db *db)
{
    return db->last_error;
}

bool db_query(struct db *db, const struct db_statement *statement, const struct db_param *params,
              int count, db_result_cb *cb, void *arg)
{
    if (db->freed || db->pipe.pending >= db->options.max_pending)
        return false;
    db_pipe_add(&db->pipe, statement, params, count, cb, arg);
    if (event_pending(db->work, EV_TIMEOUT, NULL) == 0)
        timer_in_ms(db->work, 0);
    return true;
}
