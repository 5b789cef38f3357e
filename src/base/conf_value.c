/* conf_value.c - reads and keeps the values of options by their types. It knows no option by name.
 */
#include "base/conf_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_form.h"
#include "base/conf_guess.h"
#include "base/conf_rules.h"
#include "base/mem.h"

/* ---- faults */

void conf_reading_fault(struct conf_reading *reading, int line, const char *format, ...)
{
    char words[512];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    char *text = mem_printf("%s:%d: %s", conf_file_name(reading->file, line),
                            conf_file_line(reading->file, line), words);
    reading->fault(reading->arg, text);
    reading->faults++;
    free(text);
}

void conf_reading_unknown(struct conf_reading *reading, int line, const char *path,
                          const char *what, const char *guess)
{
    if (guess != NULL)
        conf_reading_fault(reading, line, "%s: unknown %s; did you mean %s?", path, what, guess);
    else
        conf_reading_fault(reading, line, "%s: unknown %s", path, what);
}

/* ---- where an option's value is */

static const char **string_at(void *in, const struct conf_option *option)
{
    return (const char **)((char *)in + option->offset);
}

static int *integer_at(void *in, const struct conf_option *option)
{
    return (int *)((char *)in + option->offset);
}

static bool *switch_at(void *in, const struct conf_option *option)
{
    return (bool *)((char *)in + option->offset);
}

static enum log_level *level_at(void *in, const struct conf_option *option)
{
    return (enum log_level *)((char *)in + option->offset);
}

static struct conf_texts *texts_at(void *in, const struct conf_option *option)
{
    return (struct conf_texts *)((char *)in + option->offset);
}

static struct conf_rules *rules_at(void *in, const struct conf_option *option)
{
    return (struct conf_rules *)((char *)in + option->offset);
}

enum storage {
    STORED_STRING,
    STORED_INTEGER,
    STORED_SWITCH,
    STORED_LEVEL,
    STORED_TEXTS,
    STORED_RULES,
};

static enum storage storage_of(const struct conf_option *option)
{
    switch (option->type) {
    case CONF_INTEGER:
        return STORED_INTEGER;
    case CONF_SWITCH:
        return STORED_SWITCH;
    case CONF_LEVEL:
        return STORED_LEVEL;
    case CONF_HEADERS:
    case CONF_STATES:
        return STORED_TEXTS;
    case CONF_RULES:
        return STORED_RULES;
    case CONF_TEXT:
    case CONF_FILE:
    case CONF_ADDRESS:
    case CONF_URL:
    case CONF_NUMBER:
    case CONF_ORIGIN:
    case CONF_HOST:
    case CONF_MAILBOX:
    case CONF_WORD:
    case CONF_ENDPOINT:
    case CONF_PLACE:
    case CONF_HEADER_NAME:
    case CONF_ACCOUNT:
        break;
    }
    return STORED_STRING;
}

static void set_string(void *in, const struct conf_option *option, char *value)
{
    const char **at = string_at(in, option);

    free((char *)*at);
    *at = value;
}

static void free_texts(struct conf_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free((char *)texts->items[i]);
    free(texts->items);
    *texts = (struct conf_texts){0};
}

static void add_text(struct conf_texts *texts, const char *text)
{
    texts->items = mem_grow(texts->items, texts->count + 1, sizeof(*texts->items));
    texts->items[texts->count++] = mem_strdup(text);
}

void conf_value_free(void *from, const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
        set_string(from, option, NULL);
        return;
    case STORED_TEXTS:
        free_texts(texts_at(from, option));
        return;
    case STORED_RULES:
        conf_rules_free(rules_at(from, option));
        return;
    case STORED_INTEGER:
    case STORED_SWITCH:
    case STORED_LEVEL:
        return;
    }
}

void conf_value_copy(void *to, const void *from, const struct conf_option *option)
{
    void *source = (void *)from; /* only read */

    switch (storage_of(option)) {
    case STORED_STRING:
        set_string(to, option, mem_strdup(*string_at(source, option)));
        return;
    case STORED_INTEGER:
        *integer_at(to, option) = *integer_at(source, option);
        return;
    case STORED_SWITCH:
        *switch_at(to, option) = *switch_at(source, option);
        return;
    case STORED_LEVEL:
        *level_at(to, option) = *level_at(source, option);
        return;
    case STORED_TEXTS:
    case STORED_RULES:
        log_fatal("lists of the configuration are shared and not copied");
    }
}

static bool same_texts(const struct conf_texts *one, const struct conf_texts *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (strcmp(one->items[i], other->items[i]) != 0)
            return false;
    return true;
}

bool conf_value_same(const void *one, const void *other, const struct conf_option *option)
{
    void *left = (void *)one, *right = (void *)other; /* only read */

    switch (storage_of(option)) {
    case STORED_STRING:
        return strcmp(*string_at(left, option), *string_at(right, option)) == 0;
    case STORED_INTEGER:
        return *integer_at(left, option) == *integer_at(right, option);
    case STORED_SWITCH:
        return *switch_at(left, option) == *switch_at(right, option);
    case STORED_LEVEL:
        return *level_at(left, option) == *level_at(right, option);
    case STORED_TEXTS:
        return same_texts(texts_at(left, option), texts_at(right, option));
    case STORED_RULES:
        return conf_rules_same(rules_at(left, option), rules_at(right, option));
    }
    return false;
}

void conf_value_set_fallback(void *into, const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
        set_string(into, option, mem_strdup(option->fallback));
        return;
    case STORED_INTEGER:
        *integer_at(into, option) = (int)strtol(option->fallback, NULL, 10);
        return;
    case STORED_SWITCH:
        *switch_at(into, option) = strcmp(option->fallback, "true") == 0;
        return;
    case STORED_LEVEL:
        if (!log_level_parse(option->fallback, level_at(into, option)))
            log_fatal("the default log level is no log level");
        return;
    case STORED_TEXTS:
    case STORED_RULES: /* empty */
        return;
    }
}

bool conf_value_is_empty(const void *in, const struct conf_option *option)
{
    void *source = (void *)in; /* only read */

    switch (storage_of(option)) {
    case STORED_STRING:
        return **string_at(source, option) == '\0';
    case STORED_TEXTS:
        return texts_at(source, option)->count == 0;
    case STORED_RULES:
        return rules_at(source, option)->count == 0;
    case STORED_INTEGER:
    case STORED_SWITCH:
    case STORED_LEVEL:
        break;
    }
    return false;
}

const char *conf_value_text(const void *in, const struct conf_option *option)
{
    return *string_at((void *)in, option);
}

/* ---- from a setting */

const char *conf_setting_word(const config_setting_t *setting)
{
    static const char *const words[] = {
        [CONFIG_TYPE_NONE] = "nothing",           [CONFIG_TYPE_GROUP] = "a group",
        [CONFIG_TYPE_INT] = "a whole number",     [CONFIG_TYPE_INT64] = "a long whole number",
        [CONFIG_TYPE_FLOAT] = "a decimal number", [CONFIG_TYPE_STRING] = "a string",
        [CONFIG_TYPE_ARRAY] = "an array",         [CONFIG_TYPE_LIST] = "a list",
        [CONFIG_TYPE_BOOL] = "true or false",
    };

    return words[config_setting_type(setting)];
}

/* The type that libconfig gives a right value. */
static int wanted_type(enum storage storage)
{
    switch (storage) {
    case STORED_STRING:
    case STORED_LEVEL:
        return CONFIG_TYPE_STRING;
    case STORED_INTEGER:
        return CONFIG_TYPE_INT;
    case STORED_SWITCH:
        return CONFIG_TYPE_BOOL;
    case STORED_TEXTS:
    case STORED_RULES:
        return CONFIG_TYPE_LIST;
    }
    return CONFIG_TYPE_NONE;
}

static const char *wanted_word(enum storage storage)
{
    switch (storage) {
    case STORED_STRING:
    case STORED_LEVEL:
        return "a string in quotes is";
    case STORED_INTEGER:
        return "a whole number is";
    case STORED_SWITCH:
        return "true or false is";
    case STORED_TEXTS:
        return "a list of strings in parentheses is";
    case STORED_RULES:
        return "a list of groups in parentheses is";
    }
    return "";
}

static bool add_out_of_range(struct conf_reading *reading, int line,
                             const struct conf_option *option, const char *path, const char *value)
{
    const char *unit = option->unit != NULL ? option->unit : "";

    conf_reading_fault(reading, line, "%s: %s is out of range: %d to %d%s%s", path, value,
                       option->min, option->max, *unit != '\0' ? " " : "", unit);
    return false;
}

static bool take_integer(struct conf_reading *reading, const config_setting_t *setting, int line,
                         const struct conf_option *option, const char *path, void *into)
{
    int value = config_setting_get_int(setting);
    char digits[16];

    if (conf_file_has_overflow(reading->file, line))
        return add_out_of_range(reading, line, option, path, "a number of this line");
    snprintf(digits, sizeof(digits), "%d", value);
    if (value < option->min || value > option->max)
        return add_out_of_range(reading, line, option, path, digits);
    *integer_at(into, option) = value;
    return true;
}

static bool take_string(struct conf_reading *reading, const config_setting_t *setting, int line,
                        const struct conf_option *option, const char *path, void *into)
{
    const char *value = config_setting_get_string(setting);
    char room[256];
    const char *why = conf_form_fault(option, value, room, sizeof(room));

    if (why != NULL) {
        conf_reading_fault(reading, line, "%s: %s", path, why);
        return false;
    }
    const char *name = conf_file_name(reading->file, line);
    const char *slash = strrchr(name, '/');
    bool beside = option->type == CONF_FILE && *value != '\0' && *value != '/' && slash != NULL;
    set_string(into, option,
               beside ? mem_printf("%.*s/%s", (int)(slash - name), name, value)
                      : mem_strdup(value));
    return true;
}

static bool take_level(struct conf_reading *reading, const config_setting_t *setting, int line,
                       const struct conf_option *option, const char *path, void *into)
{
    if (log_level_parse(config_setting_get_string(setting), level_at(into, option)))
        return true;
    conf_reading_fault(reading, line,
                       "%s: one of \"error\", \"warning\", \"info\" and \"debug\" is wanted", path);
    return false;
}

/* Each element is judged like a value of its own. */
static bool take_texts(struct conf_reading *reading, const config_setting_t *list,
                       const struct conf_option *option, const char *path, void *into)
{
    struct conf_texts *texts = texts_at(into, option);
    bool ok = true;

    free_texts(texts);
    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);
        const char *value = config_setting_get_string(element);
        char room[256];
        const char *why = value != NULL ? conf_form_fault(option, value, room, sizeof(room))
                                        : "a string in quotes is wanted";

        if (why == NULL) {
            add_text(texts, value);
            continue;
        }
        conf_reading_fault(reading, (int)config_setting_source_line(element), "%s: entry %d: %s",
                           path, i + 1, why);
        ok = false;
    }
    return ok;
}

bool conf_value_take(struct conf_reading *reading, const config_setting_t *setting,
                     const struct conf_option *option, const char *path, void *into)
{
    int type = config_setting_type(setting), line = (int)config_setting_source_line(setting);
    enum storage storage = storage_of(option);

    if (type != wanted_type(storage) && !(type == CONFIG_TYPE_INT64 && storage == STORED_INTEGER)) {
        conf_reading_fault(reading, line, "%s: %s wanted, got %s", path, wanted_word(storage),
                           conf_setting_word(setting));
        return false;
    }
    switch (storage) {
    case STORED_STRING:
        return take_string(reading, setting, line, option, path, into);
    case STORED_INTEGER:
        return take_integer(reading, setting, line, option, path, into);
    case STORED_SWITCH:
        *switch_at(into, option) = config_setting_get_bool(setting) != 0;
        return true;
    case STORED_LEVEL:
        return take_level(reading, setting, line, option, path, into);
    case STORED_TEXTS:
        return take_texts(reading, setting, option, path, into);
    case STORED_RULES:
        return conf_rules_take(reading, setting, path, rules_at(into, option));
    }
    return false;
}
