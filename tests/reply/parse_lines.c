/* parse_lines.c - a message a line in, a JSON object a line out: --explain, --spo2-required. */
#include <stdio.h>
#include <string.h>

#include "reply/reply_lines.h"

int main(int argc, char **argv)
{
    struct reply_rules rules = {.spo2_required = false};
    bool explain = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--explain") == 0)
            explain = true;
        else if (strcmp(argv[i], "--spo2-required") == 0)
            rules.spo2_required = true;
        else
            return 2;
    }
    return reply_lines(stdin, stdout, &rules, explain) ? 0 : 1;
}
