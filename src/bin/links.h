/*
 * links.h - every way by which messages leave: opens what the configuration names, each with a
 * deliver of its own, and treats them as one.
 */
#ifndef HERSYS_BIN_LINKS_H
#define HERSYS_BIN_LINKS_H

#include <event2/event.h>
#include <stdbool.h>

#include "bin/setup.h"
#include "channel/provider.h"
#include "channel/sandbox.h"
#include "io/http_client.h"
#include "store/store.h"

struct links;

struct links_options {
    struct event_base *base;
    struct store *store;
    struct http_client *http;
    const char *instance; /* a UUID */
    int port;             /* that we listen on: the sandbox carrier brings its requests there */
};

/* Opens them; NULL after a log line that says what is wrong. */
struct links *links_open(const struct links_options *options, const struct setup *setup)
    __attribute__((warn_unused_result));

/* NULL where it is off. */
struct sandbox *links_sandbox(struct links *links);

/* The links whose carriers bring webhooks; valid until links_close(). */
const struct carrier *links_carriers(const struct links *links, size_t *count);

/* Every link gets the new setup. */
void links_apply(struct links *links, const struct setup *setup);

void links_wake(struct links *links); /* look for work */
void links_stop(struct links *links); /* claim no more */
int links_busy(const struct links *links);

/* Two steps, for the store is freed between them, while its statements still have callbacks:
 * first the channels fall silent, then the rest goes. */
void links_close(struct links *links);
void links_free(struct links *links);

#endif
