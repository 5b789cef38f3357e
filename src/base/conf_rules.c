/* conf_rules.c - reads the rules of a carrier's answers. What they say is applied elsewhere. */
#include "base/conf_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_guess.h"
#include "base/mem.h"
#include "base/place.h"

enum { RULES_MAX = 200, RULE_ERROR_MAX = 40 };

#define AT(member) offsetof(struct conf_rule, member)

/* What is wrong with a part; NULL where nothing is. */
typedef const char *part_check(const char *value);

static const char *check_at(const char *value)
{
    return place_fault(value, PLACE_JSON | PLACE_FORM | PLACE_HEADER | PLACE_BODY);
}

static const char *check_compared(const char *value)
{
    return *value != '\0' ? NULL : "a text to compare with is wanted";
}

static const char *check_outcome(const char *value)
{
    static const char *const words[] = {"accepted", "retry",     "throttled", "link_down",
                                        "rejected", "opted_out", "unknown"};

    for (size_t i = 0; i < MEM_COUNT(words); i++)
        if (strcmp(value, words[i]) == 0)
            return NULL;
    return "one of \"accepted\", \"retry\", \"throttled\", \"link_down\", \"rejected\", "
           "\"opted_out\" and \"unknown\" is wanted";
}

static const char *check_error(const char *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = strlen(value);

    return len >= 1 && len <= RULE_ERROR_MAX && strspn(value, letters) == len
               ? NULL
               : "a word of at most 40 of a-z, 0-9 and _ is wanted";
}

/* "200", "4xx" or "500-599". */
static bool parse_status(const char *text, int *from, int *to)
{
    if (strspn(text, "0123456789") == 3 && text[3] == '\0') {
        *from = *to = atoi(text);
    } else if (*text >= '1' && *text <= '5' && strcmp(text + 1, "xx") == 0) {
        *from = (*text - '0') * 100;
        *to = *from + 99;
    } else if (strlen(text) == 7 && strspn(text, "0123456789") == 3 && text[3] == '-' &&
               strspn(text + 4, "0123456789") == 3) {
        *from = atoi(text);
        *to = atoi(text + 4);
    } else {
        return false;
    }
    return *from >= 100 && *to <= 599 && *from <= *to;
}

static const char *check_status(const char *value)
{
    int from, to;

    return parse_status(value, &from, &to) ? NULL
                                           : "a status is wanted: \"200\", \"4xx\" or \"500-599\"";
}

const struct conf_rule_part conf_rule_parts[] = {
    {"status", "The status of the answer: \"200\", \"4xx\" or \"500-599\"."},
    {"at", "A place in the answer (see places) at which a value has to stand."},
    {"equals", "What that value has to be, letter by letter."},
    {"contains", "What that value (without at: the body) has to hold somewhere."},
    {"outcome", "What became of the message where all of them hold: accepted; retry (later); "
                "throttled (the "
                "link pauses); link_down (the link pauses: credentials, credit); rejected (for "
                "good); "
                "opted_out (for good, and the number gets nothing more that we begin); unknown "
                "(the carrier "
                "may have it)."},
    {"error", "The word under which it is kept: a-z, 0-9 and _."},
};
const size_t conf_rule_part_count = MEM_COUNT(conf_rule_parts);

static const struct {
    part_check *check;
    size_t offset;
} parts[] = {
    {check_status, AT(status)},     {check_at, AT(at)},           {check_compared, AT(equals)},
    {check_compared, AT(contains)}, {check_outcome, AT(outcome)}, {check_error, AT(error)},
};

static const char **part_at(struct conf_rule *rule, size_t part)
{
    return (const char **)((char *)rule + parts[part].offset);
}

static size_t find_part(const char *name)
{
    size_t i = 0;

    while (i < conf_rule_part_count && strcmp(conf_rule_parts[i].name, name) != 0)
        i++;
    return i;
}

static const char *nearest_part(const char *name)
{
    const char *names[MEM_COUNT(parts)];

    for (size_t i = 0; i < MEM_COUNT(parts); i++)
        names[i] = conf_rule_parts[i].name;
    return conf_nearest_word(name, names, MEM_COUNT(names));
}

static void take_part(struct conf_reading *reading, const config_setting_t *setting,
                      const char *path, struct conf_rule *rule)
{
    const char *name = config_setting_name(setting), *value = config_setting_get_string(setting);
    int line = (int)config_setting_source_line(setting);
    size_t part = find_part(name);
    char *full = mem_printf("%s.%s", path, name);

    if (part == conf_rule_part_count) {
        conf_reading_unknown(reading, line, full, "option", nearest_part(name));
    } else if (value == NULL) {
        conf_reading_fault(reading, line, "%s: a string in quotes is wanted, got %s", full,
                           conf_setting_word(setting));
    } else {
        const char *why = parts[part].check(value);

        if (why != NULL)
            conf_reading_fault(reading, line, "%s: %s", full, why);
        else
            *part_at(rule, part) = mem_strdup(value);
    }
    free(full);
}

static void free_rule(struct conf_rule *rule)
{
    for (size_t i = 0; i < MEM_COUNT(parts); i++)
        free((char *)*part_at(rule, i));
}

static void take_rule(struct conf_reading *reading, const config_setting_t *group, const char *path,
                      struct conf_rule *rule)
{
    int line = (int)config_setting_source_line(group), faults = reading->faults;

    if (!config_setting_is_group(group)) {
        conf_reading_fault(reading, line, "%s: a group in braces is wanted, got %s", path,
                           conf_setting_word(group));
        return;
    }
    for (int i = 0; i < config_setting_length(group); i++)
        take_part(reading, config_setting_get_elem(group, (unsigned)i), path, rule);
    if (reading->faults > faults)
        return;
    if (rule->outcome == NULL)
        conf_reading_fault(reading, line, "%s: outcome must be set", path);
    if (rule->equals != NULL && rule->at == NULL)
        conf_reading_fault(reading, line, "%s: equals needs at, the place of what is compared",
                           path);
    if (rule->status == NULL && rule->at == NULL && rule->contains == NULL)
        conf_reading_fault(reading, line, "%s: has no condition (status, at, contains)", path);
    if (rule->status != NULL && !parse_status(rule->status, &rule->status_from, &rule->status_to))
        log_fatal("a rule was read without its check");
}

bool conf_rules_take(struct conf_reading *reading, const config_setting_t *list, const char *path,
                     struct conf_rules *rules)
{
    int faults = reading->faults, count = config_setting_length(list);

    conf_rules_free(rules);
    if (count > RULES_MAX) {
        conf_reading_fault(reading, (int)config_setting_source_line(list),
                           "%s: has more than %d rules", path, RULES_MAX);
        return false;
    }
    rules->items = mem_new((size_t)count, sizeof(*rules->items));
    rules->count = (size_t)count;
    for (int i = 0; i < count; i++) {
        char *full = mem_printf("%s[%d]", path, i + 1);

        take_rule(reading, config_setting_get_elem(list, (unsigned)i), full, &rules->items[i]);
        free(full);
    }
    return reading->faults == faults;
}

static bool same_text(const char *one, const char *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    return strcmp(one, other) == 0;
}

bool conf_rules_same(const struct conf_rules *one, const struct conf_rules *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++)
        for (size_t k = 0; k < MEM_COUNT(parts); k++)
            if (!same_text(*part_at(&one->items[i], k), *part_at(&other->items[i], k)))
                return false;
    return true;
}

void conf_rules_free(struct conf_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        free_rule(&rules->items[i]);
    free(rules->items);
    *rules = (struct conf_rules){0};
}
