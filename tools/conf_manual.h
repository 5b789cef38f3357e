/*
 * conf_manual.h - hersys-gateway.conf(5), from the table of options.
 */
#ifndef HERSYS_TOOLS_CONF_MANUAL_H
#define HERSYS_TOOLS_CONF_MANUAL_H

#include <stdio.h>

void conf_print_manual(FILE *out);

#endif
