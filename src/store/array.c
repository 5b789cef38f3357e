/* array.c - writes array literals (PostgreSQL manual, 8.15.6). */
#include "store/array.h"

#include <inttypes.h>

#include "base/log.h"

void array_begin(struct array *array)
{
    *array = (struct array){.count = 0};
    array->stream = open_memstream(&array->text, &array->len);
    if (array->stream == NULL)
        log_fatal("out of memory");
    fputc('{', array->stream);
}

static void array_separate(struct array *array)
{
    if (array->count++ > 0)
        fputc(',', array->stream);
}

void array_add_int(struct array *array, int64_t value)
{
    array_separate(array);
    fprintf(array->stream, "%" PRId64, value);
}

void array_add_bytes(struct array *array, const uint8_t *bytes, size_t len)
{
    array_separate(array);
    fputs("\"\\\\x", array->stream); /* the hexadecimal form, its backslash escaped */
    for (size_t i = 0; i < len; i++)
        fprintf(array->stream, "%02x", bytes[i]);
    fputc('"', array->stream);
}

void array_add_text(struct array *array, const char *value)
{
    array_separate(array);
    if (value == NULL) {
        fputs("NULL", array->stream);
        return;
    }
    fputc('"', array->stream);
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', array->stream);
        fputc(*value, array->stream);
    }
    fputc('"', array->stream);
}

void array_end(struct array *array)
{
    fputc('}', array->stream);
    if (fclose(array->stream) != 0)
        log_fatal("out of memory");
    array->stream = NULL;
}

void array_of_links(const int64_t *patients, size_t count, const uint8_t *salts, struct array *ids,
                    struct array *bytes)
{
    enum { SALT_BYTES = 16 };

    array_begin(ids);
    array_begin(bytes);
    for (size_t i = 0; i < count; i++) {
        array_add_int(ids, patients[i]);
        array_add_bytes(bytes, salts + i * SALT_BYTES, SALT_BYTES);
    }
    array_end(ids);
    array_end(bytes);
}
