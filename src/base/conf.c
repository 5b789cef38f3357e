/*
 * conf.c - reads, checks and compares configurations by the table of conf_options.c. It knows no
 * option by name but in the table of what contradicts what, and prints no value that could be a
 * password.
 */
#include "base/conf.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_file.h"
#include "base/conf_form.h"
#include "base/conf_guess.h"
#include "base/conf_options.h"
#include "base/mem.h"

/* A file under check. */
struct check {
    const struct conf_file *file;
    struct conf *conf;
    conf_fault_cb *fault;
    void *arg;
    int faults;
    int lines[64]; /* where each option was set, 0 where it was not */
    int group_lines[16];
    bool wrong[64]; /* options whose value was refused: what depends on them is not judged */
};

static void add_fault(struct check *check, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_fault(struct check *check, int line, const char *format, ...)
{
    char words[512];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    char *text = mem_printf("%s:%d: %s", conf_file_name(check->file, line),
                            conf_file_line(check->file, line), words);
    check->fault(check->arg, text);
    check->faults++;
    free(text);
}

/* ---- where an option's value is */

static const char **string_at(struct conf *conf, const struct conf_option *option)
{
    return (const char **)((char *)conf + option->offset);
}

static int *integer_at(struct conf *conf, const struct conf_option *option)
{
    return (int *)((char *)conf + option->offset);
}

static bool *switch_at(struct conf *conf, const struct conf_option *option)
{
    return (bool *)((char *)conf + option->offset);
}

static enum log_level *level_at(struct conf *conf, const struct conf_option *option)
{
    return (enum log_level *)((char *)conf + option->offset);
}

enum storage { STORED_STRING, STORED_INTEGER, STORED_SWITCH, STORED_LEVEL };

static enum storage storage_of(const struct conf_option *option)
{
    switch (option->type) {
    case CONF_INTEGER:
        return STORED_INTEGER;
    case CONF_SWITCH:
        return STORED_SWITCH;
    case CONF_LEVEL:
        return STORED_LEVEL;
    case CONF_TEXT:
    case CONF_FILE:
    case CONF_ADDRESS:
    case CONF_URL:
    case CONF_NUMBER:
    case CONF_ORIGIN:
    case CONF_HOST:
    case CONF_MAILBOX:
        break;
    }
    return STORED_STRING;
}

static void set_string(struct conf *conf, const struct conf_option *option, char *value)
{
    const char **at = string_at(conf, option);

    free((char *)*at);
    *at = value;
}

static void copy_option(struct conf *to, struct conf *from, const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
        set_string(to, option, mem_strdup(*string_at(from, option)));
        return;
    case STORED_INTEGER:
        *integer_at(to, option) = *integer_at(from, option);
        return;
    case STORED_SWITCH:
        *switch_at(to, option) = *switch_at(from, option);
        return;
    case STORED_LEVEL:
        *level_at(to, option) = *level_at(from, option);
        return;
    }
}

static bool same_option(struct conf *one, struct conf *other, const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
        return strcmp(*string_at(one, option), *string_at(other, option)) == 0;
    case STORED_INTEGER:
        return *integer_at(one, option) == *integer_at(other, option);
    case STORED_SWITCH:
        return *switch_at(one, option) == *switch_at(other, option);
    case STORED_LEVEL:
        return *level_at(one, option) == *level_at(other, option);
    }
    return false;
}

static void set_fallback(struct conf *conf, const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
        set_string(conf, option, mem_strdup(option->fallback));
        return;
    case STORED_INTEGER:
        *integer_at(conf, option) = (int)strtol(option->fallback, NULL, 10);
        return;
    case STORED_SWITCH:
        *switch_at(conf, option) = strcmp(option->fallback, "true") == 0;
        return;
    case STORED_LEVEL:
        if (!log_level_parse(option->fallback, level_at(conf, option)))
            log_fatal("the default log level is no log level");
        return;
    }
}

/* ---- one setting of the file */

static void add_unknown(struct check *check, int line, const char *path, const char *what,
                        const char *guess)
{
    if (guess != NULL)
        add_fault(check, line, "%s: unknown %s; did you mean %s?", path, what, guess);
    else
        add_fault(check, line, "%s: unknown %s", path, what);
}

static const char *type_word(const config_setting_t *setting)
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
static int wanted_type(const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
    case STORED_LEVEL:
        return CONFIG_TYPE_STRING;
    case STORED_INTEGER:
        return CONFIG_TYPE_INT;
    case STORED_SWITCH:
        return CONFIG_TYPE_BOOL;
    }
    return CONFIG_TYPE_NONE;
}

static const char *wanted_word(const struct conf_option *option)
{
    switch (storage_of(option)) {
    case STORED_STRING:
    case STORED_LEVEL:
        return "a string in quotes is";
    case STORED_INTEGER:
        return "a whole number is";
    case STORED_SWITCH:
        return "true or false is";
    }
    return "";
}

static bool add_out_of_range(struct check *check, int line, const struct conf_option *option,
                             const char *value)
{
    const char *unit = option->unit != NULL ? option->unit : "";

    add_fault(check, line, "%s: %s is out of range: %d to %d%s%s", option->path, value, option->min,
              option->max, *unit != '\0' ? " " : "", unit);
    return false;
}

static bool take_integer(struct check *check, const config_setting_t *setting, int line,
                         const struct conf_option *option)
{
    int value = config_setting_get_int(setting);
    char digits[16];

    if (conf_file_has_overflow(check->file, line))
        return add_out_of_range(check, line, option, "a number of this line");
    snprintf(digits, sizeof(digits), "%d", value);
    if (value < option->min || value > option->max)
        return add_out_of_range(check, line, option, digits);
    *integer_at(check->conf, option) = value;
    return true;
}

static bool take_string(struct check *check, const config_setting_t *setting, int line,
                        const struct conf_option *option)
{
    const char *value = config_setting_get_string(setting);
    const char *why = conf_form_fault(option, value);

    if (why != NULL) {
        add_fault(check, line, "%s: %s", option->path, why);
        return false;
    }
    const char *name = conf_file_name(check->file, line);
    const char *slash = strrchr(name, '/');
    bool beside = option->type == CONF_FILE && *value != '\0' && *value != '/' && slash != NULL;
    set_string(check->conf, option,
               beside ? mem_printf("%.*s/%s", (int)(slash - name), name, value)
                      : mem_strdup(value));
    return true;
}

static bool take_level(struct check *check, const config_setting_t *setting, int line,
                       const struct conf_option *option)
{
    if (log_level_parse(config_setting_get_string(setting), level_at(check->conf, option)))
        return true;
    add_fault(check, line, "%s: one of \"error\", \"warning\", \"info\" and \"debug\" is wanted",
              option->path);
    return false;
}

static bool take_value(struct check *check, const config_setting_t *setting, int line,
                       const struct conf_option *option)
{
    int type = config_setting_type(setting);

    if (type != wanted_type(option) &&
        !(type == CONFIG_TYPE_INT64 && storage_of(option) == STORED_INTEGER)) {
        add_fault(check, line, "%s: %s wanted, got %s", option->path, wanted_word(option),
                  type_word(setting));
        return false;
    }
    switch (storage_of(option)) {
    case STORED_STRING:
        return take_string(check, setting, line, option);
    case STORED_INTEGER:
        return take_integer(check, setting, line, option);
    case STORED_SWITCH:
        *switch_at(check->conf, option) = config_setting_get_bool(setting) != 0;
        return true;
    case STORED_LEVEL:
        return take_level(check, setting, line, option);
    }
    return false;
}

static const struct conf_option *find_option(const char *group, const char *name)
{
    for (size_t i = 0; i < conf_option_count; i++)
        if (conf_option_in_group(&conf_options[i], group) &&
            strcmp(conf_option_name(&conf_options[i]), name) == 0)
            return &conf_options[i];
    return NULL;
}

static void take_setting(struct check *check, const config_setting_t *group,
                         const config_setting_t *setting)
{
    const char *group_name = config_setting_name(group);
    const char *name = config_setting_name(setting);
    int line = (int)config_setting_source_line(setting);
    const struct conf_option *option = find_option(group_name, name);

    if (option == NULL) {
        char *path = mem_printf("%s.%s", group_name, name);

        add_unknown(check, line, path, config_setting_is_group(setting) ? "group" : "option",
                    conf_nearest_option(group_name, name));
        free(path);
        return;
    }
    size_t index = (size_t)(option - conf_options);
    check->lines[index] = line;
    check->wrong[index] = !take_value(check, setting, line, option);
}

/* Its index; conf_group_count where there is none. */
static size_t find_group(const char *name)
{
    size_t i = 0;

    while (i < conf_group_count && strcmp(conf_groups[i].name, name) != 0)
        i++;
    return i;
}

static void take_group(struct check *check, config_setting_t *group)
{
    const char *name = config_setting_name(group);
    int line = (int)config_setting_source_line(group);
    size_t index = find_group(name);

    if (index == conf_group_count && config_setting_is_group(group)) {
        add_unknown(check, line, name, "group", conf_nearest_group(name));
        return;
    }
    if (index == conf_group_count) {
        add_unknown(check, line, name, "option", conf_nearest_option("", name));
        return;
    }
    if (!config_setting_is_group(group)) {
        add_fault(check, line, "%s: a group in braces is wanted, got %s", name, type_word(group));
        return;
    }
    check->group_lines[index] = line;
    for (int i = 0; i < config_setting_length(group); i++)
        take_setting(check, group, config_setting_get_elem(group, (unsigned)i));
}

/* ---- what is missing, and what contradicts what */

/* Gives what is wrong, or NULL; `one` is the option that the fault names. */
struct contradiction {
    const char *one, *other;
    const char *(*check)(const struct conf *conf);
};

static const char *check_spool(const struct conf *conf)
{
    if (conf->sandbox.enabled && *conf->sandbox.spool == '\0')
        return "must be set, because sandbox.enabled is true";
    return NULL;
}

static const char *check_https(const struct conf *conf)
{
    if (!conf->sandbox.enabled && strncmp(conf->links.base_url, "https://", 8) != 0)
        return "must start with https://, because sandbox.enabled is false";
    return NULL;
}

/* Whoever reaches the sandbox's pages reads its telephones and answers from them. */
static const char *check_loopback(const struct conf *conf)
{
    if (conf->sandbox.enabled && strncmp(conf->http.listen, "127.", 4) != 0 &&
        strncmp(conf->http.listen, "[::1]:", 6) != 0)
        return "must be a loopback address (127.0.0.1 or [::1]), because sandbox.enabled is true";
    return NULL;
}

static const char *check_digits(const struct conf *conf)
{
    return conf->codes.digits == 7 ? "a code has 6 or 8 digits" : NULL;
}

static bool relay_is_here(const char *relay)
{
    return strncmp(relay, "localhost:", 10) == 0 || strncmp(relay, "127.", 4) == 0 ||
           strncmp(relay, "[::1]:", 6) == 0;
}

static const char *check_starttls(const struct conf *conf)
{
    if (*conf->email.relay != '\0' && !conf->email.starttls && !relay_is_here(conf->email.relay))
        return "must be true, because email.relay is not on this host";
    return NULL;
}

static const char *check_password(const struct conf *conf)
{
    if (*conf->email.user != '\0' && *conf->email.password_file == '\0')
        return "must be set, because email.user is";
    return NULL;
}

static const char *check_from(const struct conf *conf)
{
    if (*conf->email.relay != '\0' && *conf->email.from == '\0')
        return "must be set, because email.relay is";
    return NULL;
}

static const struct contradiction contradictions[] = {
    {"codes.digits", "codes.digits", check_digits},
    {"email.starttls", "email.relay", check_starttls},
    {"email.password_file", "email.user", check_password},
    {"email.from", "email.relay", check_from},
    {"http.listen", "sandbox.enabled", check_loopback},
    {"sandbox.spool", "sandbox.enabled", check_spool},
    {"links.base_url", "sandbox.enabled", check_https},
};

static size_t index_of(const char *path)
{
    size_t i = 0;

    while (strcmp(conf_options[i].path, path) != 0)
        i++;
    return i;
}

/* Where the option is set, or at least its group; 0 where neither is. */
static int line_of(const struct check *check, size_t option)
{
    size_t group = 0;

    if (check->lines[option] > 0)
        return check->lines[option];
    while (!conf_option_in_group(&conf_options[option], conf_groups[group].name))
        group++;
    return check->group_lines[group];
}

static void check_required(struct check *check)
{
    for (size_t i = 0; i < conf_option_count; i++) {
        const struct conf_option *option = &conf_options[i];

        if (!option->required || check->wrong[i] || **string_at(check->conf, option) != '\0')
            continue;
        add_fault(check, line_of(check, i), "%s: must be set", option->path);
        check->wrong[i] = true;
    }
}

static void check_contradictions(struct check *check)
{
    for (size_t i = 0; i < MEM_COUNT(contradictions); i++) {
        size_t one = index_of(contradictions[i].one);
        size_t other = index_of(contradictions[i].other);

        if (check->wrong[one] || check->wrong[other])
            continue;
        const char *why = contradictions[i].check(check->conf);
        int line = check->lines[one] > 0 ? check->lines[one] : line_of(check, other);
        if (why != NULL)
            add_fault(check, line, "%s: %s", contradictions[i].one, why);
    }
}

/* ---- the whole */

static void read_settings(struct check *check, config_t *config)
{
    const config_setting_t *root = config_root_setting(config);

    for (int i = 0; i < config_setting_length(root); i++)
        take_group(check, config_setting_get_elem(root, (unsigned)i));
    check_required(check);
    check_contradictions(check);
}

static void add_syntax_fault(struct check *check, const config_t *config)
{
    const char *text = config_error_text(config);

    if (strcmp(text, "duplicate setting name") == 0)
        text = "this option or group is set a second time";
    else if (strcmp(text, "syntax error") == 0)
        text = "syntax error here or on the line before (options end with a semicolon, texts stand "
               "in quotes)";
    add_fault(check, config_error_line(config), "%s", text);
}

struct conf *conf_load(const char *path, conf_fault_cb *fault, void *arg)
{
    struct conf_file *file = conf_file_read(path, fault, arg);
    struct check check = {.file = file, .fault = fault, .arg = arg};
    config_t config;

    if (file == NULL)
        return NULL;
    if (conf_option_count > MEM_COUNT(check.lines) ||
        conf_group_count > MEM_COUNT(check.group_lines))
        log_fatal("there are more options or groups than conf.c has room for");
    check.conf = mem_new(1, sizeof(*check.conf));
    for (size_t i = 0; i < conf_option_count; i++)
        set_fallback(check.conf, &conf_options[i]);
    config_init(&config);
    if (config_read_string(&config, conf_file_text(file)) == CONFIG_TRUE)
        read_settings(&check, &config);
    else
        add_syntax_fault(&check, &config);
    config_destroy(&config);
    conf_file_free(file);
    if (check.faults == 0)
        return check.conf;
    conf_free(check.conf);
    return NULL;
}

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    for (size_t i = 0; i < conf_option_count; i++)
        if (storage_of(&conf_options[i]) == STORED_STRING)
            set_string(conf, &conf_options[i], NULL);
    free(conf);
}

static void keep_option(struct conf *old_conf, struct conf *new_conf,
                        const struct conf_option *option, conf_fault_cb *fault, void *arg)
{
    if (same_option(old_conf, new_conf, option))
        return;
    copy_option(new_conf, old_conf, option);
    fault(arg, option->path);
}

/*
 * The new file was valid by itself; mixed with old values it may contradict itself (the sandbox not
 * yet running, but links without TLS allowed). Then the old values of both options stay, which
 * agree with each other.
 */
static void keep_contradictions(struct conf *old_conf, struct conf *new_conf, conf_fault_cb *fault,
                                void *arg)
{
    for (size_t turn = 0; turn < MEM_COUNT(contradictions); turn++) {
        for (size_t i = 0; i < MEM_COUNT(contradictions); i++) {
            if (contradictions[i].check(new_conf) == NULL)
                continue;
            keep_option(old_conf, new_conf, &conf_options[index_of(contradictions[i].one)], fault,
                        arg);
            keep_option(old_conf, new_conf, &conf_options[index_of(contradictions[i].other)], fault,
                        arg);
        }
    }
}

void conf_keep_restart_options(const struct conf *old_conf, struct conf *new_conf,
                               conf_fault_cb *fault, void *arg)
{
    struct conf *old = (struct conf *)old_conf; /* only read */

    for (size_t i = 0; i < conf_option_count; i++)
        if (conf_options[i].restart)
            keep_option(old, new_conf, &conf_options[i], fault, arg);
    keep_contradictions(old, new_conf, fault, arg);
}
