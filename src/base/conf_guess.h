/*
 * conf_guess.h - "did you mean ...?" for the names of the configuration.
 */
#ifndef HERSYS_BASE_CONF_GUESS_H
#define HERSYS_BASE_CONF_GUESS_H

#include <stddef.h>

/* The group of the most similar name; NULL where none is similar enough. */
const char *conf_nearest_group(const char *name);

/* The path of the option of the most similar name, by what follows the point alone; one of the same
 * group wins over one of another. NULL where none is similar enough. */
const char *conf_nearest_option(const char *group, const char *name);

/* The most similar of some words; NULL where none is similar enough. */
const char *conf_nearest_word(const char *name, const char *const *words, size_t count);

#endif
