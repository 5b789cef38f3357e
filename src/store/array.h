/*
 * array.h - one-dimensional PostgreSQL arrays as text, for parameters.
 */
#ifndef HERSYS_STORE_ARRAY_H
#define HERSYS_STORE_ARRAY_H

#include <stdint.h>
#include <stdio.h>

struct array {
    char *text; /* after array_end(): "{1,2}"; the caller frees it */
    size_t len;
    FILE *stream;
    int count;
};

void array_begin(struct array *array);
void array_add_int(struct array *array, int64_t value);
void array_add_bytes(struct array *array, const uint8_t *bytes, size_t len); /* of bytea */
void array_add_text(struct array *array, const char *value);                 /* NULL is SQL NULL */
void array_end(struct array *array);

/* Patients, and the salts of their links (16 bytes each, one behind the other), as two arrays; the
 * caller frees their texts. */
void array_of_links(const int64_t *patients, size_t count, const uint8_t *salts, struct array *ids,
                    struct array *bytes);

#endif
