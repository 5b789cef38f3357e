/* migrate.c - applies schema/NNNN_*.sql. It goes forward only, and knows nothing of what the files
 * say. */
#include "store/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "io/db_dsn.h"

enum { MIGRATE_MAX_FILE = 4 << 20 };

/* The lock's number is an arbitrary constant of this product. */
#define MIGRATE_LOCK "7265737973485245"

static const char bootstrap_sql[] = "SET client_min_messages = warning;"
                                    "CREATE SCHEMA IF NOT EXISTS hersys;"
                                    "CREATE TABLE IF NOT EXISTS hersys.migration ("
                                    " version integer PRIMARY KEY CHECK (version > 0),"
                                    " name text NOT NULL,"
                                    " sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),"
                                    " applied_at timestamptz NOT NULL DEFAULT now(),"
                                    " applied_by text NOT NULL DEFAULT session_user)";

struct migration {
    int version;
    char *name; /* "0003_messages" */
    char *sql;
    char sha256[65];
};

struct migrate {
    PGconn *conn;
    struct migration *files;
    int count;
    migrate_report_cb *report;
    void *arg;
};

static void tell(const struct migrate *run, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(const struct migrate *run, bool is_error, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    run->report(run->arg, is_error, line);
}

/* libpq's messages may have several lines. */
static void tell_libpq_error(const struct migrate *run, const char *what)
{
    char line[900];

    db_one_line(line, sizeof(line), PQerrorMessage(run->conn));
    tell(run, true, "%s: %s", what, line);
}

static bool run_sql(const struct migrate *run, const char *what, const char *sql)
{
    PGresult *result = PQexec(run->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!ok)
        tell_libpq_error(run, what);
    PQclear(result);
    return ok;
}

static bool is_migration(const char *name)
{
    size_t len = strlen(name);

    return len > 9 && strspn(name, "0123456789") == 4 && name[4] == '_' &&
           strcmp(name + len - 4, ".sql") == 0;
}

static int select_migration(const struct dirent *entry)
{
    return is_migration(entry->d_name);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;

    if (file == NULL)
        return NULL;
    text = mem_new(MIGRATE_MAX_FILE + 1, 1);
    size_t len = fread(text, 1, MIGRATE_MAX_FILE, file);
    if (ferror(file) || len == MIGRATE_MAX_FILE || memchr(text, '\0', len) != NULL) {
        errno = EINVAL;
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static bool load_file(struct migrate *run, const char *directory, const char *name)
{
    struct migration *file = &run->files[run->count];
    char *path = mem_printf("%s/%s", directory, name);
    bool ok = false;

    file->version = atoi(name);
    if (file->version != run->count + 1) {
        tell(run, true, "%s: migration %04d is missing before it", path, run->count + 1);
        goto out;
    }
    file->sql = read_file(path);
    if (file->sql == NULL) {
        tell(run, true, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    file->name = mem_strndup(name, strlen(name) - 4);
    secret_sha256(file->sql, strlen(file->sql), file->sha256);
    run->count++;
    ok = true;
out:
    free(path);
    return ok;
}

static bool load_files(struct migrate *run, const char *directory)
{
    struct dirent **entries = NULL;
    int found = scandir(directory, &entries, select_migration, alphasort);
    bool ok = found > 0;

    if (found < 0)
        tell(run, true, "%s: cannot be read: %s", directory, strerror(errno));
    else if (found == 0)
        tell(run, true, "%s: there is no migration in it", directory);
    run->files = mem_new(found > 0 ? (size_t)found : 1, sizeof(*run->files));
    for (int i = 0; i < found; i++) {
        ok = ok && load_file(run, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool connect_to(struct migrate *run, const char *dsn)
{
    struct db_dsn options;
    char error[900];

    if (!db_dsn_make(&options, dsn, "hersysctl migrate", 0, error, sizeof(error))) {
        tell(run, true, "%s", error);
        return false;
    }
    run->conn = PQconnectdbParams(options.keywords, options.values, 1);
    db_dsn_clear(&options);
    /* Details and contexts of errors quote rows. */
    PQsetErrorVerbosity(run->conn, PQERRORS_TERSE);
    if (PQstatus(run->conn) == CONNECTION_OK)
        return true;
    tell_libpq_error(run, "the database cannot be reached");
    return false;
}

/* Whether what was applied is what the files say; `*applied` is how many. */
static bool check_applied(const struct migrate *run, int *applied)
{
    PGresult *result = PQexec(run->conn, "SELECT version, sha256, name FROM hersys.migration ORDER "
                                         "BY version");
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;

    if (!ok)
        tell_libpq_error(run, "the record of migrations cannot be read");
    *applied = ok ? PQntuples(result) : 0;
    if (*applied > run->count) {
        tell(run, true,
             "the database has migration %s, which this program does not know: install the newer "
             "program",
             PQgetvalue(result, run->count, 2));
        ok = false;
    }
    for (int i = 0; ok && i < *applied; i++) {
        if (atoi(PQgetvalue(result, i, 0)) != i + 1 ||
            strcmp(PQgetvalue(result, i, 1), run->files[i].sha256) != 0) {
            tell(run, true,
                 "%s: the file is not the one that was applied to this database (its checksum "
                 "differs)",
                 run->files[i].name);
            ok = false;
        }
    }
    PQclear(result);
    return ok;
}

static bool apply(const struct migrate *run, const struct migration *file)
{
    char version[12];
    const char *const values[] = {version, file->name, file->sha256};
    PGresult *result;
    bool ok;

    snprintf(version, sizeof(version), "%d", file->version);
    if (!run_sql(run, file->name, "BEGIN"))
        return false;
    if (!run_sql(run, file->name, file->sql)) {
        (void)run_sql(run, file->name, "ROLLBACK");
        return false;
    }
    (void)run_sql(run, file->name, "RESET ROLE");
    result = PQexecParams(run->conn,
                          "INSERT INTO hersys.migration (version, name, sha256) VALUES ($1, $2, "
                          "$3)",
                          3, NULL, values, NULL, NULL, 0);
    ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        tell_libpq_error(run, file->name);
    PQclear(result);
    ok = run_sql(run, file->name, ok ? "COMMIT" : "ROLLBACK") && ok;
    if (ok)
        tell(run, false, "%s: applied", file->name);
    return ok;
}

/* Daemons look at the version where they connect. One of the old program would go on, and reject
 * for good each message of a kind that it does not know. */
static void disconnect_daemons(const struct migrate *run)
{
    (void)run_sql(run, "daemons that run have to be restarted",
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                  "current_database() AND application_name LIKE 'hersys-gatewayd %'");
}

bool store_migrate(const char *dsn, const char *directory, migrate_report_cb *report, void *arg)
{
    struct migrate run = {.report = report, .arg = arg};
    int applied = 0;
    bool ok = load_files(&run, directory) && connect_to(&run, dsn) &&
              run_sql(&run, "another migration cannot be waited for",
                      "SELECT pg_advisory_lock(" MIGRATE_LOCK ")") &&
              run_sql(&run, "the schema cannot be made", bootstrap_sql) &&
              check_applied(&run, &applied);

    for (int i = applied; ok && i < run.count; i++)
        ok = apply(&run, &run.files[i]);
    if (ok && applied < run.count)
        disconnect_daemons(&run);
    if (ok && applied == run.count)
        tell(&run, false, "the schema is up to date (version %d)", run.count);
    PQfinish(run.conn); /* gives the lock back */
    for (int i = 0; i < run.count; i++) {
        free(run.files[i].name);
        free(run.files[i].sql);
    }
    free(run.files);
    return ok;
}
