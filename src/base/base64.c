/* base64.c - bytes to base64. */
#include "base/base64.h"

#include <sodium.h>

#include "base/mem.h"

char *base64_encode(const void *bytes, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_new(size, 1);

    sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    return text;
}
