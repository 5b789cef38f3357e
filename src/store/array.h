/*
 * array.h - one-dimensional PostgreSQL arrays as text, for parameters.
 */
#ifndef HERSYS_STORE_ARRAY_H
#define HERSYS_STORE_ARRAY_H

#include <stdint.h>
#include <stdio.h>

#include "store/outbox.h"

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

/* Patients, the salts of their links (16 bytes each, one behind the other), and what the caller's
 * own list says of them. */
struct links_array {
    struct array ids;
    struct array salts;
    struct array phones;
    struct array input_ids;
};
void links_array_write(struct links_array *array, const struct store_link_patient *patients,
                       size_t count, const uint8_t *salts);
void links_array_free(struct links_array *array);

#endif
