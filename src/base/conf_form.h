/*
 * conf_form.h - the form of addresses, URLs and telephone numbers in the configuration.
 */
#ifndef HERSYS_BASE_CONF_FORM_H
#define HERSYS_BASE_CONF_FORM_H

#include "base/conf_options.h"

/* What is wrong with a text as value of the option, in words to follow its name; NULL where nothing
 * is. */
const char *conf_form_fault(const struct conf_option *option, const char *value);

#endif
