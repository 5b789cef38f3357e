/* conf_sample.c - prints the sample of the configuration from the tables of options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/conf_carrier_read.h"
#include "base/conf_options.h"
#include "base/conf_rules.h"
#include "base/mem.h"

enum { SAMPLE_WIDTH = 92 };

/* Prints sentences as comment lines that break at spaces. */
static void print_wrapped(FILE *out, const char *indent, const char *text)
{
    size_t room = SAMPLE_WIDTH - strlen(indent) - 2;

    while (*text != '\0') {
        size_t len = strlen(text);

        if (len > room) {
            len = room;
            while (len > 1 && text[len] != ' ')
                len--;
        }
        fprintf(out, "%s# %.*s\n", indent, (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

static void print_type(FILE *out, const char *indent, const struct conf_option *option)
{
    fprintf(out, "%s# %s", indent, conf_type_words(option->type));
    for (const char *const *word = option->words; word != NULL && *word != NULL; word++)
        fprintf(out, "%s\"%s\"", word == option->words ? ": " : ", ", *word);
    if (option->type == CONF_INTEGER) {
        fprintf(out, " from %d to %d", option->min, option->max);
        if (option->unit != NULL)
            fprintf(out, " (%s)", option->unit);
    }
    fprintf(out, ".%s%s\n", option->required && *option->fallback == '\0' ? " Must be set." : "",
            option->restart ? " A change takes effect at a restart." : "");
}

static void print_option(FILE *out, const struct conf_option *option)
{
    const char *quote = conf_type_is_quoted(option->type) ? "\"" : "";

    print_wrapped(out, "    ", option->help);
    print_type(out, "    ", option);
    fprintf(out, "    #%s = %s%s%s;\n", conf_option_name(option), quote, option->fallback, quote);
}

/* ---- carriers */

/* Behind a '#' as a whole, so that the sample is valid. */
#define LINK_INDENT   "    #   "
#define OPTION_INDENT "    #       "

static void print_carrier_option(FILE *out, const struct conf_option *option)
{
    const char *quote = conf_type_is_quoted(option->type) ? "\"" : "";

    fprintf(out, "    #\n");
    print_wrapped(out, OPTION_INDENT, option->help);
    print_type(out, OPTION_INDENT, option);
    fprintf(out, OPTION_INDENT "%s = %s%s%s;\n", option->path, quote, option->fallback, quote);
    if (option->type != CONF_RULES)
        return;
    for (size_t i = 0; i < conf_rule_part_count; i++) {
        char *part = mem_printf("%s: %s", conf_rule_parts[i].name, conf_rule_parts[i].help);

        print_wrapped(out, OPTION_INDENT, part);
        free(part);
    }
}

static void print_carrier_type(FILE *out, enum conf_carrier_type type)
{
    print_wrapped(out, "    ", conf_carrier_type_help(type));
    fprintf(out, "    #\n" LINK_INDENT "NAME:\n" LINK_INDENT "{\n" OPTION_INDENT "type = \"%s\";\n",
            conf_carrier_type_word(type));
    for (size_t i = 0; i < conf_carrier_option_count; i++)
        if ((conf_carrier_options[i].types & type) != 0)
            print_carrier_option(out, &conf_carrier_options[i]);
    fprintf(out, LINK_INDENT "};\n");
}

static void print_carriers(FILE *out)
{
    for (size_t i = 0; i < conf_carrier_type_count; i++) {
        if (i > 0)
            fprintf(out, "\n");
        print_carrier_type(out, conf_carrier_types[i]);
    }
}

/* ---- all of it */

void conf_print_sample(FILE *out)
{
    print_wrapped(out, "",
                  "hersys-gateway.conf - the configuration of hersys-gatewayd and hersysctl "
                  "(hersys-gateway.conf(5)).");
    fprintf(out, "#\n");
    print_wrapped(out, "",
                  "Every option stands here with its default, behind a '#'. To change one, take "
                  "the '#' away. The file "
                  "is valid whole or not at all: hersysctl check-config says what is wrong with "
                  "it. The daemon reads "
                  "it again on SIGHUP. A line @include \"other.conf\" takes in another file.");
    for (size_t i = 0; i < conf_group_count; i++) {
        bool first = true;

        fprintf(out, "\n");
        print_wrapped(out, "", conf_groups[i].help);
        fprintf(out, "%s:\n{\n", conf_groups[i].name);
        for (size_t k = 0; k < conf_option_count; k++) {
            if (!conf_option_in_group(&conf_options[k], conf_groups[i].name))
                continue;
            if (!first)
                fprintf(out, "\n");
            first = false;
            print_option(out, &conf_options[k]);
        }
        if (strcmp(conf_groups[i].name, "carriers") == 0)
            print_carriers(out);
        fprintf(out, "};\n");
    }
}
