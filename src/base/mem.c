/* mem.c - allocation that cannot fail: it ends the process instead. It does not log a size or a
 * content. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void *must(void *memory)
{
    if (memory == NULL)
        log_fatal("out of memory");
    return memory;
}

void *mem_new(size_t count, size_t size)
{
    return must(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *mem_grow(void *old, size_t count, size_t size)
{
    return must(reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *mem_strdup(const char *text)
{
    return must(strdup(text));
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_new(len + 1, 1);

    memcpy(copy, text, len);
    return copy;
}

void *mem_dup(const void *bytes, size_t size)
{
    void *copy = mem_new(size, 1);

    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return must(text);
}
