/*
 * conf.c - reads, checks and compares configurations by the table of conf_options.c. It knows no
 * option by name but in the table of what contradicts what, and prints no value that could be a
 * password.
 */
#include "base/conf.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_file.h"
#include "base/conf_carrier_read.h"
#include "base/conf_guess.h"
#include "base/conf_options.h"
#include "base/conf_value.h"
#include "base/mem.h"
#include "base/sms.h"
#include "base/text.h"

#define CONF_CARRIERS "carriers"

enum { CONSOLE_UNITS_MAX = 80 };

/* A file under check. */
struct check {
    struct conf_reading reading;
    struct conf *conf;
    int lines[64]; /* where each option was set, 0 where it was not */
    int group_lines[16];
    bool wrong[64]; /* options whose value was refused: what depends on them is not judged */
};

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

        conf_reading_unknown(&check->reading, line, path,
                             config_setting_is_group(setting) ? "group" : "option",
                             conf_nearest_option(group_name, name));
        free(path);
        return;
    }
    size_t index = (size_t)(option - conf_options);
    check->lines[index] = line;
    check->wrong[index] =
        !conf_value_take(&check->reading, setting, option, option->path, check->conf);
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
        conf_reading_unknown(&check->reading, line, name, "group", conf_nearest_group(name));
        return;
    }
    if (index == conf_group_count) {
        conf_reading_unknown(&check->reading, line, name, "option", conf_nearest_option("", name));
        return;
    }
    if (!config_setting_is_group(group)) {
        conf_reading_fault(&check->reading, line, "%s: a group in braces is wanted, got %s", name,
                           conf_setting_word(group));
        return;
    }
    check->group_lines[index] = line;
    if (strcmp(name, CONF_CARRIERS) == 0) {
        conf_carriers_take(&check->reading, group, check->conf->carriers);
        return;
    }
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

/* It stands in an SMS, whose templates are checked for so many. */
static const char *check_console(const struct conf *conf)
{
    const char *url = conf->links.console_url;

    if (sms_count(url, strlen(url)).units > CONSOLE_UNITS_MAX)
        return "is too long: in an SMS it may have 80 units";
    if (*url != '\0' && !conf->sandbox.enabled && strncmp(url, "https://", 8) != 0)
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

/* It tells of each message that it arrived: beside a real link it would swallow a share of all. */
static const char *check_no_carrier(const struct conf *conf)
{
    if (conf->sandbox.enabled && conf->carriers->count > 0)
        return "must be false, because carriers are configured: it would take messages from them";
    return NULL;
}

static const char *check_digits(const struct conf *conf)
{
    return conf->codes.digits == 7 ? "a code has 6 or 8 digits" : NULL;
}

/* A name may begin like an address: 127.example.jp. */
static bool relay_is_here(const char *relay)
{
    return strncmp(relay, "localhost:", 10) == 0 || strncmp(relay, "[::1]:", 6) == 0 ||
           (strncmp(relay, "127.", 4) == 0 && relay[strspn(relay, "0123456789.")] == ':');
}

static const char *check_starttls(const struct conf *conf)
{
    if (*conf->email.relay != '\0' && !conf->email.starttls && !relay_is_here(conf->email.relay))
        return "must be true, because email.relay is not on this host";
    return NULL;
}

static const char *check_port(const struct conf *conf)
{
    const char *colon = strrchr(conf->email.relay, ':');

    return colon != NULL && strcmp(colon, ":465") == 0 ? "port 465 (TLS from the first byte) is "
                                                         "not spoken; 587 is the port of STARTTLS"
                                                       : NULL;
}

static const char *check_password(const struct conf *conf)
{
    if (*conf->email.user == '\0' && *conf->email.password_file != '\0')
        return "is of no use without email.user";
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

static const char *check_public_url(const struct conf *conf)
{
    if (*conf->http.public_url != '\0')
        return NULL;
    for (size_t i = 0; i < conf->carriers->count; i++)
        if (conf_carrier_calls_back(&conf->carriers->items[i]))
            return "must be set, because a link of carriers brings receipts or replies";
    return NULL;
}

static const char *check_from_name(const struct conf *conf)
{
    return text_is_line(conf->email.from_name) ? NULL : "must be one line of UTF-8";
}

static const struct contradiction contradictions[] = {
    {"codes.digits", "codes.digits", check_digits},
    {"email.starttls", "email.relay", check_starttls},
    {"email.relay", "email.relay", check_port},
    {"email.password_file", "email.user", check_password},
    {"email.from", "email.relay", check_from},
    {"email.from_name", "email.from_name", check_from_name},
    {"http.listen", "sandbox.enabled", check_loopback},
    {"http.public_url", "http.public_url", check_public_url},
    {"sandbox.enabled", "sandbox.enabled", check_no_carrier},
    {"sandbox.spool", "sandbox.enabled", check_spool},
    {"links.base_url", "sandbox.enabled", check_https},
    {"links.console_url", "links.console_url", check_console},
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

        if (!option->required || check->wrong[i] || *conf_value_text(check->conf, option) != '\0')
            continue;
        conf_reading_fault(&check->reading, line_of(check, i), "%s: must be set", option->path);
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
            conf_reading_fault(&check->reading, line, "%s: %s", contradictions[i].one, why);
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
        text = "this option or group is set a second time; the options of a group stand in one "
               "pair of braces";
    else if (strcmp(text, "syntax error") == 0)
        text = "syntax error here or on the line before (options end with a semicolon, texts stand "
               "in quotes)";
    conf_reading_fault(&check->reading, config_error_line(config), "%s", text);
}

struct conf *conf_load(const char *path, conf_fault_cb *fault, void *arg)
{
    struct conf_file *file = conf_file_read(path, fault, arg);
    struct check check = {.reading = {.file = file, .fault = fault, .arg = arg}};
    config_t config;

    if (file == NULL)
        return NULL;
    if (conf_option_count > MEM_COUNT(check.lines) ||
        conf_group_count > MEM_COUNT(check.group_lines))
        log_fatal("there are more options or groups than conf.c has room for");
    check.conf = mem_new(1, sizeof(*check.conf));
    for (size_t i = 0; i < conf_option_count; i++)
        conf_value_set_fallback(check.conf, &conf_options[i]);
    check.conf->carriers = conf_carriers_new();
    config_init(&config);
    if (config_read_string(&config, conf_file_text(file)) == CONFIG_TRUE)
        read_settings(&check, &config);
    else
        add_syntax_fault(&check, &config);
    config_destroy(&config);
    conf_file_free(file);
    if (check.reading.faults == 0)
        return check.conf;
    conf_free(check.conf);
    return NULL;
}

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    for (size_t i = 0; i < conf_option_count; i++)
        conf_value_free(conf, &conf_options[i]);
    conf_carriers_unref(conf->carriers);
    free(conf);
}

static void keep_option(const struct conf *old_conf, struct conf *new_conf,
                        const struct conf_option *option, conf_fault_cb *fault, void *arg)
{
    if (conf_value_same(old_conf, new_conf, option))
        return;
    conf_value_copy(new_conf, old_conf, option);
    fault(arg, option->path);
}

/* The links that run hold on to theirs. */
static void keep_carriers(const struct conf *old_conf, struct conf *new_conf, conf_fault_cb *fault,
                          void *arg)
{
    if (!conf_carriers_same(old_conf->carriers, new_conf->carriers))
        fault(arg, CONF_CARRIERS);
    conf_carriers_unref(new_conf->carriers);
    new_conf->carriers = conf_carriers_ref(old_conf->carriers);
}

/*
 * The new file was valid by itself; mixed with old values it may contradict itself (the sandbox not
 * yet running, but links without TLS allowed). Then the old values of both options stay, which
 * agree with each other.
 */
static void keep_contradictions(const struct conf *old_conf, struct conf *new_conf,
                                conf_fault_cb *fault, void *arg)
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
    for (size_t i = 0; i < conf_option_count; i++)
        if (conf_options[i].restart)
            keep_option(old_conf, new_conf, &conf_options[i], fault, arg);
    keep_carriers(old_conf, new_conf, fault, arg);
    keep_contradictions(old_conf, new_conf, fault, arg);
}
