/*
 * db_dsn.h - what libpq is told for one attempt to connect: the connection string, our defaults,
 * and which host goes first.
 *
 * libpq has no time-out of its own for one host where it is driven without blocking, and begins
 * every attempt with the first: behind a host that is switched off the others would never be
 * reached. So after an attempt that timed out the next one begins with the next host.
 */
#ifndef HERSYS_IO_DB_DSN_H
#define HERSYS_IO_DB_DSN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

enum { DB_DSN_OPTIONS_MAX = 16 };

/* Arguments of PQconnectStartParams() with expand_dbname; free them with db_dsn_clear(). */
struct db_dsn {
    const char *keywords[DB_DSN_OPTIONS_MAX];
    const char *values[DB_DSN_OPTIONS_MAX];
    char *owned[DB_DSN_OPTIONS_MAX]; /* what of the values is ours to free */
    int count;
    int hosts; /* how many the connection string names; 1 where it names none */
};

/* False where `dsn` cannot be understood; `error` then says why in one line and repeats nothing of
 * it, for it may hold a password. `first` is the host to begin with, counted round. */
bool db_dsn_make(struct db_dsn *options, const char *dsn, const char *application, int first,
                 char *error, size_t size) __attribute__((warn_unused_result));
void db_dsn_clear(struct db_dsn *options);

/* Copies `text` in one line: white space of any length becomes one space, what does not fit is cut.
 */
void db_one_line(char *line, size_t size, const char *text);

#endif
