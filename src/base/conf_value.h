/*
 * conf_value.h - one option's value: read from its setting, kept in a struct, copied, compared and
 * freed. Where it is kept is the struct's address and the option's offset.
 */
#ifndef HERSYS_BASE_CONF_VALUE_H
#define HERSYS_BASE_CONF_VALUE_H

#include <libconfig.h>
#include <stdbool.h>

#include "base/conf_file.h"
#include "base/conf_options.h"

/* A file under check, and who is told of its faults. */
struct conf_reading {
    const struct conf_file *file;
    conf_fault_cb *fault;
    void *arg;
    int faults;
};

/* Tells one fault with the place of the line. */
void conf_reading_fault(struct conf_reading *reading, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "path: unknown option; did you mean guess?"; `guess` may be NULL. */
void conf_reading_unknown(struct conf_reading *reading, int line, const char *path,
                          const char *what, const char *guess);

/* "a group", "a string" ...: what a setting is. */
const char *conf_setting_word(const config_setting_t *setting);

/* Reads a setting into the struct; `path` is the option's name in faults. False after a fault. */
bool conf_value_take(struct conf_reading *reading, const config_setting_t *setting,
                     const struct conf_option *option, const char *path, void *into)
    __attribute__((warn_unused_result));

void conf_value_set_fallback(void *into, const struct conf_option *option);
void conf_value_copy(void *to, const void *from, const struct conf_option *option);
bool conf_value_same(const void *one, const void *other, const struct conf_option *option);
void conf_value_free(void *from, const struct conf_option *option);

/* Whether it is the empty text or list. */
bool conf_value_is_empty(const void *in, const struct conf_option *option);

/* The value of an option that is kept as a text. */
const char *conf_value_text(const void *in, const struct conf_option *option);

#endif
