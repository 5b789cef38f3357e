/*
 * sandbox_spool.h - what the sandbox carrier remembers: one JSON object a line of a file that is
 * only appended to.
 *
 * A message that the carrier took is in the file before the gateway hears of it. Lines: a message
 * (direction "out" or "in"), or {"receipt": ID} once the gateway has taken the receipt of that
 * message.
 */
#ifndef HERSYS_CHANNEL_SANDBOX_SPOOL_H
#define HERSYS_CHANNEL_SANDBOX_SPOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "channel/channel.h"

enum { SANDBOX_ID_MAX = 40 };

struct sandbox_spool;

struct sandbox_spool *sandbox_spool_open(const char *path, char *error, size_t size)
    __attribute__((warn_unused_result));
void sandbox_spool_close(struct sandbox_spool *spool);

/* A name that no message had before. */
void sandbox_spool_new_id(char id[SANDBOX_ID_MAX]);

/* False where it cannot be written. */
bool sandbox_spool_add_out(struct sandbox_spool *spool, const char *id,
                           const struct channel_message *message)
    __attribute__((warn_unused_result));
void sandbox_spool_add_in(struct sandbox_spool *spool, const char *id, const char *phone,
                          const char *text, size_t len);
void sandbox_spool_mark_receipt(struct sandbox_spool *spool, const char *id);

/* Each message that a telephone got and whose receipt the gateway has not taken. */
void sandbox_spool_each_owed(const struct sandbox_spool *spool,
                             void (*cb)(void *arg, const char *id, const char *phone), void *arg);

json_t *sandbox_spool_list(const struct sandbox_spool *spool, const char *address, size_t limit);

#endif
