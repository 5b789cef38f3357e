/* test_conf_carrier.c - the group `carriers`: every fault is told with its place, and the shipped
 * example and the sample are good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/conf_carrier_read.h"
#include "base/conf_rules.h"
#include "base/mem.h"
#include "conf_manual.h"
#include "folder.h"

static char faults[16384];

static void on_fault(void *arg, const char *fault)
{
    size_t len = strlen(faults);
    const char *name = strstr(fault, "x.conf:");

    (void)arg;
    snprintf(faults + len, sizeof(faults) - len, "%s\n", name != NULL ? name + 7 : fault);
}

static struct conf *load(const char *carriers)
{
    char *text = mem_printf("links: { base_url = \"https://a.example\"; }; http: { public_url = "
                            "\"https://g.example\"; };\ncarriers: {\n%s\n};\n",
                            carriers);
    struct conf *conf;

    faults[0] = '\0';
    folder_write("x.conf", text, strlen(text), 0600);
    free(text);
    conf = conf_load(folder_path("x.conf"), on_fault, NULL);
    assert_true((conf == NULL) == (faults[0] != '\0'));
    return conf;
}

#define TWILIO                                                                                     \
    "type = \"twilio\"; account_sid = \"AC0123456789abcdef0123456789abcdef\"; auth_token_file = "  \
    "\"t\"; "
#define GENERIC                                                                                    \
    "type = \"generic\"; url = \"https://s.example/\"; "                                           \
    "body = \"{\\\"a\\\": \\\"{{recipient}} {{text}}\\\"}\"; "
#define RULES "rules = ( { status = \"2xx\"; outcome = \"accepted\"; } ); "

/* The text stands on line 3 of the file. */
static const struct {
    const char *carriers, *faults;
} cases[] = {
    {"a: { };", "3: carriers.a.type: must be \"twilio\" or \"generic\"\n"},
    {"a: { type = \"twillio\"; };", "3: carriers.a.type: must be \"twilio\" or \"generic\"\n"},
    {"a: { " TWILIO "from = \"X\"; };\n};\nsandbox: { enabled = true; spool = \"/s\";",
     "5: sandbox.enabled: must be false, because carriers are configured: it would take messages "
     "from them\n"},
    {"a = 1;", "3: carriers.a: a group in braces is wanted, got a whole number\n"},
    {"sandbox: { " TWILIO "from = \"X\"; };", "3: carriers.sandbox: this name is taken by the "
                                              "gateway itself\n"},
    {"Big: { " TWILIO "from = \"X\"; };", "3: carriers.Big: the name of a link has 1 to 40 of a-z, "
                                          "0-9, _ and -\n"},
    {"a: {\n" TWILIO "\nfrom = \"X\";\nwindows = 3; };", "6: carriers.a.windows: unknown option of "
                                                         "type twilio; did you mean window?\n"},
    {"a: { " TWILIO "from = \"X\"; url = \"https://s.example/\"; };", "3: carriers.a.url: unknown "
                                                                      "option of type twilio\n"},
    {"a: {\n" TWILIO "from = \"X\";\nwindow = 0;\ntimeout_seconds = \"3\"; };",
     "5: carriers.a.window: 0 is out of range: 1 to 1000 messages\n"
     "6: carriers.a.timeout_seconds: a whole number is wanted, got a string\n"},
    {"a: { type = \"twilio\"; from = \"X\"; };", "3: carriers.a.account_sid: must be set\n3: "
                                                 "carriers.a.auth_token_file: must be set\n"},
    {"a: { " TWILIO "};", "3: carriers.a.from: one of from and messaging_service_sid must be set, "
                          "and not both\n"},
    {"a: { " TWILIO "from = \"X\"; api_key_sid = \"SK1\"; };", "3: carriers.a.api_key_sid: must be "
                                                               "SK and 32 hexadecimal digits\n"
                                                               "3: carriers.a.api_key_secret_file: "
                                                               "api_key_sid and "
                                                               "api_key_secret_file must be set "
                                                               "together\n"},
    {"a: { " TWILIO "from = \"X\"; api_url = \"http://127.0.0.1.example/\"; };",
     "3: carriers.a.api_url: must start with https:// (or, where the carrier is on this host, "
     "http://localhost, http://127.0.0.1 or http://[::1])\n"},
    {"a: { type = \"generic\"; };", "3: carriers.a.url: must be set\n"},
    {"a: { " RULES "type = \"generic\"; url = \"http://127.0.0.1@s.example/\"; };",
     "3: carriers.a.url: must start with https:// (or, where the carrier is on this host, "
     "http://localhost, http://127.0.0.1 or http://[::1])\n"},
    {"a: { " GENERIC "};", "3: carriers.a.rules: must be set: what the carrier's answers mean\n"},
    {"a: { " GENERIC RULES "auth = \"baisc\"; };", "3: carriers.a.auth: one of \"none\" \"basic\" "
                                                   "\"bearer\" is wanted\n"},
    {"a: { " GENERIC RULES "auth = \"basic\"; };", "3: carriers.a.user: must be set: it is used\n"
                                                   "3: carriers.a.secret_file: must be set: it is "
                                                   "used\n"},
    {"a: { " GENERIC RULES "body_type = \"form\"; };", "3: carriers.a.body: holds a character that "
                                                       "has to be written as %XX there\n"},
    {"a: { " RULES "type = \"generic\"; url = \"https://s.example/\"; body = \"{\\\"a\\\": "
     "{{text}}}\"; };",
     "3: carriers.a.body: is no JSON object; values stand within quotes: {\"to\": "
     "\"{{recipient}}\"}\n"
     "3: carriers.a.body: {{recipient}} and {{text}} must be filled in somewhere: body, url, "
     "headers\n"},
    {"a: { " GENERIC RULES "headers = ( \"X-A: b\", \"bad\",\n\"X: {{secrets}}\" ); };",
     "3: carriers.a.headers: entry 2: a header is wanted, such as \"X-Client: {{user}}\"\n"
     "4: carriers.a.headers: entry 3: only {{recipient}}, {{text}}, {{reference}}, {{sender}}, "
     "{{callback}}, {{user}} and {{secret}} can be filled in\n"},
    {"a: { " GENERIC RULES "idempotent = true; };", "3: carriers.a.idempotent: {{reference}} must "
                                                    "be filled in somewhere: body, url, headers\n"},
    {"a: { " GENERIC "rules = ( { outcome = \"accepted\"; }, { status = \"2x\"; outcome = "
     "\"fine\"; }, { statsu = \"200\"; }, { at = \"jsn:a\"; outcome = \"retry\"; }, { equals = "
     "\"a\"; outcome = \"retry\"; }, { status = \"200\"; } ); };",
     "3: carriers.a.rules[1]: has no condition (status, at, contains)\n"
     "3: carriers.a.rules[2].status: a status is wanted: \"200\", \"4xx\" or \"500-599\"\n"
     "3: carriers.a.rules[2].outcome: one of \"accepted\", \"retry\", \"throttled\", "
     "\"link_down\", \"rejected\", \"opted_out\" and \"unknown\" is wanted\n"
     "3: carriers.a.rules[3].statsu: unknown option; did you mean status?\n"
     "3: carriers.a.rules[4].at: a place is wanted, such as \"json:message.id\", \"form:id\", "
     "\"query:id\", \"header:X-Id\" or \"body:ID=*\"\n"
     "3: carriers.a.rules[5]: equals needs at, the place of what is compared\n"
     "3: carriers.a.rules[5]: has no condition (status, at, contains)\n"
     "3: carriers.a.rules[6]: outcome must be set\n"},
    {"a: { " GENERIC RULES "receipt_method = \"POST\"; receipt_states = ( \"a=b\" ); };",
     "3: carriers.a.receipt_states: entry 1: the carrier's word and what it means are wanted, such "
     "as \"DELIVRD=delivered\"; what it can mean: delivered, undelivered, expired, ignored\n"},
    {"a: { " GENERIC RULES "id_at = \"query:a\"; };", "3: carriers.a.id_at: a value cannot stand "
                                                      "at a place of this kind here\n"},
    {"a: { " GENERIC RULES "reply_method = \"POST\"; reply_id_at = \"json:i\"; reply_from_at = "
     "\"json:f\"; reply_text_at = \"json:t\"; reply_to_at = \"json:o\"; };",
     "3: carriers.a.webhook_auth: must not be \"none\", or anybody could bring receipts and "
     "replies\n"
     "3: carriers.a.webhook_secret_file: must be set, because of webhook_auth\n"},
    {"a: { " GENERIC RULES "reply_method = \"GET\"; reply_id_at = \"query:i\"; reply_from_at = "
     "\"json:f\"; reply_text_at = \"header:t\"; reply_to_at = \"json:o\"; webhook_auth = \"hmac\"; "
     "webhook_header = \"X-S\"; webhook_secret_file = \"s\"; };",
     "3: carriers.a.reply_method: must be POST, because hmac signs the body\n"
     "3: carriers.a.reply_id_at: must be a place in the body, because hmac signs nothing else\n"
     "3: carriers.a.reply_text_at: must be a place in the body, because hmac signs nothing else\n"},
};

static void test_every_kind_of_fault_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        conf_free(load(cases[i].carriers));
        assert_string_equal(faults, cases[i].faults);
    }
}

static void test_links_are_read_in_their_order_with_their_defaults(void **state)
{
    struct conf *conf = load("b-2: { " TWILIO "from = \"X\"; };\na_1: { " GENERIC RULES
                             "url = \"http://localhost:9/\"; };");

    (void)state;
    assert_null(conf); /* url is set twice */
    conf = load("b-2: { " TWILIO "from = \"X\"; window = 7; };\na_1: { " RULES
                "type = \"generic\"; url = \"http://localhost:9/?{{recipient}}{{text}}\"; "
                "body_type = \"none\"; };");
    assert_non_null(conf);
    assert_int_equal(conf->carriers->count, 2);
    assert_string_equal(conf->carriers->items[0].name, "b-2");
    assert_int_equal(conf->carriers->items[0].window, 7);
    assert_int_equal(conf->carriers->items[0].timeout_seconds, 30);
    assert_string_equal(conf->carriers->items[0].api_url, "https://api.twilio.com");
    assert_false(conf->carriers->items[0].allow_http);
    assert_true(conf->carriers->items[1].allow_http);
    assert_int_equal(conf->carriers->items[1].rules.items[0].status_to, 299);
    conf_free(conf);
}

static void test_who_brings_something_needs_the_public_address(void **state)
{
    static const char text[] = "links: { base_url = \"https://a.example\"; };\n"
                               "carriers: { a: { " TWILIO "from = \"X\"; }; };\n";

    (void)state;
    folder_write("x.conf", text, strlen(text), 0600);
    faults[0] = '\0';
    assert_null(conf_load(folder_path("x.conf"), on_fault, NULL));
    assert_non_null(strstr(faults, "http.public_url: must be set, because a link of carriers"));
}

static void test_a_reload_keeps_the_links_and_says_so_where_they_differ(void **state)
{
    static const char *const others[] = {
        "",
        "a: { " GENERIC RULES "window = 3; };",
        "a: { " GENERIC RULES "headers = ( \"X: y\" ); };",
        "a: { " GENERIC "rules = ( { status = \"2xx\"; outcome = \"unknown\"; } ); };",
        "b: { " GENERIC RULES "};",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(others); i++) {
        struct conf *old_conf = load("a: { " GENERIC RULES "};"), *new_conf = load(others[i]);

        conf_keep_restart_options(old_conf, new_conf, on_fault, NULL);
        assert_string_equal(faults, "carriers\n");
        conf_free(old_conf);
        assert_string_equal(new_conf->carriers->items[0].name, "a");
        assert_int_equal(new_conf->carriers->items[0].window, 20);
        conf_free(new_conf);
    }
    struct conf *old_conf = load("a: { " GENERIC RULES "};");
    struct conf *new_conf = load("a: { " GENERIC RULES "window = 20; };");
    conf_keep_restart_options(old_conf, new_conf, on_fault, NULL);
    assert_string_equal(faults, "");
    conf_free(old_conf);
    conf_free(new_conf);
}

static void test_the_shipped_example_is_good(void **state)
{
    const char *srcdir = getenv("srcdir");
    struct conf *conf;
    char text[16384];
    char *path = mem_printf("%s/etc/carriers/example-sms.conf", srcdir != NULL ? srcdir : ".");
    FILE *in = fopen(path, "r");
    size_t len;

    (void)state;
    assert_non_null(in);
    len = fread(text, 1, sizeof(text), in);
    fclose(in);
    folder_write("example-sms.conf", text, len, 0600);
    free(path);
    conf = load("example-sms: {\n@include \"example-sms.conf\"\n};");
    assert_string_equal(faults, "");
    assert_string_equal(conf->carriers->items[0].secret_file, folder_path("example-sms.key"));
    conf_free(conf);
}

/* ---- the sample and the manual page */

static char *printed(void (*print)(FILE *out))
{
    char *text = mem_new(131072, 1);
    FILE *out = fmemopen(text, 131072, "w");

    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* The links of the sample, each opened: what stands behind "    #   ". */
static char *sample_link(const char *sample, const char *type)
{
    char *text = mem_new(strlen(sample) + 1, 1), *wanted = mem_printf("type = \"%s\"", type);
    const char *at = strstr(sample, wanted);
    size_t len = 0;

    assert_non_null(at);
    for (;; at += strcspn(at, "\n") + 1) {
        const char *line = strncmp(at, "    #", 5) == 0 ? at + 5 : at;
        size_t count;

        line += strspn(line, " ");
        if (strncmp(line, "};", 2) == 0)
            break;
        count = strcspn(line, "\n") + 1;
        memcpy(text + len, line, count);
        len += count;
    }
    free(wanted);
    return text;
}

static void test_the_sample_shows_every_option_of_every_type_with_its_default(void **state)
{
    char *sample = printed(conf_print_sample);

    (void)state;
    for (size_t t = 0; t < conf_carrier_type_count; t++) {
        char *link = sample_link(sample, conf_carrier_type_word(conf_carrier_types[t]));
        char *group = mem_printf("a: {\n%s};", link);

        for (size_t i = 0; i < conf_carrier_option_count; i++) {
            char *line = mem_printf("\n%s = ", conf_carrier_options[i].path);
            bool belongs = (conf_carrier_options[i].types & conf_carrier_types[t]) != 0;

            if ((strstr(link, line) != NULL) != belongs)
                fail_msg("%s of %s", conf_carrier_options[i].path, link);
            free(line);
        }
        /* As it is it lacks only what must be set. */
        conf_free(load(group));
        for (char *line = strtok(faults, "\n"); line != NULL; line = strtok(NULL, "\n"))
            if (strstr(line, ": must be set") == NULL)
                fail_msg("%s", line);
        free(group);
        free(link);
    }
    free(sample);
}

static void test_the_manual_page_has_every_option_and_every_part_of_a_rule(void **state)
{
    char *manual = printed(conf_print_manual);

    (void)state;
    for (size_t i = 0; i < conf_carrier_option_count; i++) {
        char *line = mem_printf("\n.TP\n.B carriers.NAME.%s\n", conf_carrier_options[i].path);

        if (strstr(manual, line) == NULL)
            fail_msg("%s is not in the manual page", conf_carrier_options[i].path);
        free(line);
    }
    for (size_t i = 0; i < conf_rule_part_count; i++) {
        char *line = mem_printf("\n.TP\n.B %s\n", conf_rule_parts[i].name);

        assert_non_null(strstr(manual, line));
        free(line);
    }
    free(manual);
}

static void test_every_help_is_a_sentence_and_every_default_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_carrier_option_count; i++) {
        const struct conf_option *option = &conf_carrier_options[i];
        bool known = option->words == NULL;

        for (const char *const *word = option->words; word != NULL && *word != NULL; word++)
            known |= strcmp(*word, option->fallback) == 0;
        if (!known || option->help[strlen(option->help) - 1] != '.' || option->types == 0)
            fail_msg("%s", option->path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_fault_is_told_with_its_line),
        cmocka_unit_test(test_links_are_read_in_their_order_with_their_defaults),
        cmocka_unit_test(test_who_brings_something_needs_the_public_address),
        cmocka_unit_test(test_a_reload_keeps_the_links_and_says_so_where_they_differ),
        cmocka_unit_test(test_the_shipped_example_is_good),
        cmocka_unit_test(test_the_sample_shows_every_option_of_every_type_with_its_default),
        cmocka_unit_test(test_the_manual_page_has_every_option_and_every_part_of_a_rule),
        cmocka_unit_test(test_every_help_is_a_sentence_and_every_default_is_taken),
    };

    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
