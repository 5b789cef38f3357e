/*
 * secret_file.h - secrets that another party gave us: a token or password on the first line of a
 * file, which must not be readable by everybody. They never stand in the configuration.
 */
#ifndef HERSYS_BASE_SECRET_FILE_H
#define HERSYS_BASE_SECRET_FILE_H

#include <stddef.h>

/* The first line, printable ASCII of 1 to 4,096 bytes; NULL with the reason in `error`, one line
 * that names the file and nothing of what is in it. */
char *secret_file_read(const char *path, char *error, size_t size)
    __attribute__((warn_unused_result));

/* Overwrites and frees it; NULL is harmless. */
void secret_file_free(char *secret);

#endif
