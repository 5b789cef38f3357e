/*
 * wording_copy.h - a copy of the shipped texts for a unit test to spoil, and the faults that
 * loading it reports.
 */
#ifndef HERSYS_TESTS_WORDING_COPY_H
#define HERSYS_TESTS_WORDING_COPY_H

#include <stddef.h>

extern char copy_directory[256];

/* For cmocka_unit_test_setup_teardown(): makes it, and removes it. */
int copy_make(void **state);
int copy_remove(void **state);

/* A file in it; the test fails where that fails. */
void copy_write_bytes(const char *file, const char *bytes, size_t len);
void copy_write(const char *file, const char *text);
void copy_append(const char *file, const char *text);
void copy_remove_file(const char *file);

struct copy_faults {
    char text[32768];
    int count;
};

/* A wording_fault_cb for `struct copy_faults`. */
void copy_note_fault(void *arg, const char *fault);

/* Loads it as it is now, and frees what was loaded. */
struct copy_faults copy_load(void);

/* Among the faults is one of this file that begins so. */
void copy_expect_fault(const struct copy_faults *faults, const char *file, const char *what);

/* Exactly this fault, in the copy as it is now. */
void copy_expect_one_fault(const char *file, const char *what);

#endif
