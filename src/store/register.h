/*
 * register.h - registration links (schema/0006_conversation.sql, link_send).
 */
#ifndef HERSYS_STORE_REGISTER_H
#define HERSYS_STORE_REGISTER_H

#include <stdint.h>

#include "store/outbox.h"

/* `error`: the schema's own words ("patient 7 has no telephone"), which name no data of a patient;
 * "" where it worked. */
typedef void store_link_cb(void *arg, enum db_outcome outcome, const char *error, int64_t link_id,
                           int64_t message_id);

/* Writes link and message in one commit and wakes the daemons. A new link ends the one before. */
bool store_link_send(struct store *store, int64_t patient_id, int key_id,
                     const uint8_t salt[STORE_SALT_BYTES], const char *actor, store_link_cb *cb,
                     void *arg) __attribute__((warn_unused_result));

#endif
