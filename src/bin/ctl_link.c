/* ctl_link.c - hersysctl link, batch: registration links, and the second person's word on those
 * that are held. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "bin/ctl.h"
#include "flow/register.h"

/* Why it was not done, in the schema's words or ours. */
static void say_refusal(enum db_outcome outcome, const char *what, const char *error)
{
    if (error[0] != '\0')
        fprintf(stderr, "hersysctl: %s: %s\n", what, error);
    else
        ctl_say_outcome(outcome);
}

/* ---------------------------------------------------------------- link send */

static void links_on_rows(void *arg, enum db_outcome outcome, const struct store_batch_link *links,
                          int count)
{
    int status = outcome == DB_OK ? CTL_DONE : CTL_FAILED;

    ctl_say_outcome(outcome);
    for (int i = 0; i < count; i++) {
        if (links[i].link_id != 0) {
            printf("link %" PRId64 " queued as message %" PRId64 "\n", links[i].link_id,
                   links[i].message_id);
            continue;
        }
        fprintf(stderr, "hersysctl: not sent: %s\n", links[i].reason);
        status = CTL_FAILED;
    }
    ctl_store_end(arg, status);
}

static void batch_on_made(void *arg, enum db_outcome outcome, const char *error, int64_t batch_id,
                          bool held)
{
    struct ctl_store *db = arg;

    if (outcome == DB_OK && !held && store_batch_links(db->store, batch_id, links_on_rows, db))
        return;
    if (outcome != DB_OK)
        say_refusal(outcome, "not sent", error);
    else if (held)
        printf("batch %" PRId64 " is held: the centre would send more than it may in a day. Within "
               "24 hours somebody else can release it: hersysctl batch release %" PRId64 "\n",
               batch_id, batch_id);
    else
        printf("batch %" PRId64 " queued\n", batch_id);
    ctl_store_end(db, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

static int send_links(struct ctl *ctl, const struct register_batch *batch)
{
    const struct conf *conf = ctl->conf;
    struct keyring *keyring;
    struct ctl_store db;
    char error[512], actor[100];
    int status = CTL_FAILED;

    keyring = keyring_load(conf->keys.directory, conf->sandbox.enabled, error, sizeof(error));
    if (keyring == NULL) {
        fprintf(stderr, "hersysctl: %s\n", error);
        return CTL_FAILED;
    }
    if (ctl_store_open(ctl, &db)) {
        if (register_send_links(db.store, keyring, batch, ctl_actor(actor), batch_on_made, &db))
            status = ctl_store_wait(&db);
        ctl_store_close(&db);
    }
    keyring_free(keyring);
    return status;
}

int ctl_link(struct ctl *ctl)
{
    bool email = ctl->argc >= 2 && strcmp(ctl->argv[1], "--email") == 0;
    int first = email ? 2 : 1, count = ctl->argc - first;
    int64_t *patients;
    int status = CTL_DONE;

    if (count < 1 || count > REGISTER_PATIENTS_MAX || strcmp(ctl->argv[0], "send") != 0)
        return CTL_USAGE;
    patients = mem_new((size_t)count, sizeof(*patients));
    for (int i = 0; i < count && status == CTL_DONE; i++)
        if (!ctl_read_id(ctl->argv[first + i], "patient id", &patients[i]))
            status = CTL_USAGE;
    if (status == CTL_DONE)
        status = ctl_read_conf(ctl) ? send_links(ctl,
                                                 &(struct register_batch){
                                                     .patients = patients,
                                                     .count = (size_t)count,
                                                     .channel = email ? "email" : "sms",
                                                 })
                                    : CTL_FAILED;
    free(patients);
    return status;
}

/* ---------------------------------------------------------------- batch */

static void list_on_rows(void *arg, enum db_outcome outcome, const struct store_batch_row *rows,
                         int count)
{
    if (outcome == DB_OK && count == 0)
        puts("(no batch is held)");
    else if (outcome == DB_OK)
        printf("%-8s %7s %-8s %6s %-22s %s\n", "batch", "centre", "channel", "links", "since",
               "asked for by");
    for (int i = 0; i < count; i++)
        printf("%-8" PRId64 " %7s %-8s %6" PRId64 " %-22s %s\n", rows[i].id, rows[i].centre_id,
               rows[i].channel, rows[i].links, rows[i].created_at, rows[i].requested_by);
    ctl_say_outcome(outcome);
    ctl_store_end(arg, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

static void release_on_done(void *arg, enum db_outcome outcome, const char *error, int links)
{
    if (outcome == DB_OK)
        printf("released: %d links queued\n", links);
    else
        say_refusal(outcome, "not released", error);
    ctl_store_end(arg, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

int ctl_batch(struct ctl *ctl)
{
    bool list = ctl->argc == 1 && strcmp(ctl->argv[0], "list") == 0;
    bool release = ctl->argc == 2 && strcmp(ctl->argv[0], "release") == 0;
    struct ctl_store db;
    char actor[100];
    int64_t id = 0;
    bool asked;
    int status = CTL_FAILED;

    if (!(list || release) || (release && !ctl_read_id(ctl->argv[1], "batch id", &id)))
        return CTL_USAGE;
    if (!ctl_store_open(ctl, &db))
        return CTL_FAILED;
    asked = list ? store_batch_list(db.store, list_on_rows, &db)
                 : store_batch_release(db.store, id, ctl_actor(actor), release_on_done, &db);
    if (asked)
        status = ctl_store_wait(&db);
    ctl_store_close(&db);
    return status;
}
