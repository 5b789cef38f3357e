/* conf_manual.c - prints hersys-gateway.conf(5) in man(7). What it says of an option is the table's
 * word. */
#include "conf_manual.h"

#include <string.h>

#include "base/conf_carrier_read.h"
#include "base/conf_options.h"
#include "base/conf_rules.h"

static const char head[] =
    ".\\\" Printed from the table of options (src/base/conf_options.c): make update-sample\n"
    ".TH HERSYS\\-GATEWAY.CONF 5 \"\" \"hersys\\-gateway\" \"File formats\"\n"
    ".SH NAME\n"
    "hersys\\-gateway.conf \\- configuration of hersys\\-gatewayd and hersysctl\n"
    ".SH DESCRIPTION\n"
    "The file has the form of libconfig: groups in braces, options with a semicolon behind them, "
    "texts\n"
    "in quotes, comments behind a\n"
    ".BR # .\n"
    "Every option has a default and may be left out, but for those that must be set.\n"
    ".PP\n"
    "A file is valid whole or not at all. Every fault is told with the name of the file and the "
    "line;\n"
    ".B hersysctl check\\-config\n"
    "tells them without starting anything. On\n"
    ".B SIGHUP\n"
    "the daemon reads the file again; where it is not valid, everything stays as it was. Options "
    "marked\n"
    "\\(lqrestart\\(rq keep their old value until the daemon is started anew.\n"
    ".PP\n"
    "A line\n"
    ".B @include \\(dqother.conf\\(dq\n"
    "is replaced by that file; a relative name starts at the folder of the file that has the "
    "line.\n"
    ".SH OPTIONS\n";

static const char tail[] = ".SH EXAMPLE\n"
                           ".EX\n"
                           "database: { dsn = \"dbname=hersys\"; };\n"
                           "links: { base_url = \"https://my.example.jp\"; };\n"
                           "log: { level = \"warning\"; };\n"
                           ".EE\n"
                           ".SH FILES\n"
                           ".TP\n"
                           ".I /etc/hersys\\-gateway/hersys\\-gateway.conf\n"
                           "The configuration.\n"
                           ".TP\n"
                           ".I /etc/hersys\\-gateway/keys/\n"
                           "The keys: files\n"
                           ".IR PURPOSE \\- NUMBER .key,\n"
                           "for example\n"
                           ".IR link\\-1.key ,\n"
                           "each with 64 hexadecimal digits, which\n"
                           ".B hersysctl key init\n"
                           "and\n"
                           ".B hersysctl key new \\fIFILE\\fR\n"
                           "make. Purposes are link (registration links), code (confirmation "
                           "codes), counter (how often an\n"
                           "address was used) and sandbox (signatures of the sandbox carrier).\n"
                           "To change a key, add a file with the next number; remove the old one "
                           "when nothing made with it is\n"
                           "valid any more (links: after 72 hours).\n"
                           ".SH SEE ALSO\n"
                           ".BR hersys\\-gatewayd (8),\n"
                           ".BR hersysctl (1)\n";

/* A text line of roff: hyphens as such, and nothing at its start that would be a request. */
static void print_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '~':
            fputs("\\(ti", out);
            break;
        case '\'':
            fputs("\\(aq", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void print_value(FILE *out, const struct conf_option *option)
{
    const char *quote = conf_type_is_quoted(option->type) ? "\"" : "";
    /* The page names the packaged path, whatever this build has. */
    bool templates = strcmp(option->path, "templates.directory") == 0;

    fputs(quote, out);
    print_text(out, templates ? "/usr/share/hersys-gateway/templates" : option->fallback);
    fputs(quote, out);
}

static void print_option(FILE *out, const char *prefix, const struct conf_option *option)
{
    fprintf(out, ".TP\n.B ");
    print_text(out, prefix);
    print_text(out, option->path);
    fprintf(out, "\n");
    print_text(out, option->help);
    fprintf(out, "\n.br\n");
    print_text(out, conf_type_words(option->type));
    for (const char *const *word = option->words; word != NULL && *word != NULL; word++)
        fprintf(out, "%s\"%s\"", word == option->words ? ": " : ", ", *word);
    if (option->type == CONF_INTEGER) {
        fprintf(out, " from %d to %d", option->min, option->max);
        if (option->unit != NULL)
            fprintf(out, " (%s)", option->unit);
    }
    if (option->required && *option->fallback == '\0') {
        fprintf(out, "; must be set");
    } else {
        fprintf(out, "; default ");
        print_value(out, option);
    }
    fprintf(out, "%s.\n", option->restart ? "; restart" : "");
}

/* ---- carriers */

/* The options of exactly these types. */
static void print_carrier_options(FILE *out, unsigned types)
{
    for (size_t i = 0; i < conf_carrier_option_count; i++)
        if (conf_carrier_options[i].types == types)
            print_option(out, "carriers.NAME.", &conf_carrier_options[i]);
}

static void print_rule_parts(FILE *out)
{
    fprintf(out, ".SS carriers: a rule\n");
    for (size_t i = 0; i < conf_rule_part_count; i++) {
        fprintf(out, ".TP\n.B %s\n", conf_rule_parts[i].name);
        print_text(out, conf_rule_parts[i].help);
        fprintf(out, "\n");
    }
}

static void print_carriers(FILE *out)
{
    unsigned every = 0;

    fprintf(out, ".SS carriers: links of every type\n.TP\n.B carriers.NAME.type\n");
    fprintf(out, "What the link is");
    for (size_t i = 0; i < conf_carrier_type_count; i++) {
        every |= conf_carrier_types[i];
        fprintf(out, "%s\"%s\"", i == 0 ? ": " : " or ",
                conf_carrier_type_word(conf_carrier_types[i]));
    }
    fprintf(out, "; must be set.\n");
    print_carrier_options(out, every);
    for (size_t i = 0; i < conf_carrier_type_count; i++) {
        fprintf(out, ".SS carriers: links of type %s\n",
                conf_carrier_type_word(conf_carrier_types[i]));
        print_text(out, conf_carrier_type_help(conf_carrier_types[i]));
        fprintf(out, "\n");
        print_carrier_options(out, conf_carrier_types[i]);
    }
    print_rule_parts(out);
}

void conf_print_manual(FILE *out)
{
    fputs(head, out);
    for (size_t i = 0; i < conf_group_count; i++) {
        fprintf(out, ".SS %s\n", conf_groups[i].name);
        print_text(out, conf_groups[i].help);
        fprintf(out, "\n");
        for (size_t k = 0; k < conf_option_count; k++)
            if (conf_option_in_group(&conf_options[k], conf_groups[i].name))
                print_option(out, "", &conf_options[k]);
        if (strcmp(conf_groups[i].name, "carriers") == 0)
            print_carriers(out);
    }
    fputs(tail, out);
}
