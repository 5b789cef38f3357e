/* wording_copy.c - a copy of the shipped texts to spoil. */
#include "wording_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/wording.h"

char copy_directory[256];

static void run(char *command)
{
    assert_int_equal(system(command), 0);
    free(command);
}

int copy_make(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(copy_directory, sizeof(copy_directory), "%s/hersys-wording-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(copy_directory) == NULL)
        return -1;
    run(mem_printf("cp -R '%s/.' '%s' && chmod -R u+w '%s'", TEMPLATES, copy_directory,
                   copy_directory));
    return 0;
}

int copy_remove(void **state)
{
    (void)state;
    run(mem_printf("rm -rf '%s'", copy_directory));
    return 0;
}

static FILE *open_file(const char *file, const char *mode)
{
    char path[512];
    FILE *out;

    snprintf(path, sizeof(path), "%s/%s", copy_directory, file);
    out = fopen(path, mode);
    assert_non_null(out);
    return out;
}

void copy_write_bytes(const char *file, const char *bytes, size_t len)
{
    FILE *out = open_file(file, "wb");

    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

void copy_write(const char *file, const char *text)
{
    copy_write_bytes(file, text, strlen(text));
}

void copy_append(const char *file, const char *text)
{
    FILE *out = open_file(file, "ab");

    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

void copy_remove_file(const char *file)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", copy_directory, file);
    assert_int_equal(unlink(path), 0);
}

void copy_note_fault(void *arg, const char *fault)
{
    struct copy_faults *faults = arg;
    size_t len = strlen(faults->text);

    snprintf(faults->text + len, sizeof(faults->text) - len, "%s\n", fault);
    faults->count++;
}

struct copy_faults copy_load(void)
{
    struct copy_faults faults = {.count = 0};
    struct wording *wording = wording_load(copy_directory, copy_note_fault, &faults);

    assert_true((wording == NULL) == (faults.count > 0));
    wording_free(wording);
    return faults;
}

void copy_expect_fault(const struct copy_faults *faults, const char *file, const char *what)
{
    char fault[1024];

    snprintf(fault, sizeof(fault), "%s/%s%s", copy_directory, file, what);
    if (strstr(faults->text, fault) == NULL)
        print_error("expected: %s\nreported: %s\n", fault, faults->text);
    assert_non_null(strstr(faults->text, fault));
}

void copy_expect_one_fault(const char *file, const char *what)
{
    struct copy_faults faults = copy_load();

    copy_expect_fault(&faults, file, what);
    assert_int_equal(faults.count, 1);
}
