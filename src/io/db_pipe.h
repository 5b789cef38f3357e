/*
 * db_pipe.h - the statements of one connection: those that wait, those on the way, and the results.
 *
 * Part of db.c, which makes the connection and ends it; nobody else uses it. Statements outlive
 * connections: they may be added while there is none.
 */
#ifndef HERSYS_IO_DB_PIPE_H
#define HERSYS_IO_DB_PIPE_H

#include <sys/queue.h>

#include "io/db.h"

enum { DB_LAST_WORDS_MAX = 512 };

struct db_request;
struct db_prepared;
TAILQ_HEAD(db_request_list, db_request);

struct db_pipe {
    PGconn *conn;                  /* in pipeline mode; NULL where there is none (any more) */
    struct db_request_list sent;   /* handed to libpq, in order */
    struct db_request_list queued; /* not yet */
    int pending;                   /* both */
    bool blocked; /* libpq holds what the socket did not take: wait until writable */
    struct db_prepared *prepared;
    int prepared_count;
    char last_words[DB_LAST_WORDS_MAX]; /* what the server said when it ended the connection; or ""
                                         */
};

void db_pipe_init(struct db_pipe *pipe);

void db_pipe_add(struct db_pipe *pipe, const struct db_statement *statement,
                 const struct db_param *params, int count, db_result_cb *cb, void *arg);

/* Borrows a connection in pipeline mode that has prepared nothing; forgets it. */
void db_pipe_attach(struct db_pipe *pipe, PGconn *conn);
void db_pipe_detach(struct db_pipe *pipe);

/* Writes out what libpq holds; false where the connection is done for. */
bool db_pipe_flush(struct db_pipe *pipe) __attribute__((warn_unused_result));

/* Sends and takes as much as goes without waiting, and calls back. False where the connection is
 * done for, or was taken away in a callback. With `alive` false it only takes what has already
 * come. */
bool db_pipe_turn(struct db_pipe *pipe, bool alive) __attribute__((warn_unused_result));

/* Without a connection: gives everything that was sent or is queued now its outcome. */
void db_pipe_give_up(struct db_pipe *pipe);

/* Whether an error or notice is the last that the server says. */
bool db_ends_connection(const PGresult *result);
void db_pipe_note_last_words(struct db_pipe *pipe, const PGresult *result);

#endif
