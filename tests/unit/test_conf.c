/* test_conf.c - the configuration: every kind of fault is named with its place, and every option is
 * documented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/conf_options.h"
#include "base/mem.h"
#include "conf_manual.h"
#include "folder.h"

/* ---- files in a folder of their own, and the faults that were told */

static char faults[8192];
static int fault_count;

static void on_fault(void *arg, const char *fault)
{
    size_t len = strlen(faults);

    (void)arg;
    fault_count++;
    snprintf(faults + len, sizeof(faults) - len, "%s\n", fault);
}

static void forget_faults(void)
{
    faults[0] = '\0';
    fault_count = 0;
}

static void write_file(const char *name, const char *text)
{
    folder_write(name, text, strlen(text), 0600);
}

static struct conf *load_file(const char *name)
{
    forget_faults();
    return conf_load(folder_path(name), on_fault, NULL);
}

static struct conf *load_text(const char *text)
{
    write_file("x.conf", text);
    return load_file("x.conf");
}

static struct conf *load_good(const char *text)
{
    struct conf *conf = load_text(text);

    if (conf == NULL)
        fail_msg("refused: %s", faults);
    assert_string_equal(faults, "");
    return conf;
}

/* The faults of a text, the folder's name left out. */
static const char *faults_of(const char *text)
{
    static char shown[8192];
    struct conf *conf = load_text(text);
    size_t len = 0;

    assert_true((conf == NULL) == (fault_count > 0));
    conf_free(conf);
    for (const char *at = faults; *at != '\0';) {
        if (strncmp(at, folder, strlen(folder)) == 0)
            at += strlen(folder) + 1;
        else
            shown[len++] = *at++;
    }
    shown[len] = '\0';
    return shown;
}

#define LINKS "links: { base_url = \"https://a.example\"; };\n"

static int make_folders(void **state)
{
    if (folder_make(state) != 0)
        return -1;
    return mkdir(folder_path("sub"), 0700);
}

/* ---- what is read */

static void test_what_is_not_set_has_its_default(void **state)
{
    (void)state;
    struct conf *conf = load_good(LINKS);

    assert_string_equal(conf->database.dsn, "");
    assert_int_equal(conf->database.statement_timeout_seconds, 30);
    assert_string_equal(conf->http.listen, "127.0.0.1:8470");
    assert_int_equal(conf->http.max_body_bytes, 262144);
    assert_int_equal(conf->http.max_connections, 1000);
    assert_int_equal(conf->http.idle_timeout_seconds, 30);
    assert_string_equal(conf->links.base_url, "https://a.example");
    assert_string_equal(conf->links.console_url, "");
    assert_string_equal(conf->keys.directory, "/etc/hersys-gateway/keys");
    assert_string_equal(conf->templates.directory, HERSYS_TEMPLATE_DIR);
    assert_int_equal(conf->delivery.lease_seconds, 60);
    assert_int_equal(conf->delivery.poll_seconds, 5);
    assert_int_equal(conf->reminders.tick_seconds, 30);
    assert_false(conf->reports.spo2_required);
    assert_false(conf->sandbox.enabled);
    assert_string_equal(conf->sandbox.spool, "");
    assert_string_equal(conf->sandbox.number, "+817000000000");
    assert_int_equal(conf->sandbox.window, 32);
    assert_int_equal(conf->sandbox.delay_milliseconds, 0);
    assert_int_equal(conf->sandbox.receipt_milliseconds, 200);
    assert_int_equal(conf->log.level, LOG_LEVEL_INFO);
    assert_int_equal(conf->shutdown.drain_seconds, 20);
    conf_free(conf);
}

static void test_what_is_set_is_read(void **state)
{
    (void)state;
    struct conf *conf = load_good("database: { dsn = \"dbname=hersys\"; statement_timeout_seconds "
                                  "= 7; };\n"
                                  "http: { listen = \"[::1]:0\"; };\n"
                                  "links: { base_url = \"http://127.0.0.1:8470\"; };\n"
                                  "reports: { spo2_required = true; };\n"
                                  "sandbox: { enabled = true; spool = \"/var/tmp/spool\"; };\n"
                                  "log: { level = \"debug\"; };\n"
                                  "shutdown: { drain_seconds = 0; };\n");

    assert_string_equal(conf->database.dsn, "dbname=hersys");
    assert_int_equal(conf->database.statement_timeout_seconds, 7);
    assert_string_equal(conf->http.listen, "[::1]:0");
    assert_string_equal(conf->links.base_url, "http://127.0.0.1:8470");
    assert_true(conf->reports.spo2_required);
    assert_true(conf->sandbox.enabled);
    assert_string_equal(conf->sandbox.spool, "/var/tmp/spool");
    assert_int_equal(conf->log.level, LOG_LEVEL_DEBUG);
    assert_int_equal(conf->shutdown.drain_seconds, 0);
    conf_free(conf);
}

static void test_a_file_of_another_editor_is_read(void **state)
{
    (void)state;
    struct conf *conf = load_good("\xef\xbb\xbf# 設定\r\nlog:\r\n{\r\n  level = \"error\"; /* a */ "
                                  "// b\r\n};\r\n" LINKS);

    assert_int_equal(conf->log.level, LOG_LEVEL_ERROR);
    conf_free(conf);
}

static void test_a_relative_path_starts_at_the_folder_of_its_file(void **state)
{
    (void)state;
    write_file("sub/keys.conf", "keys: { directory = \"k\"; };\n");
    struct conf *conf = load_good("@include \"sub/keys.conf\"\ntemplates: { directory = \"t\"; "
                                  "};\n" LINKS);

    assert_string_equal(conf->keys.directory, folder_path("sub/k"));
    assert_string_equal(conf->templates.directory, folder_path("t"));
    conf_free(conf);
}

static void test_an_include_is_found_by_its_absolute_path(void **state)
{
    (void)state;
    char text[256];

    write_file("sub/level.conf", "log: { level = \"warning\"; };");
    snprintf(text, sizeof(text), "  @include \"%s\"\n" LINKS, folder_path("sub/level.conf"));
    struct conf *conf = load_good(text);
    assert_int_equal(conf->log.level, LOG_LEVEL_WARNING);
    conf_free(conf);
}

static void test_an_include_in_a_comment_or_text_is_none(void **state)
{
    (void)state;
    conf_free(load_good("# @include \"no.conf\"\n/*\n@include \"no.conf\"\n*/\n" LINKS));
}

/* ---- faults: the table of the kinds */

struct fault_case {
    const char *text, *faults;
};

static const struct fault_case fault_cases[] = {
    /* syntax */
    {LINKS "log: { level = ; };\n", "x.conf:2: syntax error here or on the line before (options "
                                    "end with a semicolon, texts stand in quotes)\n"},
    {LINKS "log: {};\nlog: {};\n", "x.conf:3: this option or group is set a second time; the "
                                   "options of a group stand in one "
                                   "pair of braces\n"},
    {LINKS "log: {\n  level = \"info;\n};\n", "x.conf:3: this string is not closed; its closing "
                                              "quote must stand on the same line\n"},
    {LINKS "log: {\n  level = \"info", "x.conf:3: this string is not closed; its closing quote "
                                       "must stand on the same line\n"},
    {LINKS "\n/* log: {};\n", "x.conf:3: this comment is not closed by */\n"},
    {LINKS "\n# \xff\n", "x.conf:3: this line is not plain text in UTF-8\n"},
    {LINKS "sandbox: { spool = \"a\\x00b\"; };", "x.conf:2: a string must hold no NUL\n"},
    /* unknown names */
    {LINKS "http:\n{\n  listn = \"127.0.0.1:1\";\n};\n", "x.conf:4: http.listn: unknown option; "
                                                         "did you mean http.listen?\n"},
    {LINKS "http: { lisetn = \"127.0.0.1:1\"; };\n", "x.conf:2: http.lisetn: unknown option; did "
                                                     "you mean http.listen?\n"},
    {LINKS "http: { ilsetn = \"127.0.0.1:1\"; };\n", /* two pairs of letters swapped */
     "x.conf:2: http.ilsetn: unknown option; did you mean http.listen?\n"},
    {LINKS "database: { lease_seconds = 60; };\n", "x.conf:2: database.lease_seconds: unknown "
                                                   "option; did you mean "
                                                   "delivery.lease_seconds?\n"},
    {LINKS "listen = \"127.0.0.1:1\";\n", "x.conf:2: listen: unknown option; did you mean "
                                          "http.listen?\n"},
    {LINKS "http: { colour = 1; };\n", "x.conf:2: http.colour: unknown option\n"},
    {LINKS "htpp: { colour = 1; };\n", "x.conf:2: htpp: unknown group; did you mean http?\n"},
    {LINKS "weather: { colour = 1; };\n", "x.conf:2: weather: unknown group\n"},
    {LINKS "http: { more: { a = 1; }; };\n", "x.conf:2: http.more: unknown group\n"},
    /* types */
    {LINKS "delivery: { lease_seconds = \"60\"; };\n", "x.conf:2: delivery.lease_seconds: a whole "
                                                       "number is wanted, got a string\n"},
    {LINKS "delivery: { lease_seconds = 60.0; };\n", "x.conf:2: delivery.lease_seconds: a whole "
                                                     "number is wanted, got a decimal number\n"},
    {LINKS "delivery: { lease_seconds = true; };\n", "x.conf:2: delivery.lease_seconds: a whole "
                                                     "number is wanted, got true or false\n"},
    {LINKS "delivery: { lease_seconds = [60]; };\n", "x.conf:2: delivery.lease_seconds: a whole "
                                                     "number is wanted, got an array\n"},
    {LINKS "delivery: { lease_seconds = (60); };\n", "x.conf:2: delivery.lease_seconds: a whole "
                                                     "number is wanted, got a list\n"},
    {LINKS "delivery: { lease_seconds = {}; };\n", "x.conf:2: delivery.lease_seconds: a whole "
                                                   "number is wanted, got a group\n"},
    {LINKS "reports: { spo2_required = 1; };\n", "x.conf:2: reports.spo2_required: true or false "
                                                 "is wanted, got a whole number\n"},
    {LINKS "http: { listen = 8470; };\n", "x.conf:2: http.listen: a string in quotes is wanted, "
                                          "got a whole number\n"},
    {LINKS "http = 8470;\n", "x.conf:2: http: a group in braces is wanted, got a whole number\n"},
    {LINKS "log: { level = 1; };\n", "x.conf:2: log.level: a string in quotes is wanted, got a "
                                     "whole number\n"},
    {LINKS "log: { level = \"loud\"; };\n", "x.conf:2: log.level: one of \"error\", \"warning\", "
                                            "\"info\" and \"debug\" is wanted\n"},
    /* ranges */
    {LINKS "delivery: { lease_seconds = 4; };\n", "x.conf:2: delivery.lease_seconds: 4 is out of "
                                                  "range: 5 to 3600 seconds\n"},
    {LINKS "delivery: { lease_seconds = 3601; };\n", "x.conf:2: delivery.lease_seconds: 3601 is "
                                                     "out of range: 5 to 3600 seconds\n"},
    {LINKS "sandbox: { window = -1; };\n", "x.conf:2: sandbox.window: -1 is out of range: 1 to "
                                           "10000 messages\n"},
    {LINKS "http: { max_connections = 0; };\n", "x.conf:2: http.max_connections: 0 is out of "
                                                "range: 1 to 100000\n"},
    /* the forms of texts */
    {LINKS "http: { listen = \"localhost:8470\"; };\n", "x.conf:2: http.listen: a numeric address "
                                                        "and a port are wanted, such as "
                                                        "127.0.0.1:8470 or [::1]:8470\n"},
    {LINKS "http: { listen = \"127.0.0.1:65536\"; };\n", "x.conf:2: http.listen: a numeric address "
                                                         "and a port are wanted, such as "
                                                         "127.0.0.1:8470 or "
                                                         "[::1]:8470\n"},
    {LINKS "sandbox: { number = \"+8170000000001234\"; };\n", /* 16 digits */
     "x.conf:2: sandbox.number: a telephone number with a plus sign and the country code is "
     "wanted, such as +817000000000\n"},
    {LINKS "sandbox: { number = \"090\"; };\n", "x.conf:2: sandbox.number: a telephone number with "
                                                "a plus sign and the country code is wanted, such "
                                                "as "
                                                "+817000000000\n"},
    {LINKS "keys: { directory = \"\"; };\n", "x.conf:2: keys.directory: must be set\n"},
    {"\nlinks: {};\n", "x.conf:2: links.base_url: must be set\n"},
    {"", "x.conf:1: links.base_url: must be set\n"},
    {"links: {\n base_url = \"\"; };", "x.conf:2: links.base_url: must be set\n"},
    {"links: { base_url = \"a.example\"; };", "x.conf:1: links.base_url: must start with https:// "
                                              "(or http:// in the sandbox)\n"},
    {"links: { base_url = \"https://\"; };", "x.conf:1: links.base_url: names no host\n"},
    {"links: { base_url = \"https://a.example/\"; };", "x.conf:1: links.base_url: must not end "
                                                       "with a slash\n"},
    {"links: { base_url = \"https://a.example?x\"; };", "x.conf:1: links.base_url: holds a "
                                                        "character that is not wanted there: "
                                                        "letters, digits, and "
                                                        "- . _ ~ % : / [ ] are\n"},
    {"links: { base_url = \"https://u@a.example\"; };", "x.conf:1: links.base_url: holds a "
                                                        "character that is not wanted there: "
                                                        "letters, digits, and "
                                                        "- . _ ~ % : / [ ] are\n"},
    {"links: { base_url = \"https://abcdefg.hij.abcdefghijklmnopqrs.example\"; };", /* 47 characters
                                                                                     */
     "x.conf:1: links.base_url: is too long: a link in an SMS may have 80 units, 34 of them follow "
     "it, so 46 are left\n"},
    {"links: { base_url = \"https://abcdef.abcdefghijklmnopqrs.example/~ef\"; };", /* 46, one of
                                                                                      them twice */
     "x.conf:1: links.base_url: is too long: a link in an SMS may have 80 units, 34 of them follow "
     "it, so 46 are left\n"},
    /* contradictions */
    {"\nlinks: { base_url = \"https://a.example\"; console_url = \"http://c.example\"; };",
     "x.conf:2: links.console_url: must start with https://, because sandbox.enabled is false\n"},
    {"\nlinks: { base_url = \"https://a.example\"; console_url = \"c.example\"; };",
     "x.conf:2: links.console_url: must start with https:// (or, on the same host, http://)\n"},
    {"\nlinks: { base_url = \"https://a.example\"; console_url = "
     "\"https://abcdefg.hij.abcdefghijklmnopqrs.abcdefghijklmnopqrstuvwxyz.abcdefghi.example/\"\n"
     "\"ab\"; };", /* 81 characters */
     "x.conf:2: links.console_url: is too long: in an SMS it may have 80 units\n"},
    {LINKS "sandbox: {\n enabled = true;\n};\n", "x.conf:3: sandbox.spool: must be set, because "
                                                 "sandbox.enabled is true\n"},
    {"\nlinks: { base_url = \"http://a.example\"; };", "x.conf:2: links.base_url: must start with "
                                                       "https://, because sandbox.enabled is "
                                                       "false\n"},
    {LINKS "email: { relay = \"127.example.jp:25\"; from = \"a@example.jp\"; starttls = false; "
           "};\n",
     "x.conf:2: email.starttls: must be true, because email.relay is not on this host\n"},
    {"links: { base_url = \"http://a.example\"; };\nsandbox: { enabled = 1; };", /* not judged */
     "x.conf:2: sandbox.enabled: true or false is wanted, got a whole number\n"},
    /* includes */
    {LINKS "@include \"no.conf\"\n", "x.conf:2: cannot read the included file no.conf: No such "
                                     "file or directory\n"},
    {LINKS "log: {}; @include \"no.conf\"\n", "x.conf:2: syntax error here or on the line before "
                                              "(options end with a semicolon, texts stand in "
                                              "quotes)\n"},
};

static void test_every_kind_of_fault_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(fault_cases); i++) {
        const char *told = faults_of(fault_cases[i].text);

        if (strcmp(told, fault_cases[i].faults) != 0)
            fail_msg("case %zu:\n%s\ntold: %s\nwanted: %s", i, fault_cases[i].text, told,
                     fault_cases[i].faults);
    }
}

static void test_a_number_too_large_for_32_bits_is_not_cut_to_a_good_one(void **state)
{
    static const char *const numbers[] = {"4294967356", "4294967356L", "-4294967236", "0xFFFFFFFFF",
                                          "99999999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(numbers); i++) {
        char text[256];

        snprintf(text, sizeof(text), LINKS "delivery: {\n lease_seconds = %s; };\n", numbers[i]);
        assert_string_equal(faults_of(text), "x.conf:3: delivery.lease_seconds: a number of this "
                                             "line is "
                                             "out of range: 5 to 3600 seconds\n");
    }
}

static void test_all_faults_are_told_at_once(void **state)
{
    (void)state;
    assert_string_equal(faults_of("delivery: {\n lease_seconds = 1;\n poll_seconds = 0;\n pol = "
                                  "1;\n};\n"
                                  "sandbox: { enabled = true; };\n"),
                        "x.conf:2: delivery.lease_seconds: 1 is out of range: 5 to 3600 seconds\n"
                        "x.conf:3: delivery.poll_seconds: 0 is out of range: 1 to 300 seconds\n"
                        "x.conf:4: delivery.pol: unknown option\n"
                        "x.conf:1: links.base_url: must be set\n"
                        "x.conf:6: sandbox.spool: must be set, because sandbox.enabled is true\n");
}

static void test_a_fault_in_an_included_file_is_told_with_its_name_and_line(void **state)
{
    (void)state;
    write_file("sub/a.conf", "# one\n@include \"b.conf\"\nlog: { level = 1; };\n");
    write_file("sub/b.conf", "\nhttp: {\n  listn = 1;\n};");
    assert_string_equal(faults_of("\n@include \"sub/a.conf\" # and\n\n" LINKS "delivery: { "
                                  "poll_seconds = 0; "
                                  "};\n"),
                        "sub/b.conf:3: http.listn: unknown option; did you mean http.listen?\n"
                        "sub/a.conf:3: log.level: a string in quotes is wanted, got a whole "
                        "number\n"
                        "x.conf:5: delivery.poll_seconds: 0 is out of range: 1 to 300 seconds\n");
}

static void test_a_syntax_error_in_an_included_file_is_told_with_its_name_and_line(void **state)
{
    (void)state;
    write_file("sub/a.conf", "\n\nlog = = ;\n");
    assert_string_equal(faults_of(LINKS "@include \"sub/a.conf\"\n"), "sub/a.conf:3: syntax error "
                                                                      "here or on the line before "
                                                                      "(options end with a "
                                                                      "semicolon, "
                                                                      "texts stand in quotes)\n");
}

static void test_a_file_that_includes_itself_is_refused(void **state)
{
    (void)state;
    assert_string_equal(faults_of(LINKS "@include \"x.conf\"\n"), "x.conf:2: cannot read the "
                                                                  "included file x.conf: includes "
                                                                  "are nested too deep\n");
}

static void test_includes_nest_eight_deep_and_no_deeper(void **state)
{
    (void)state;
    for (int i = 1; i <= 8; i++) {
        char name[16], text[64];

        snprintf(name, sizeof(name), "%d.conf", i);
        snprintf(text, sizeof(text), "@include \"%d.conf\"\n", i + 1);
        write_file(name, text);
    }
    write_file("8.conf", "log: { level = \"error\"; };\n");
    struct conf *conf = load_good(LINKS "@include \"1.conf\"\n");
    assert_int_equal(conf->log.level, LOG_LEVEL_ERROR);
    conf_free(conf);

    write_file("8.conf", "\n@include \"9.conf\"\n");
    write_file("9.conf", "");
    assert_string_equal(faults_of(LINKS "@include \"1.conf\"\n"), "8.conf:2: cannot read the "
                                                                  "included file 9.conf: includes "
                                                                  "are nested too deep\n");
}

static void test_a_quote_behind_a_backslash_does_not_end_a_string(void **state)
{
    (void)state;
    struct conf *conf = load_good(LINKS "database: { dsn = \"a\\\"b # \\\\\"; };\n");

    assert_string_equal(conf->database.dsn, "a\"b # \\");
    conf_free(conf);
    assert_string_equal(faults_of(LINKS "database: { dsn = \"a\\\"; };\n"),
                        "x.conf:2: this string is not closed; its closing quote must stand on the "
                        "same line\n");
}

static void test_a_nul_byte_is_refused(void **state)
{
    static const char bytes[] = LINKS "log: { level = \"info\0\"; };\n";

    (void)state;
    folder_write("x.conf", bytes, sizeof(bytes) - 1, 0600);
    assert_null(load_file("x.conf"));
    assert_non_null(strstr(faults, "x.conf:2: this line is not plain text in UTF-8"));
}

static void test_a_file_that_cannot_be_read_is_told_with_the_reason(void **state)
{
    char wanted[256];

    (void)state;
    assert_null(load_file("none.conf"));
    snprintf(wanted, sizeof(wanted), "%s: cannot be read: No such file or directory\n",
             folder_path("none.conf"));
    assert_string_equal(faults, wanted);
    assert_null(load_file("sub"));
    snprintf(wanted, sizeof(wanted), "%s: cannot be read: Is a directory\n", folder_path("sub"));
    assert_string_equal(faults, wanted);
}

static void test_a_file_above_the_limit_is_refused(void **state)
{
    enum { SIZE = 1024 * 1024 + 1 };
    char *text = mem_new(SIZE, 1);

    (void)state;
    memset(text, '\n', SIZE);
    folder_write("x.conf", text, SIZE, 0600);
    free(text);
    assert_null(load_file("x.conf"));
    assert_non_null(strstr(faults, "x.conf: cannot be read: it is longer than 1 MiB"));
}

static void test_no_fault_repeats_a_value_of_the_file(void **state)
{
    (void)state;
    faults_of("database: { dsn = \"password=planted-secret\"; dns = \"password=planted-secret\";\n"
              " statement_timeout_seconds = \"planted-secret\"; };\n"
              "links: { base_url = \"https://planted-secret@\"; };\n");
    assert_int_equal(fault_count, 3);
    assert_null(strstr(faults, "planted-secret"));
    faults_of("database: { dsn = \"planted-secret\" x };");
    assert_int_equal(fault_count, 1);
    assert_null(strstr(faults, "planted-secret"));
}

static void test_a_base_url_of_26_characters_is_taken(void **state)
{
    (void)state;
    conf_free(load_good("links: { base_url = \"https://abcdef.hij.example\"; };"));
}

/* ---- reload */

static void test_a_reload_keeps_what_only_a_restart_changes(void **state)
{
    (void)state;
    struct conf *old_conf = load_good(LINKS);
    struct conf *new_conf =
        load_good(LINKS "http: { listen = \"127.0.0.1:1\"; max_body_bytes = 2000; };\n"
                        "database: { dsn = \"x\"; statement_timeout_seconds = 9; };\n"
                        "log: { level = \"debug\"; };\n");

    forget_faults();
    conf_keep_restart_options(old_conf, new_conf, on_fault, NULL);
    assert_string_equal(faults, "database.dsn\ndatabase.statement_timeout_seconds\nhttp.listen\n");
    assert_string_equal(new_conf->http.listen, "127.0.0.1:8470");
    assert_string_equal(new_conf->database.dsn, "");
    assert_int_equal(new_conf->database.statement_timeout_seconds, 30);
    assert_int_equal(new_conf->http.max_body_bytes, 2000);
    assert_int_equal(new_conf->log.level, LOG_LEVEL_DEBUG);
    conf_free(old_conf);
    assert_string_equal(new_conf->http.listen, "127.0.0.1:8470"); /* a copy of its own */
    conf_free(new_conf);
}

static void test_a_reload_without_change_tells_nothing(void **state)
{
    (void)state;
    struct conf *old_conf = load_good(LINKS);
    struct conf *new_conf = load_good(LINKS);

    forget_faults();
    conf_keep_restart_options(old_conf, new_conf, on_fault, NULL);
    assert_int_equal(fault_count, 0);
    conf_free(old_conf);
    conf_free(new_conf);
}

static void test_a_reload_never_mixes_two_good_files_into_a_contradiction(void **state)
{
    (void)state;
    struct conf *old_conf = load_good(LINKS);
    struct conf *new_conf = load_good("links: { base_url = \"http://a.example\"; };\n"
                                      "sandbox: { enabled = true; spool = \"/s\"; };\n");

    forget_faults();
    conf_keep_restart_options(old_conf, new_conf, on_fault, NULL);
    assert_string_equal(faults, "sandbox.enabled\nsandbox.spool\nlinks.base_url\n");
    assert_false(new_conf->sandbox.enabled);
    assert_string_equal(new_conf->links.base_url, "https://a.example");
    conf_free(old_conf);
    conf_free(new_conf);
}

/* ---- the sample */

enum { SAMPLE_MAX = 65536 };

static char *printed(void (*print)(FILE *out))
{
    char *text = mem_new(SAMPLE_MAX, 1);
    FILE *out = fmemopen(text, SAMPLE_MAX, "w");

    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* The sample with every option's '#' taken away and one address set. */
static char *opened_sample(void)
{
    char *sample = printed(conf_print_sample);
    char *opened = mem_new(strlen(sample) + 64, 1);
    size_t len = 0;

    for (const char *at = sample; *at != '\0'; at++) {
        if (strncmp(at, "    #", 5) == 0 && at[5] >= 'a' && at[5] <= 'z') {
            at += 4; /* the blanks are not needed, but the line break before them is */
            continue;
        }
        if (strncmp(at, "base_url = \"\"", 13) == 0) {
            len += (size_t)sprintf(opened + len, "base_url = \"https://a.example\"");
            at += 12;
            continue;
        }
        opened[len++] = *at;
    }
    free(sample);
    return opened;
}

static void test_the_sample_lacks_only_what_must_be_set(void **state)
{
    char *sample = printed(conf_print_sample);

    (void)state;
    write_file("x.conf", sample);
    free(sample);
    assert_null(load_file("x.conf"));
    assert_int_equal(fault_count, 1);
    assert_non_null(strstr(faults, "links.base_url: must be set"));
}

static void test_the_sample_shows_every_option_with_its_default(void **state)
{
    char *opened = opened_sample();
    struct conf *defaults = load_good(LINKS);
    struct conf *shown = load_good(opened);

    (void)state;
    for (size_t i = 0; i < conf_option_count; i++) {
        char line[128];

        snprintf(line, sizeof(line), "\n%s = ", conf_option_name(&conf_options[i]));
        if (strstr(opened, line) == NULL)
            fail_msg("%s is not in the sample", conf_options[i].path);
    }
    free(opened);
    struct conf *mixed = shown; /* equal in all that a restart needs, and in the rest below */
    forget_faults();
    conf_keep_restart_options(defaults, mixed, on_fault, NULL);
    assert_string_equal(faults, "");
    assert_int_equal(shown->http.max_body_bytes, defaults->http.max_body_bytes);
    assert_int_equal(shown->delivery.lease_seconds, defaults->delivery.lease_seconds);
    assert_string_equal(shown->templates.directory, defaults->templates.directory);
    assert_string_equal(shown->sandbox.number, defaults->sandbox.number);
    assert_int_equal(shown->log.level, defaults->log.level);
    conf_free(defaults);
    conf_free(shown);
}

static void test_every_default_is_inside_its_range_and_every_help_is_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_option_count; i++) {
        const struct conf_option *option = &conf_options[i];
        bool in_range =
            option->type != CONF_INTEGER || (strtol(option->fallback, NULL, 10) >= option->min &&
                                             strtol(option->fallback, NULL, 10) <= option->max);

        if (!in_range || option->help[strlen(option->help) - 1] != '.')
            fail_msg("%s", option->path);
    }
}

static char *read_all(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = mem_new(65536, 1);

    if (in == NULL)
        fail_msg("cannot read %s", path);
    assert_in_range(fread(text, 1, 65535, in), 1, 65534);
    fclose(in);
    return text;
}

static void assert_tree_has(const char *name, const char *wanted)
{
    const char *srcdir = getenv("srcdir");
    char *path = mem_printf("%s/%s", srcdir != NULL ? srcdir : ".", name);
    char *kept = read_all(path);

    if (strcmp(kept, wanted) != 0)
        fail_msg("%s differs from the table of options: make update-sample", name);
    free(kept);
    free(path);
}

static void test_the_sample_in_the_tree_is_the_printed_one(void **state)
{
    char *sample = printed(conf_print_sample);
    /* The tree keeps the packaged path; an installation in another place has its own. */
    char *own = strstr(sample, HERSYS_TEMPLATE_DIR);
    char *packaged;

    (void)state;
    assert_non_null(own);
    packaged = mem_printf("%.*s/usr/share/hersys-gateway/templates%s", (int)(own - sample), sample,
                          own + strlen(HERSYS_TEMPLATE_DIR));
    assert_tree_has("etc/hersys-gateway.conf", packaged);
    free(packaged);
    free(sample);
}

static void test_the_manual_page_in_the_tree_is_the_printed_one_and_has_every_option(void **state)
{
    char *manual = printed(conf_print_manual);

    (void)state;
    for (size_t i = 0; i < conf_option_count; i++) {
        char *line = mem_printf("\n.TP\n.B %s\n", conf_options[i].path);

        if (strstr(manual, line) == NULL)
            fail_msg("%s is not in the manual page", conf_options[i].path);
        free(line);
    }
    assert_tree_has("doc/hersys-gateway.conf.5", manual);
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_set_has_its_default),
        cmocka_unit_test(test_what_is_set_is_read),
        cmocka_unit_test(test_a_file_of_another_editor_is_read),
        cmocka_unit_test(test_a_relative_path_starts_at_the_folder_of_its_file),
        cmocka_unit_test(test_an_include_is_found_by_its_absolute_path),
        cmocka_unit_test(test_an_include_in_a_comment_or_text_is_none),
        cmocka_unit_test(test_every_kind_of_fault_is_told_with_its_line),
        cmocka_unit_test(test_a_number_too_large_for_32_bits_is_not_cut_to_a_good_one),
        cmocka_unit_test(test_all_faults_are_told_at_once),
        cmocka_unit_test(test_a_fault_in_an_included_file_is_told_with_its_name_and_line),
        cmocka_unit_test(test_a_syntax_error_in_an_included_file_is_told_with_its_name_and_line),
        cmocka_unit_test(test_a_file_that_includes_itself_is_refused),
        cmocka_unit_test(test_includes_nest_eight_deep_and_no_deeper),
        cmocka_unit_test(test_a_quote_behind_a_backslash_does_not_end_a_string),
        cmocka_unit_test(test_a_nul_byte_is_refused),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_told_with_the_reason),
        cmocka_unit_test(test_a_file_above_the_limit_is_refused),
        cmocka_unit_test(test_no_fault_repeats_a_value_of_the_file),
        cmocka_unit_test(test_a_base_url_of_26_characters_is_taken),
        cmocka_unit_test(test_a_reload_keeps_what_only_a_restart_changes),
        cmocka_unit_test(test_a_reload_without_change_tells_nothing),
        cmocka_unit_test(test_a_reload_never_mixes_two_good_files_into_a_contradiction),
        cmocka_unit_test(test_the_sample_lacks_only_what_must_be_set),
        cmocka_unit_test(test_the_sample_shows_every_option_with_its_default),
        cmocka_unit_test(test_every_default_is_inside_its_range_and_every_help_is_a_sentence),
        cmocka_unit_test(test_the_sample_in_the_tree_is_the_printed_one),
        cmocka_unit_test(test_the_manual_page_in_the_tree_is_the_printed_one_and_has_every_option),
    };

    return cmocka_run_group_tests(tests, make_folders, folder_remove);
}
