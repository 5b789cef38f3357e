/*
 * base64.h - RFC 4648 section 4, with padding.
 */
#ifndef HERSYS_BASE_BASE64_H
#define HERSYS_BASE_BASE64_H

#include <stddef.h>

/* To be freed by the caller. */
char *base64_encode(const void *bytes, size_t len) __attribute__((warn_unused_result));

#endif
