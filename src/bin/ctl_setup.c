/* ctl_setup.c - hersysctl migrate, check-config, key: what is done before the daemon runs. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "bin/ctl.h"
#include "bin/setup.h"
#include "store/migrate.h"

static void migrate_print(void *arg, bool is_error, const char *line)
{
    (void)arg;
    fprintf(is_error ? stderr : stdout, "%s%s\n", is_error ? "hersysctl: " : "", line);
}

/* Migrations run as the owner of the schema, whom the daemon's configuration does not know: so the
 * database can be named here. */
int ctl_migrate(struct ctl *ctl)
{
    const char *directory = HERSYS_SCHEMA_DIR, *dsn = NULL;

    for (int i = 0; i < ctl->argc; i += 2) {
        if (i + 1 < ctl->argc && strcmp(ctl->argv[i], "--schema") == 0)
            directory = ctl->argv[i + 1];
        else if (i + 1 < ctl->argc && strcmp(ctl->argv[i], "--database") == 0)
            dsn = ctl->argv[i + 1];
        else
            return CTL_USAGE;
    }
    if (dsn == NULL) {
        if (!ctl_read_conf(ctl))
            return CTL_FAILED;
        dsn = ctl->conf->database.dsn;
    }
    return store_migrate(dsn, directory, migrate_print, NULL) ? CTL_DONE : CTL_FAILED;
}

int ctl_check_config(struct ctl *ctl)
{
    struct setup *setup;

    if (ctl->argc != 0)
        return CTL_USAGE;
    setup = setup_load(ctl->config_path, setup_print_fault, NULL);
    if (setup == NULL)
        return CTL_FAILED;
    printf("%s: valid (the database was not asked: hersysctl queue does)\n", ctl->config_path);
    setup_free(setup);
    return CTL_DONE;
}

/* Never overwrites: a lost key ends every link that it made. */
static bool key_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    char line[66];
    size_t len;
    bool ok;

    if (fd < 0) {
        fprintf(stderr, "hersysctl: %s: %s\n", path,
                errno == EEXIST ? "exists already, and stays as it is" : strerror(errno));
        return false;
    }
    secret_new_key_line(line);
    len = strlen(line);
    ok = write(fd, line, len) == (ssize_t)len && fsync(fd) == 0;
    explicit_bzero(line, sizeof(line));
    if (close(fd) == 0 && ok)
        return true;
    fprintf(stderr, "hersysctl: %s: %s\n", path, strerror(errno));
    unlink(path);
    return false;
}

/* Whether the folder holds a key of the purpose, whatever its number. */
static bool key_is_there(const char *directory, const char *purpose)
{
    char *pattern = mem_printf("%s/%s-*.key", directory, purpose);
    glob_t found;
    bool there = glob(pattern, 0, NULL, &found) == 0;

    globfree(&found);
    free(pattern);
    return there;
}

/* hersysctl key init: a first key for each purpose that has none. */
static int key_init(struct ctl *ctl)
{
    const char *directory;
    bool ok = true;

    if (!ctl_read_conf(ctl))
        return CTL_FAILED;
    directory = ctl->conf->keys.directory;
    for (int i = 0; i < SECRET_PURPOSES && ok; i++) {
        const char *purpose = secret_purpose_word((enum secret_purpose)i);
        char *path;

        if ((i == SECRET_SANDBOX && !ctl->conf->sandbox.enabled) ||
            key_is_there(directory, purpose))
            continue;
        path = mem_printf("%s/%s-1.key", directory, purpose);
        ok = key_write(path);
        if (ok)
            printf("%s: written\n", path);
        free(path);
    }
    return ok ? CTL_DONE : CTL_FAILED;
}

int ctl_key(struct ctl *ctl)
{
    if (ctl->argc == 1 && strcmp(ctl->argv[0], "init") == 0)
        return key_init(ctl);
    if (ctl->argc != 2 || strcmp(ctl->argv[0], "new") != 0)
        return CTL_USAGE;
    return key_write(ctl->argv[1]) ? CTL_DONE : CTL_FAILED;
}
