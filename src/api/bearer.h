/*
 * bearer.h - who calls: tokens (RFC 6750) and idempotency keys.
 */
#ifndef HERSYS_API_BEARER_H
#define HERSYS_API_BEARER_H

#include "api/route.h"

/* Asks the database whether the request's token is good and has the scope, and calls the handler;
 * otherwise the request is answered. `path` is the route's pattern, for the log. */
void bearer_admit(struct api *api, const struct request *request, const char *path,
                  const char *scope, route_handler *handler);

#endif
