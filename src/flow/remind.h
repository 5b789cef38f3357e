/*
 * remind.h - the clock of the gateway: reminders and nudges that fall due, the call list, the end
 * of monitoring, leases that ran out, receipts that never came.
 */
#ifndef HERSYS_FLOW_REMIND_H
#define HERSYS_FLOW_REMIND_H

#include <event2/event.h>

#include "store/store.h"

struct remind;

struct remind *remind_new(struct event_base *base, struct store *store, int tick_s);
void remind_free(struct remind *remind);
void remind_set_tick(struct remind *remind, int tick_s);

/* Ticks at once: the database is there (again). */
void remind_wake(struct remind *remind);
void remind_stop(struct remind *remind);

#endif
