/*
 * register.h - registration links, for the operator (schema/0010_sending.sql).
 */
#ifndef HERSYS_STORE_REGISTER_H
#define HERSYS_STORE_REGISTER_H

#include <stdint.h>

#include "store/outbox.h"

/* `error`: the schema's own words where it refused ("there is no patient 7"), which name no data of
 * a patient; "" otherwise. */

/* `held_for`: the schema's word for why nothing of it is sent until somebody else releases it; ""
 * where it is not held. */
typedef void store_batch_cb(void *arg, enum db_outcome outcome, const char *error, int64_t batch_id,
                            const char *held_for);

/* Writes links and messages to patients of one centre in one commit and wakes the daemons: at the
 * centre's pace, or held whole where they look wrong or would be more than it may send in a day. A
 * new link ends the one before. `salts`: STORE_SALT_BYTES for each of the patients, one behind the
 * other. */
bool store_link_batch(struct store *store, const struct store_link_patient *patients, size_t count,
                      const char *channel, int key_id, const uint8_t *salts, const char *actor,
                      store_batch_cb *cb, void *arg) __attribute__((warn_unused_result));

struct store_batch_link {
    int64_t patient_id;
    int64_t link_id; /* 0 where there is none (yet) */
    int64_t message_id;
    const char *reason; /* why this patient gets none; "" */
};
typedef void store_batch_links_cb(void *arg, enum db_outcome outcome,
                                  const struct store_batch_link *links, int count);
/* What became of each patient of a batch, in the order in which they were asked for. */
bool store_batch_links(struct store *store, int64_t id, store_batch_links_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* Sends a batch that is held. Who asked for it cannot. `links`: how many were queued. */
typedef void store_release_cb(void *arg, enum db_outcome outcome, const char *error, int links);
bool store_batch_release(struct store *store, int64_t id, const char *actor, store_release_cb *cb,
                         void *arg) __attribute__((warn_unused_result));

struct store_batch_row {
    int64_t id;
    const char *centre_id;
    const char *channel;
    const char *requested_by;
    const char *created_at; /* "2026-05-01 09:00 +0900", in the session's time zone */
    int64_t links;
    const char *held_for; /* as of store_batch_cb */
};
typedef void store_batches_cb(void *arg, enum db_outcome outcome,
                              const struct store_batch_row *rows, int count);
/* Those that are held, the oldest first. */
bool store_batch_list(struct store *store, store_batches_cb *cb, void *arg)
    __attribute__((warn_unused_result));

#endif
