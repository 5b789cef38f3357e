/*
 * conf_form.h - the form of addresses, URLs and telephone numbers in the configuration.
 */
#ifndef HERSYS_BASE_CONF_FORM_H
#define HERSYS_BASE_CONF_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf_options.h"

/* What is wrong with a text as value of the option, or as an entry of its list, in words to follow
 * its name; NULL where nothing is. The words may stand in `room`. */
const char *conf_form_fault(const struct conf_option *option, const char *value, char *room,
                            size_t size);

/* Whether the address of a carrier is one on this host, which need not be https. */
bool conf_form_is_here(const char *url);

#endif
