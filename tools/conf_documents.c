/* conf_documents.c - prints what is made from the table of options, for `make update-sample`: the
 * sample configuration (conf-documents sample) or its manual page (conf-documents manual). */
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "conf_manual.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "sample") == 0)
        conf_print_sample(stdout);
    else if (argc == 2 && strcmp(argv[1], "manual") == 0)
        conf_print_manual(stdout);
    else
        return 2;
    return fflush(stdout) == 0 ? 0 : 1;
}
