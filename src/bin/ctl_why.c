/* ctl_why.c - hersysctl why: what happened around a patient, one event a line. It prints what the
 * schema tells, which is nothing personal. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bin/ctl.h"
#include "store/story.h"

struct why {
    struct ctl_store db;
    bool json;
};

/* " key=value"; in quotes where a value has spaces. */
static void print_pair(const char *key, const json_t *value)
{
    const char *text = json_string_value(value);
    char *written;

    if (text != NULL && strpbrk(text, " \"") == NULL) {
        printf(" %s=%s", key, text);
        return;
    }
    written = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (written == NULL)
        log_fatal("out of memory");
    printf(" %s=%s", key, written);
    free(written);
}

static void print_line(const struct store_event *event, json_t *detail)
{
    const char *key;
    json_t *value;

    printf("%s  %-18s %s", event->at, event->what, event->id);
    json_object_foreach(detail, key, value) print_pair(key, value);
    putchar('\n');
}

static void print_events(const struct store_event *events, int count, bool as_json)
{
    json_t *all = json_array();

    for (int i = 0; i < count; i++) {
        json_t *detail = json_loads(events[i].detail, 0, NULL);

        if (!as_json)
            print_line(&events[i], detail);
        json_array_append_new(
            all, json_pack("{s:s, s:s, s:o?, s:o}", "at", events[i].at, "what", events[i].what,
                           "id", events[i].id[0] != '\0' ? json_integer(atoll(events[i].id)) : NULL,
                           "detail", detail));
    }
    if (as_json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
}

static void why_on_story(void *arg, enum db_outcome outcome, const char *error,
                         const struct store_event *events, int count)
{
    struct why *why = arg;

    if (outcome == DB_OK)
        print_events(events, count, why->json);
    else if (error[0] != '\0')
        fprintf(stderr, "hersysctl: %s\n", error);
    else
        ctl_say_outcome(outcome);
    ctl_store_end(&why->db, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

int ctl_why(struct ctl *ctl)
{
    struct why why = {.json = ctl->argc == 2 && strcmp(ctl->argv[1], "--json") == 0};
    char actor[100];
    int64_t patient;
    int status = CTL_FAILED;

    if (ctl->argc != (why.json ? 2 : 1) || !ctl_read_id(ctl->argv[0], "patient id", &patient))
        return CTL_USAGE;
    if (!ctl_store_open(ctl, &why.db))
        return CTL_FAILED;
    if (store_patient_story(why.db.store, patient, ctl_actor(actor), why_on_story, &why))
        status = ctl_store_wait(&why.db);
    ctl_store_close(&why.db);
    return status;
}
