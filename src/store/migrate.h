/*
 * migrate.h - brings the schema of a database to the version of this program (hersysctl migrate).
 *
 * Blocking, on a connection of its own; daemons never call it.
 */
#ifndef HERSYS_STORE_MIGRATE_H
#define HERSYS_STORE_MIGRATE_H

#include <stdbool.h>

/* One line of progress ("0003_messages: applied") or the reason of a failure, for the operator. */
typedef void migrate_report_cb(void *arg, bool is_error, const char *line);

/*
 * Applies the files NNNN_name.sql of `directory` that the database does not have yet, in order,
 * each in one transaction, under an advisory lock. Refuses, before it changes anything: a gap in
 * the numbers, an applied file whose checksum is another now, a database that is newer than the
 * files. True where the database has every file afterwards.
 */
bool store_migrate(const char *dsn, const char *directory, migrate_report_cb *report, void *arg)
    __attribute__((warn_unused_result));

#endif
