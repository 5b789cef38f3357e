/*
 * place.h - where a value stands in an HTTP request or answer, in the words of the configuration.
 *
 *     "json:error.code"  a member of the body's JSON; a whole number is an index where an array is
 *     "form:id"          a field of the body's form that occurs exactly once
 *     "query:id"         the same of the query
 *     "header:X-Id"      a header
 *     "body"             the whole body, without white space around it
 *     "body:ID=*;"       what stands for the star: behind the first "ID=", up to the next ";" or,
 *                        where nothing follows the star, up to white space or the end
 */
#ifndef HERSYS_BASE_PLACE_H
#define HERSYS_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

enum place_kind {
    PLACE_JSON = 1,
    PLACE_FORM = 2,
    PLACE_QUERY = 4,
    PLACE_HEADER = 8,
    PLACE_BODY = 16,
};

/* What is wrong with a place of one of these kinds (a sum), in words to follow its option's name;
 * NULL where nothing is. */
const char *place_fault(const char *place, unsigned kinds);

/* The kind of a place without fault. */
enum place_kind place_kind(const char *place);

/* A request or an answer; borrowed. */
struct place_source {
    const char *body; /* any bytes */
    size_t len;
    const char *query;                                  /* "" where there is none */
    const char *(*header)(void *arg, const char *name); /* NULL where there is none */
    void *arg;
};

struct place_reader;

/* Reads as much of the source as it is asked for; what it gives lives until it is freed. */
struct place_reader *place_reader_new(const struct place_source *source);
void place_reader_free(struct place_reader *reader);

/* The bytes at a place, with a NUL behind them: a text as it is, a whole number in digits, true and
 * false as these words. NULL where nothing stands there, or where the body is not of that kind. */
const char *place_get(struct place_reader *reader, const char *place, size_t *len);

/* The same as text: NULL also where it is empty, holds a NUL, or is no UTF-8. */
const char *place_get_text(struct place_reader *reader, const char *place);

/* The same in the buffer; false also where it does not fit. */
bool place_copy_text(struct place_reader *reader, const char *place, char *text, size_t size)
    __attribute__((warn_unused_result));

#endif
