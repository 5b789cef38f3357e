/*
 * mem.h - allocation that cannot fail.
 *
 * Out of memory is one of the three reasons for which the daemon ends itself (HACKING.md): whatever
 * was acknowledged is in PostgreSQL, and the next start takes it up. So no caller checks for NULL.
 */
#ifndef HERSYS_BASE_MEM_H
#define HERSYS_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for `count` objects of `size` bytes; the caller frees it with free(). */
void *mem_new(size_t count, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));

/* `old` grown to `count` objects of `size` bytes; what is new is not zeroed. */
void *mem_grow(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* A copy of the string, of `len` bytes and a NUL, or of the `size` bytes. The caller frees it. */
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
void *mem_dup(const void *bytes, size_t size) __attribute__((malloc, returns_nonnull));

/* A string as printf would make it. The caller frees it. */
char *mem_printf(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

#define MEM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
