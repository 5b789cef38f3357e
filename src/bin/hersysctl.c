/* hersysctl.c - the operator's command: finds the command in its table, reads the configuration
 * where it is needed. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "bin/ctl.h"
#include "bin/setup.h"

struct command {
    const char *name;
    const char *arguments;
    const char *help;
    ctl_command *run;
};

static const struct command commands[] = {
    {"migrate", "[--schema DIR] [--database DSN]",
     "bring the database's schema to this program's version", ctl_migrate},
    {"check-config", "", "check configuration, keys and texts", ctl_check_config},
    {"key", "init", "make a key for each purpose that has none", ctl_key},
    {"key", "new FILE", "write a fresh key; never overwrites", ctl_key},
    {"token", "create --centre ID --actor NAME --scope A,B [--days N]",
     "make a token of the API for somebody at a centre, and print it, this once", ctl_token},
    {"token", "list", "the tokens: whose they are, what they may, until when", ctl_token},
    {"token", "revoke KID", "end a token", ctl_token},
    {"link", "send [--email] PATIENT-ID...", "send registration links by SMS, or by e-mail",
     ctl_link},
    {"link", "send [--email] --list FILE",
     "the same for a list, which is compared with the register (-: standard input)", ctl_link},
    {"batch", "list", "the batches of links that wait for a second person", ctl_batch},
    {"batch", "release BATCH-ID", "send a batch that somebody else has asked for", ctl_batch},
    {"why", "PATIENT-ID [--json]",
     "what happened around a patient, and why not more: ids and states, nothing personal", ctl_why},
    {"queue", "", "how many messages are in which state, and the age of the oldest", ctl_queue},
    {"retry", "MESSAGE-ID",
     "send a message again that ended without arriving, or at once what waits", ctl_retry},
    {"sandbox", "inbox [ADDRESS] [--json]",
     "what the sandbox's telephones and mailboxes got, and the telephones wrote", ctl_sandbox},
    {"sandbox", "reply PHONE [TEXT]", "answer from one of them (without TEXT: standard input)",
     ctl_sandbox},
    {"parse", "[--explain]",
     "one message a line in, how each is read out, as JSON (reply-grammar.md says how)", ctl_parse},
};

static void print_usage(FILE *out)
{
    fputs("hersysctl - the operator's command of hersys-gateway\n\nusage: hersysctl [-c FILE] "
          "COMMAND\n\n",
          out);
    for (size_t i = 0; i < MEM_COUNT(commands); i++)
        fprintf(out, "  %s%s%s\n      %s\n", commands[i].name,
                commands[i].arguments[0] != '\0' ? " " : "", commands[i].arguments,
                commands[i].help);
    fputs("\n  -c, --config FILE   the configuration (default: " HERSYS_CONFIG_FILE ")\n"
          "  -V, --version       print the version\n"
          "  -h, --help          print this\n"
          "\nExit status: 0 done, 1 not done (standard error says why), 2 the command line is "
          "wrong.\n",
          out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < MEM_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

bool ctl_read_conf(struct ctl *ctl)
{
    if (ctl->conf == NULL)
        ctl->conf = conf_load(ctl->config_path, setup_print_fault, NULL);
    return ctl->conf != NULL;
}

static int run_command(const struct command *command, struct ctl *ctl)
{
    int status = command->run(ctl);

    if (status == CTL_USAGE) {
        for (size_t i = 0; i < MEM_COUNT(commands); i++)
            if (strcmp(commands[i].name, command->name) == 0)
                fprintf(stderr, "usage: hersysctl %s%s%s\n", commands[i].name,
                        commands[i].arguments[0] != '\0' ? " " : "", commands[i].arguments);
    }
    if (ctl->conf != NULL)
        conf_free(ctl->conf);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct ctl ctl = {.config_path = HERSYS_CONFIG_FILE};
    const struct command *command;
    int option;

    log_open("hersysctl", LOG_LEVEL_WARNING);
    while ((option = getopt_long(argc, argv, "+c:Vh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            ctl.config_path = optarg;
            break;
        case 'V':
            puts(PACKAGE_STRING);
            return CTL_DONE;
        case 'h':
            print_usage(stdout);
            return CTL_DONE;
        default:
            fputs("try: hersysctl --help\n", stderr);
            return CTL_USAGE;
        }
    }
    if (optind == argc) {
        print_usage(stderr);
        return CTL_USAGE;
    }
    command = find_command(argv[optind]);
    if (command == NULL) {
        fprintf(stderr, "hersysctl: there is no command \"%s\"; try: hersysctl --help\n",
                argv[optind]);
        return CTL_USAGE;
    }
    ctl.argc = argc - optind - 1;
    ctl.argv = argv + optind + 1;
    return run_command(command, &ctl);
}
