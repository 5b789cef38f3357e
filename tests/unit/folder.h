/*
 * folder.h - a folder of its own for a unit test that needs files.
 */
#ifndef HERSYS_TESTS_FOLDER_H
#define HERSYS_TESTS_FOLDER_H

#include <stddef.h>
#include <sys/types.h>

extern char folder[64]; /* its path */

/* For cmocka_run_group_tests(): makes it, and removes it with the files in it and one level below.
 */
int folder_make(void **state);
int folder_remove(void **state);

/* Removes the files in it. */
void folder_empty(const char *path);

/* The path of a file in it; the last four stay valid. */
const char *folder_path(const char *name);

/* Writes a file; the test fails where that fails. */
void folder_write(const char *name, const char *bytes, size_t len, mode_t mode);

#endif
