/*
 * fuzz_phone.c - any bytes as a telephone number (libFuzzer): the answer ends, and a number reads
 * as itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char once[PHONE_MAX], twice[PHONE_MAX];
    enum phone_kind kind = phone_parse((const char *)data, size, once);

    if (memchr(once, '\0', sizeof(once)) == NULL || (kind == PHONE_INVALID) != (*once == '\0'))
        abort();
    if (kind != PHONE_MOBILE && kind != PHONE_FIXED)
        return 0;
    if (*once != '+' || strspn(once + 1, "0123456789") != strlen(once + 1) || strlen(once) < 9)
        abort();
    if (phone_parse(once, strlen(once), twice) != kind || strcmp(once, twice) != 0)
        abort();
    return 0;
}
