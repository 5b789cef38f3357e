/*
 * ctl.h - what the commands of hersysctl share.
 *
 * Exit status of every command: 0 it is done; 1 it could not be done, and why stands on standard
 * error; 2 the command line is wrong.
 */
#ifndef HERSYS_BIN_CTL_H
#define HERSYS_BIN_CTL_H

#include "base/conf.h"
#include "store/store.h"

enum { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl {
    const char *config_path;
    struct conf *conf; /* NULL until ctl_read_conf() */
    int argc;          /* the words behind the command's name */
    char **argv;
};

typedef int ctl_command(struct ctl *ctl);

ctl_command ctl_migrate;
ctl_command ctl_check_config;
ctl_command ctl_key;
ctl_command ctl_token;
ctl_command ctl_link;
ctl_command ctl_batch;
ctl_command ctl_queue;
ctl_command ctl_retry;
ctl_command ctl_sandbox;
ctl_command ctl_parse;
ctl_command ctl_why;

/* Reads the configuration; false after it has told every fault. A command calls it when its command
 * line is right: what is wrong with that is said first. */
bool ctl_read_conf(struct ctl *ctl) __attribute__((warn_unused_result));

/* ---- talking to the database */

struct ctl_store {
    struct event_base *base;
    struct store *store;
    bool done; /* set by the command's callback, with ctl_store_end() */
    int status;
};

/* Reads the configuration and connects; false after it has said why not (10 s at most). */
bool ctl_store_open(struct ctl *ctl, struct ctl_store *db) __attribute__((warn_unused_result));
/* Runs the loop until ctl_store_end(), and gives back what that was told. */
int ctl_store_wait(struct ctl_store *db);
void ctl_store_end(struct ctl_store *db, int status);
void ctl_store_close(struct ctl_store *db);

/* Says what became of a statement that was not DB_OK. */
void ctl_say_outcome(enum db_outcome outcome);

/* Who acts, for the audit trail: "os:NAME" of the Unix user. */
const char *ctl_actor(char name[100]);

/* A whole number of at least 1; false after it has said what is wrong. */
bool ctl_read_id(const char *text, const char *what, int64_t *id)
    __attribute__((warn_unused_result));

#endif
