/* ctl_link.c - hersysctl link, batch: registration links, and the second person's word on those
 * that are held. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/phone.h"
#include "base/secret.h"
#include "bin/ctl.h"
#include "flow/register.h"

enum { INPUT_ID_MAX = 9 }; /* 6 to 8 digits */

/* Why it was not done, in the schema's words or ours. */
static void say_refusal(enum db_outcome outcome, const char *what, const char *error)
{
    if (error[0] != '\0')
        fprintf(stderr, "hersysctl: %s: %s\n", what, error);
    else
        ctl_say_outcome(outcome);
}

/* Why a batch is held, from the schema's word. */
static const char *held_text(const char *held_for)
{
    static const struct {
        const char *word;
        const char *text;
    } reasons[] = {
        {"daily_cap", "the centre would send more than it may in a day"},
        {"repeated_phone", "patients of different family names have one telephone or address; it "
                           "may be a couple's, or a wrong number"},
        {"shifted", "telephones or input IDs are those of other patients, as in a list that has "
                    "slipped by a row"},
    };

    for (size_t i = 0; i < MEM_COUNT(reasons); i++)
        if (strcmp(reasons[i].word, held_for) == 0)
            return reasons[i].text;
    return held_for;
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
                          const char *held_for)
{
    struct ctl_store *db = arg;
    bool held = *held_for != '\0';

    if (outcome == DB_OK && !held && store_batch_links(db->store, batch_id, links_on_rows, db))
        return;
    if (outcome != DB_OK)
        say_refusal(outcome, "not sent", error);
    else if (held)
        printf("batch %" PRId64 " is held: %s. Within 24 hours somebody else can release it: "
               "hersysctl batch release %" PRId64 "\n",
               batch_id, held_text(held_for), batch_id);
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

/* ---- a list of patients, and what it says of them */

struct patient_list {
    struct store_link_patient *patients;
    size_t count;
    char (*phones)[PHONE_MAX]; /* what the patients' texts point into */
    char (*input_ids)[INPUT_ID_MAX];
};

static void list_new(struct patient_list *list, size_t count)
{
    list->count = 0;
    list->patients = mem_new(count, sizeof(*list->patients));
    list->phones = mem_new(count, sizeof(*list->phones));
    list->input_ids = mem_new(count, sizeof(*list->input_ids));
}

static void list_free(struct patient_list *list)
{
    free(list->patients);
    free(list->phones);
    free(list->input_ids);
}

/* "ID", "ID,PHONE" or "ID,PHONE,INPUT-ID"; PHONE may be empty. */
static bool list_add_line(struct patient_list *list, char *line)
{
    struct store_link_patient *patient = &list->patients[list->count];
    char *phone_to = list->phones[list->count], *rest = line, *end;
    const char *id = strsep(&rest, ","), *phone = strsep(&rest, ","), *input_id = rest;
    enum phone_kind kind;

    patient->id = strtoll(id, &end, 10);
    if (end == id || *end != '\0' || patient->id < 1)
        return false;
    if (phone != NULL && *phone != '\0') {
        kind = phone_parse(phone, strlen(phone), phone_to);
        if (kind != PHONE_MOBILE && kind != PHONE_FIXED)
            return false;
        patient->phone = phone_to;
    }
    if (input_id != NULL) {
        if (strspn(input_id, "0123456789") != strlen(input_id) || strlen(input_id) < 6 ||
            strlen(input_id) >= INPUT_ID_MAX)
            return false;
        patient->input_id = memcpy(list->input_ids[list->count], input_id, strlen(input_id) + 1);
    }
    list->count++;
    return true;
}

static bool list_read_lines(struct patient_list *list, FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    int number = 0;
    bool ok = true;

    while (ok && getline(&line, &size, file) > 0) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (*line == '\0')
            continue;
        ok = list->count < REGISTER_PATIENTS_MAX && list_add_line(list, line);
    }
    free(line);
    if (!ok)
        fprintf(stderr,
                "hersysctl: line %d of the list: PATIENT-ID[,PHONE[,INPUT-ID]] is wanted, and at "
                "most %d lines\n",
                number, REGISTER_PATIENTS_MAX);
    else if (list->count == 0)
        fputs("hersysctl: the list is empty\n", stderr);
    return ok && list->count > 0;
}

static bool list_read(struct patient_list *list, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    bool ok;

    if (file == NULL) {
        fprintf(stderr, "hersysctl: %s: %s\n", path, strerror(errno));
        return false;
    }
    ok = list_read_lines(list, file);
    if (file != stdin)
        fclose(file);
    return ok;
}

int ctl_link(struct ctl *ctl)
{
    bool email = ctl->argc >= 2 && strcmp(ctl->argv[1], "--email") == 0;
    int first = email ? 2 : 1, count = ctl->argc - first;
    bool listed = count == 2 && strcmp(ctl->argv[first], "--list") == 0;
    struct patient_list list;
    int status = CTL_DONE;

    if (count < 1 || count > REGISTER_PATIENTS_MAX || strcmp(ctl->argv[0], "send") != 0)
        return CTL_USAGE;
    list_new(&list, REGISTER_PATIENTS_MAX);
    for (int i = 0; !listed && i < count && status == CTL_DONE; i++)
        if (!ctl_read_id(ctl->argv[first + i], "patient id", &list.patients[list.count++].id))
            status = CTL_USAGE;
    if (listed && !list_read(&list, ctl->argv[first + 1]))
        status = CTL_FAILED;
    if (status == CTL_DONE)
        status = ctl_read_conf(ctl) ? send_links(ctl,
                                                 &(struct register_batch){
                                                     .patients = list.patients,
                                                     .count = list.count,
                                                     .channel = email ? "email" : "sms",
                                                 })
                                    : CTL_FAILED;
    list_free(&list);
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
    for (int i = 0; i < count; i++) {
        printf("%-8" PRId64 " %7s %-8s %6" PRId64 " %-22s %s\n", rows[i].id, rows[i].centre_id,
               rows[i].channel, rows[i].links, rows[i].created_at, rows[i].requested_by);
        printf("         %s\n", held_text(rows[i].held_for));
    }
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
