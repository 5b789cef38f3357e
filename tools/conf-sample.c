/* conf-sample.c - prints the sample configuration, for `make update-sample`. */
#include <stdio.h>

#include "base/conf.h"

int main(void)
{
    conf_print_sample(stdout);
    return 0;
}
