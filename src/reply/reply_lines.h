/*
 * reply_lines.h - messages written one a line, for `hersysctl parse`, tests and benchmarks.
 */
#ifndef HERSYS_REPLY_REPLY_LINES_H
#define HERSYS_REPLY_REPLY_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "reply/reply.h"

/* `\n` is a newline and `\\` a backslash; every other byte is itself. In place; returns the length.
 */
size_t reply_unescape(char *line, size_t len);

/* Reads a message a line from `in` and writes a JSON object a line to `out`; with `explain`, also
 * what was made of each piece, a line each, indented. False where reading or writing failed. */
bool reply_lines(FILE *in, FILE *out, const struct reply_rules *rules, bool explain)
    __attribute__((warn_unused_result));

#endif
