/*
 * story.h - what happened around a patient, for the operator (schema/0017_story.sql). It holds
 * nothing personal.
 */
#ifndef HERSYS_STORE_STORY_H
#define HERSYS_STORE_STORY_H

#include <stdint.h>

#include "store/store.h"

/* One event. Strings live during the callback. */
struct store_event {
    const char *at;     /* "2026-02-01T07:00:00Z" */
    const char *what;   /* a word of the schema: "message", "report" ... */
    const char *id;     /* the number of the thing; "" where there is none */
    const char *detail; /* a JSON object */
};

/* In the order of time. `error`: the schema's own words where it refused, "" otherwise. */
typedef void store_story_cb(void *arg, enum db_outcome outcome, const char *error,
                            const struct store_event *events, int count);
/* `actor` stands in the audit trail. */
bool store_patient_story(struct store *store, int64_t patient, const char *actor,
                         store_story_cb *cb, void *arg) __attribute__((warn_unused_result));

#endif
