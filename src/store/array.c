/* array.c - writes array literals (PostgreSQL manual, 8.15.6). */
#include "store/array.h"

#include <inttypes.h>
#include <stdlib.h>

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

void links_array_write(struct links_array *array, const struct store_link_patient *patients,
                       size_t count, const uint8_t *salts)
{
    array_begin(&array->ids);
    array_begin(&array->salts);
    array_begin(&array->phones);
    array_begin(&array->input_ids);
    for (size_t i = 0; i < count; i++) {
        array_add_int(&array->ids, patients[i].id);
        array_add_bytes(&array->salts, salts + i * STORE_SALT_BYTES, STORE_SALT_BYTES);
        array_add_text(&array->phones, patients[i].phone);
        array_add_text(&array->input_ids, patients[i].input_id);
    }
    array_end(&array->ids);
    array_end(&array->salts);
    array_end(&array->phones);
    array_end(&array->input_ids);
}

void links_array_free(struct links_array *array)
{
    free(array->ids.text);
    free(array->salts.text);
    free(array->phones.text);
    free(array->input_ids.text);
}
