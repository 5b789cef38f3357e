/*
 * answer.h - from a call of the schema to the answer of the request that asked for it.
 */
#ifndef HERSYS_API_ANSWER_H
#define HERSYS_API_ANSWER_H

#include "api/route.h"

/* A request that waits for the database. */
struct asked;

/* `location`: a static path to which the id of what was made is appended, for the Location header
 * of a 201 or 202; NULL where nothing is made. */
struct asked *asked_new(const struct request *request, const char *location);

/* A store_reply_cb: answers with what the schema said, and frees the struct asked. */
void asked_on_reply(void *arg, enum db_outcome outcome, const struct store_reply *reply);

/* To be told whether the call was made at all; where it was not, the request is answered. */
void asked_check(struct asked *asked, bool sent);

#endif
