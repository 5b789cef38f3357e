/*
 * conf_rules.h - the rules by which a carrier's answer is read: a list of groups in the
 * configuration, each with conditions and the outcome where all of them hold.
 */
#ifndef HERSYS_BASE_CONF_RULES_H
#define HERSYS_BASE_CONF_RULES_H

#include <libconfig.h>
#include <stdbool.h>

#include "base/conf_carrier.h"
#include "base/conf_value.h"

/* What a rule can consist of, with a sentence on each: for the sample and the manual page. */
struct conf_rule_part {
    const char *name;
    const char *help;
};
extern const struct conf_rule_part conf_rule_parts[];
extern const size_t conf_rule_part_count;

/* Reads the list; false after a fault. */
bool conf_rules_take(struct conf_reading *reading, const config_setting_t *list, const char *path,
                     struct conf_rules *rules) __attribute__((warn_unused_result));

bool conf_rules_same(const struct conf_rules *one, const struct conf_rules *other);
void conf_rules_free(struct conf_rules *rules);

#endif
