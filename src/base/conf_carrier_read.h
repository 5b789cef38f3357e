/*
 * conf_carrier_read.h - reads the group `carriers` for conf.c, and prints it for the sample and the
 * manual page.
 */
#ifndef HERSYS_BASE_CONF_CARRIER_READ_H
#define HERSYS_BASE_CONF_CARRIER_READ_H

#include "base/conf_carrier.h"
#include "base/conf_value.h"

/* The table: offsets into struct conf_carrier; `types` says to which types an option belongs, and
 * `path` is its name alone. */
extern const struct conf_option conf_carrier_options[];
extern const size_t conf_carrier_option_count;

extern const enum conf_carrier_type conf_carrier_types[];
extern const size_t conf_carrier_type_count;

/* One sentence on a type. */
const char *conf_carrier_type_help(enum conf_carrier_type type);

/* No carriers: what a configuration starts with. */
struct conf_carriers *conf_carriers_new(void);
struct conf_carriers *conf_carriers_ref(struct conf_carriers *carriers);
void conf_carriers_unref(struct conf_carriers *carriers);

/* Reads the members of the group; faults are told. */
void conf_carriers_take(struct conf_reading *reading, config_setting_t *group,
                        struct conf_carriers *carriers);

bool conf_carriers_same(const struct conf_carriers *one, const struct conf_carriers *other);

/* What contradicts what within one link: calls `fault` with the option that is to blame and what is
 * wrong with it. */
typedef void conf_carrier_fault_cb(void *arg, const char *option, const char *why);
void conf_carrier_check(const struct conf_carrier *carrier, conf_carrier_fault_cb *fault,
                        void *arg);

#endif
