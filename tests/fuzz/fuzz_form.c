/*
 * fuzz_form.c - any bytes as a form, and as a value of one (libFuzzer): what is written is read
 * back as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_any(const char *body, size_t len)
{
    struct form *form = form_parse(body, len, 16);
    size_t got = 0;

    if (form == NULL)
        return;
    const char *value = form_get(form, "a", &got);
    const char *text = form_get_text(form, "a");

    if (value != NULL && (got > len || value[got] != '\0'))
        abort();
    if (text != NULL && (text != value || strlen(text) != got))
        abort();
    form_free(form);
}

static void write_and_read(const char *bytes, size_t len)
{
    size_t size = 3 * len + 8, at = 0, got = 0;
    char *text = malloc(size);

    if (text == NULL || !form_append(text, size, &at, "x", bytes, len))
        abort();
    struct form *form = form_parse(text, at, 1);
    const char *value = form != NULL ? form_get(form, "x", &got) : NULL;
    if (value == NULL || got != len || memcmp(value, bytes, len) != 0)
        abort();
    form_free(form);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_any((const char *)data, size);
    if (size > 0)
        write_and_read((const char *)data, size);
    return 0;
}
