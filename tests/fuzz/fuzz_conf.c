/*
 * fuzz_conf.c - any bytes as a configuration (libFuzzer): it is valid, or a fault says with its
 * file what is wrong.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void on_fault(void *arg, const char *fault)
{
    int *faults = arg;

    if (strncmp(fault, path, strlen(path)) != 0 || strchr(fault, '\n') != NULL)
        abort();
    (*faults)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char include[] = "@include";
    int faults = 0;
    int fd;

    if (memmem(data, size, include, strlen(include)) != NULL)
        return 0; /* it would read other files of this machine */
    fd = memfd_create("conf", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct conf *conf = conf_load(path, on_fault, &faults);
    if ((conf == NULL) != (faults > 0))
        abort();
    if (conf != NULL && (conf->delivery.lease_seconds < 5 || conf->delivery.lease_seconds > 3600 ||
                         *conf->links.base_url == '\0'))
        abort();
    conf_free(conf);
    close(fd);
    return 0;
}
