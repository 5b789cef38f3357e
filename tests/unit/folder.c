/* folder.c - a folder of its own for a unit test that needs files. */
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char folder[64];

int folder_make(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/hersys-test-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

void folder_empty(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[512];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (unlink(name) == 0)
            continue;
        folder_empty(name);
        rmdir(name);
    }
    if (dir != NULL)
        closedir(dir);
}

int folder_remove(void **state)
{
    (void)state;
    folder_empty(folder);
    return rmdir(folder);
}

const char *folder_path(const char *name)
{
    static char paths[4][128];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

void folder_write(const char *name, const char *bytes, size_t len, mode_t mode)
{
    FILE *out = fopen(folder_path(name), "w");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(folder_path(name), mode), 0);
}
