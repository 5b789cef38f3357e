/*
 * alert.h - the clock of alerts: urgent ones that nobody has looked at, and the hourly digest.
 */
#ifndef HERSYS_FLOW_ALERT_H
#define HERSYS_FLOW_ALERT_H

#include <event2/event.h>

#include "store/store.h"

struct alert;

struct alert *alert_new(struct event_base *base, struct store *store, int tick_s);
void alert_free(struct alert *alert);
void alert_set_tick(struct alert *alert, int tick_s);

/* Ticks at once: the database is there (again). */
void alert_wake(struct alert *alert);
void alert_stop(struct alert *alert);

#endif
