/*
 * db.h - one PostgreSQL connection in pipeline mode on the event loop.
 *
 * Knows no SQL of the product: statements, set-up and the check of what it is connected to come
 * from store/. Several statements may be under way; each has a sync of its own, so that an error
 * fails that one alone, and results arrive in the order of the calls. A result arrives exactly once
 * and never before db_query() has returned. When the connection is lost it is made anew, with
 * back-off and jitter, for as long as the object lives; hosts and target_session_attrs of the DSN
 * are libpq's business.
 */
#ifndef HERSYS_IO_DB_H
#define HERSYS_IO_DB_H

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct db;

enum db_outcome {
    DB_OK, /* the statement committed; the result is valid during the callback */
    /* PostgreSQL refused it and rolled it back; the result carries the SQLSTATE. Its
     * PQresultErrorMessage() says no more than that: the long form may quote rows. */
    DB_ERROR,
    DB_LOST,        /* the connection broke after it was sent: it may or may not have committed */
    DB_UNAVAILABLE, /* it was never sent */
};

/* A prepared statement: prepared once a connection, at its first use. Both strings are static. */
struct db_statement {
    const char *name;
    const char *sql;
};

struct db_param {
    const char *value; /* NULL is SQL NULL; copied by db_query() */
    size_t len;        /* bytes of a binary value; ignored for text, which ends with NUL */
    bool binary;
};

typedef void db_result_cb(void *arg, enum db_outcome outcome, const PGresult *result);

struct db_options {
    const char *name; /* for the log and application_name: "deliver", "receive" */
    /* libpq connection string or URI; "" takes libpq's defaults. Host names in it are resolved
     * without the loop, which waits: a socket directory, an address or a name of /etc/hosts does
     * not. */
    const char *dsn;
    const char *setup_sql; /* run on each new connection (simple protocol; may be several) */
    int connect_timeout_s; /* for one attempt, all hosts together; the next begins with the next
                              host */
    int max_pending;       /* statements waiting for a result; above it db_query() is false */
    /* Called with the last result of setup_sql. False: the connection is closed and tried again
     * later (the callback has logged why), after 5 to 10 s. The result is NULL where setup_sql is
     * empty. May be NULL. */
    bool (*accept)(void *arg, const PGresult *result);
    void (*on_up)(void *arg); /* usable from now on; may be NULL */
    void (*on_down)(
        void *arg); /* was up and is lost; pending results have been given; may be NULL */
    /* Asynchronous notifications (LISTEN in setup_sql); may be NULL. */
    void (*on_notify)(void *arg, const char *channel, const char *payload);
    void *arg;
};

/* Starts to connect at once; never fails: what is wrong with the DSN shows in the log and in
 * db_last_error(). Strings are copied. */
struct db *db_new(struct event_base *base, const struct db_options *options);

/* Ends the connection. Pending statements get DB_LOST or DB_UNAVAILABLE before it returns. */
void db_free(struct db *db);

bool db_is_up(const struct db *db);

/* How many statements wait for their result. */
int db_pending(const struct db *db);

/* The last reason for which a connection could not be made or broke, one line, without password; ""
 * where there was none. */
const char *db_last_error(const struct db *db);

/* Queues a statement, at most 65,535 parameters, and never one that opens or ends a transaction.
 * False where max_pending is reached, or db_free() is under way: nothing was queued, `cb` will not
 * be called, the caller takes in less. Any callback of this header may call db_query() and
 * db_free(). Where the connection is down, `cb` gets DB_UNAVAILABLE on the next turn. */
bool db_query(struct db *db, const struct db_statement *statement, const struct db_param *params,
              int count, db_result_cb *cb, void *arg) __attribute__((warn_unused_result));

/* SQLSTATE of a failed result, "" where there is none. */
const char *db_sqlstate(const PGresult *result);

#endif
