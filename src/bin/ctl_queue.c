/* ctl_queue.c - hersysctl queue, retry: what stands in the outbox. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bin/ctl.h"
#include "store/outbox.h"

/* ---------------------------------------------------------------- queue */

static void queue_print_age(double seconds)
{
    if (seconds < 0)
        printf("%10s\n", "-");
    else if (seconds < 120)
        printf("%9.0fs\n", seconds);
    else if (seconds < 7200)
        printf("%9.0fm\n", seconds / 60);
    else
        printf("%9.1fh\n", seconds / 3600);
}

static void queue_on_rows(void *arg, enum db_outcome outcome, const struct store_queue_row *rows,
                          int count)
{
    if (outcome == DB_OK) {
        printf("%-8s %-16s %10s %10s\n", "channel", "state", "messages", "oldest");
        for (int i = 0; i < count; i++) {
            printf("%-8s %-16s %10" PRId64 " ", rows[i].channel, rows[i].state, rows[i].count);
            queue_print_age(rows[i].oldest_s);
        }
        if (count == 0)
            puts("(nothing waits, and nothing was sent in the last 24 hours)");
    }
    ctl_say_outcome(outcome);
    ctl_store_end(arg, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

int ctl_queue(struct ctl *ctl)
{
    struct ctl_store db;
    int status = CTL_FAILED;

    if (ctl->argc != 0)
        return CTL_USAGE;
    if (!ctl_store_open(ctl, &db))
        return CTL_FAILED;
    if (store_queue_summary(db.store, queue_on_rows, &db))
        status = ctl_store_wait(&db);
    ctl_store_close(&db);
    return status;
}

/* ---------------------------------------------------------------- retry */

static void retry_on_word(void *arg, enum db_outcome outcome, const char *word)
{
    bool queued = outcome == DB_OK && strcmp(word, "queued") == 0;

    if (queued)
        puts("queued");
    else if (outcome == DB_OK && strcmp(word, "not_found") == 0)
        fputs("hersysctl: there is no message of this id\n", stderr);
    else if (outcome == DB_OK)
        fprintf(stderr, "hersysctl: not sent again: the message is %s\n", word);
    ctl_say_outcome(outcome);
    ctl_store_end(arg, queued ? CTL_DONE : CTL_FAILED);
}

int ctl_retry(struct ctl *ctl)
{
    struct ctl_store db;
    char actor[100];
    int64_t id;
    int status = CTL_FAILED;

    if (ctl->argc != 1 || !ctl_read_id(ctl->argv[0], "message id", &id))
        return CTL_USAGE;
    if (!ctl_store_open(ctl, &db))
        return CTL_FAILED;
    if (store_outbox_retry(db.store, id, ctl_actor(actor), retry_on_word, &db))
        status = ctl_store_wait(&db);
    ctl_store_close(&db);
    return status;
}
