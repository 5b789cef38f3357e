/* conf_carrier.c - reads and compares the group `carriers` by the table of conf_carrier_options.c.
 */
#include "base/conf_carrier_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_form.h"
#include "base/conf_guess.h"
#include "base/log.h"
#include "base/mem.h"

enum { CARRIER_OPTIONS_MAX = 64 };

/* One link under check. */
struct link_check {
    struct conf_reading *reading;
    const char *path; /* "carriers.twilio" */
    int line;
    int lines[CARRIER_OPTIONS_MAX];
    bool wrong[CARRIER_OPTIONS_MAX];
};

/* ---- all of them */

struct conf_carriers *conf_carriers_new(void)
{
    struct conf_carriers *carriers = mem_new(1, sizeof(*carriers));

    if (conf_carrier_option_count > CARRIER_OPTIONS_MAX)
        log_fatal("there are more options of carriers than conf_carrier.c has room for");
    carriers->refs = 1;
    return carriers;
}

struct conf_carriers *conf_carriers_ref(struct conf_carriers *carriers)
{
    carriers->refs++;
    return carriers;
}

static void free_carrier(struct conf_carrier *carrier)
{
    for (size_t i = 0; i < conf_carrier_option_count; i++)
        conf_value_free(carrier, &conf_carrier_options[i]);
    free((char *)carrier->name);
}

void conf_carriers_unref(struct conf_carriers *carriers)
{
    if (carriers == NULL || --carriers->refs > 0)
        return;
    for (size_t i = 0; i < carriers->count; i++)
        free_carrier(&carriers->items[i]);
    free(carriers->items);
    free(carriers);
}

static bool same_carrier(const struct conf_carrier *one, const struct conf_carrier *other)
{
    if (strcmp(one->name, other->name) != 0 || one->type != other->type)
        return false;
    for (size_t i = 0; i < conf_carrier_option_count; i++)
        if (!conf_value_same(one, other, &conf_carrier_options[i]))
            return false;
    return true;
}

bool conf_carriers_same(const struct conf_carriers *one, const struct conf_carriers *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (!same_carrier(&one->items[i], &other->items[i]))
            return false;
    return true;
}

bool conf_carrier_calls_back(const struct conf_carrier *carrier)
{
    return carrier->type == CONF_CARRIER_TWILIO || strcmp(carrier->receipt_method, "none") != 0 ||
           strcmp(carrier->reply_method, "none") != 0;
}

/* ---- one of them */

static const char *nearest_option(const char *name, enum conf_carrier_type type)
{
    const char *names[CARRIER_OPTIONS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < conf_carrier_option_count; i++)
        if ((conf_carrier_options[i].types & type) != 0)
            names[count++] = conf_carrier_options[i].path;
    return conf_nearest_word(name, names, count);
}

static void take_option(struct link_check *check, const config_setting_t *setting,
                        struct conf_carrier *carrier)
{
    const char *name = config_setting_name(setting);
    int line = (int)config_setting_source_line(setting);
    char *path = mem_printf("%s.%s", check->path, name);
    size_t i = 0;

    if (strcmp(name, "type") == 0)
        goto out;
    while (i < conf_carrier_option_count && (strcmp(conf_carrier_options[i].path, name) != 0 ||
                                             (conf_carrier_options[i].types & carrier->type) == 0))
        i++;
    if (i == conf_carrier_option_count) {
        char *what = mem_printf("option of type %s", conf_carrier_type_word(carrier->type));

        conf_reading_unknown(check->reading, line, path, what, nearest_option(name, carrier->type));
        free(what);
        goto out;
    }
    check->lines[i] = line;
    check->wrong[i] =
        !conf_value_take(check->reading, setting, &conf_carrier_options[i], path, carrier);
out:
    free(path);
}

static void check_required(struct link_check *check, const struct conf_carrier *carrier)
{
    for (size_t i = 0; i < conf_carrier_option_count; i++) {
        const struct conf_option *option = &conf_carrier_options[i];

        if (option->required && (option->types & carrier->type) != 0 && !check->wrong[i] &&
            conf_value_is_empty(carrier, option)) {
            conf_reading_fault(check->reading, check->line, "%s.%s: must be set", check->path,
                               option->path);
            check->wrong[i] = true;
        }
    }
}

static void on_contradiction(void *arg, const char *option, const char *why)
{
    struct link_check *check = arg;
    size_t i = 0;

    while (i < conf_carrier_option_count && strcmp(conf_carrier_options[i].path, option) != 0)
        i++;
    if (i == conf_carrier_option_count)
        log_fatal("an unknown option of a carrier is judged");
    if (!check->wrong[i])
        conf_reading_fault(check->reading, check->lines[i] > 0 ? check->lines[i] : check->line,
                           "%s.%s: %s", check->path, option, why);
}

static bool take_type(struct conf_reading *reading, const config_setting_t *group, const char *path,
                      enum conf_carrier_type *type)
{
    const config_setting_t *setting = config_setting_get_member(group, "type");
    const char *word = setting != NULL ? config_setting_get_string(setting) : NULL;

    for (size_t i = 0; word != NULL && i < conf_carrier_type_count; i++) {
        *type = conf_carrier_types[i];
        if (strcmp(conf_carrier_type_word(*type), word) == 0)
            return true;
    }
    conf_reading_fault(reading, (int)config_setting_source_line(setting != NULL ? setting : group),
                       "%s.type: must be \"twilio\" or \"generic\"", path);
    return false;
}

/* The name is part of addresses, of database rows and of log lines. */
static const char *name_fault(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

    if (strcmp(name, "sandbox") == 0 || strcmp(name, "sandbox_mailbox") == 0 ||
        strcmp(name, "email") == 0)
        return "this name is taken by the gateway itself";
    if (strlen(name) > CONF_CARRIER_NAME_MAX || strspn(name, letters) != strlen(name))
        return "the name of a link has 1 to 40 of a-z, 0-9, _ and -";
    return NULL;
}

static void take_carrier(struct conf_reading *reading, config_setting_t *group,
                         struct conf_carriers *carriers)
{
    const char *name = config_setting_name(group);
    int line = (int)config_setting_source_line(group), faults = reading->faults;
    char *path = mem_printf("carriers.%s", name);
    struct link_check check = {.reading = reading, .path = path, .line = line};
    struct conf_carrier *carrier;
    enum conf_carrier_type type;
    const char *why = name_fault(name);

    if (why != NULL)
        conf_reading_fault(reading, line, "%s: %s", path, why);
    if (!config_setting_is_group(group)) {
        conf_reading_fault(reading, line, "%s: a group in braces is wanted, got %s", path,
                           conf_setting_word(group));
        goto out;
    }
    if (!take_type(reading, group, path, &type))
        goto out;
    carriers->items = mem_grow(carriers->items, carriers->count + 1, sizeof(*carriers->items));
    carrier = &carriers->items[carriers->count++];
    *carrier = (struct conf_carrier){.name = mem_strdup(name), .type = type};
    for (size_t i = 0; i < conf_carrier_option_count; i++)
        conf_value_set_fallback(carrier, &conf_carrier_options[i]);
    for (int i = 0; i < config_setting_length(group); i++)
        take_option(&check, config_setting_get_elem(group, (unsigned)i), carrier);
    check_required(&check, carrier);
    if (reading->faults == faults)
        conf_carrier_check(carrier, on_contradiction, &check);
    carrier->allow_http =
        conf_form_is_here(type == CONF_CARRIER_TWILIO ? carrier->api_url : carrier->url);
out:
    free(path);
}

void conf_carriers_take(struct conf_reading *reading, config_setting_t *group,
                        struct conf_carriers *carriers)
{
    for (int i = 0; i < config_setting_length(group); i++)
        take_carrier(reading, config_setting_get_elem(group, (unsigned)i), carriers);
}
