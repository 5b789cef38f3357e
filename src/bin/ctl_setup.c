/* ctl_setup.c - hersysctl migrate, check-config, key: what is done before the daemon runs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    printf("%s: valid\n", ctl->config_path);
    setup_free(setup);
    return CTL_DONE;
}

/* hersysctl key new FILE: never overwrites, for a lost key ends every link that it made. */
int ctl_key(struct ctl *ctl)
{
    char line[66];
    const char *path;
    size_t len;
    bool ok;
    int fd;

    if (ctl->argc != 2 || strcmp(ctl->argv[0], "new") != 0)
        return CTL_USAGE;
    path = ctl->argv[1];
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        fprintf(stderr, "hersysctl: %s: %s\n", path,
                errno == EEXIST ? "exists already, and stays as it is" : strerror(errno));
        return CTL_FAILED;
    }
    secret_new_key_line(line);
    len = strlen(line);
    ok = write(fd, line, len) == (ssize_t)len && fsync(fd) == 0;
    explicit_bzero(line, sizeof(line));
    if (close(fd) != 0 || !ok) {
        fprintf(stderr, "hersysctl: %s: %s\n", path, strerror(errno));
        unlink(path);
        return CTL_FAILED;
    }
    return CTL_DONE;
}
