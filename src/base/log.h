/*
 * log.h - one line an event: time, level, event word, then key=value pairs, to standard error.
 *
 * Values are escaped, so that nobody can inject a line. What may be a value: ids, counts, words of
 * our own, SQLSTATEs, host names of the configuration. What may never be one: a text, a telephone
 * number, an address, a name, a code, a token, a query string, a password (HACKING.md).
 */
#ifndef HERSYS_BASE_LOG_H
#define HERSYS_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* One pair of a line: made by LOG_STR, LOG_INT and LOG_SEC, never by hand. */
struct log_pair {
    const char *key;
    enum { LOG_PAIR_TEXT, LOG_PAIR_INTEGER, LOG_PAIR_SECONDS } type;
    const char *text;
    int64_t integer;
    double seconds;
};

#define LOG_STR(k, v) ((struct log_pair){.key = (k), .type = LOG_PAIR_TEXT, .text = (v)})
#define LOG_INT(k, v) ((struct log_pair){.key = (k), .type = LOG_PAIR_INTEGER, .integer = (v)})
#define LOG_SEC(k, v) ((struct log_pair){.key = (k), .type = LOG_PAIR_SECONDS, .seconds = (v)})

/* The name that every line carries, and the least important level that is written. When standard
 * error is the journal, lines carry its priority prefix and no time of their own. */
void log_open(const char *program, enum log_level level);
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug"; false for any other word. */
bool log_level_parse(const char *word, enum log_level *level) __attribute__((warn_unused_result));

/* Writes one line. `event` is a fixed word of ours ("link_sent"), never data. */
void log_write(enum log_level level, const char *event, const struct log_pair *pairs, int count);

#define LOG_PAIRS(...)                                                                             \
    (const struct log_pair[]){__VA_ARGS__},                                                        \
        (int)(sizeof((struct log_pair[]){__VA_ARGS__}) / sizeof(struct log_pair))

#define log_error(event, ...)   log_write(LOG_LEVEL_ERROR, (event), LOG_PAIRS(__VA_ARGS__))
#define log_warning(event, ...) log_write(LOG_LEVEL_WARNING, (event), LOG_PAIRS(__VA_ARGS__))
#define log_info(event, ...)    log_write(LOG_LEVEL_INFO, (event), LOG_PAIRS(__VA_ARGS__))
#define log_debug(event, ...)   log_write(LOG_LEVEL_DEBUG, (event), LOG_PAIRS(__VA_ARGS__))

/* Ends the process with status 1: only at start-up, out of memory, or on a broken invariant of our
 * own; never on data from outside. */
void log_fatal(const char *reason) __attribute__((noreturn));

#endif
