/*
 * conf_file.h - the bytes of the configuration: the file with all that it includes in one text, and
 * where each line of it came from.
 *
 * libconfig 1.5 would read files and includes by itself, but it cuts a number that is too large to
 * whatever is left in 32 bits, takes a string without its closing quote for the end of the file,
 * and finds no include by an absolute path.
 */
#ifndef HERSYS_BASE_CONF_FILE_H
#define HERSYS_BASE_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"

struct conf_file;

/*
 * Reads `path` and what it includes. A line `@include "other.conf"` is replaced by that file; a
 * relative name is looked for in the folder of the file that includes it. NULL after at least one
 * fault: a file that cannot be read or is longer than 1 MiB, includes deeper than 8, NUL bytes, no
 * UTF-8, a string or comment that is not closed.
 */
struct conf_file *conf_file_read(const char *path, conf_fault_cb *fault, void *arg)
    __attribute__((warn_unused_result));
void conf_file_free(struct conf_file *file);

/* All of it, with a NUL behind it. */
const char *conf_file_text(const struct conf_file *file);

/* Where line `line` (from 1) of that text came from: the name of its file, and the line in it. */
const char *conf_file_name(const struct conf_file *file, int line);
int conf_file_line(const struct conf_file *file, int line);

/* Whether a whole number stands in that line that does not fit an int. */
bool conf_file_has_overflow(const struct conf_file *file, int line);

#endif
