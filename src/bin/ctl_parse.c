/* ctl_parse.c - hersysctl parse: how messages are read, without the database and without a daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bin/ctl.h"
#include "reply/reply_lines.h"

int ctl_parse(struct ctl *ctl)
{
    struct reply_rules rules = {.spo2_required = false};
    bool explain = ctl->argc == 1 && strcmp(ctl->argv[0], "--explain") == 0;

    if (ctl->argc != (explain ? 1 : 0))
        return CTL_USAGE;
    if (reply_lines(stdin, stdout, &rules, explain))
        return CTL_DONE;
    fprintf(stderr, "hersysctl: reading or writing broke off: %s\n", strerror(errno));
    return CTL_FAILED;
}
