/*
 * service.h - what the daemon tells systemd (sd_notify(3)); nothing where there is no systemd.
 */
#ifndef HERSYS_BIN_SERVICE_H
#define HERSYS_BIN_SERVICE_H

#include <event2/event.h>

struct service;

/* Starts to feed the watchdog where the unit has one. */
struct service *service_new(struct event_base *base);
void service_free(struct service *service);

void service_ready(void);
void service_reloading(void);
void service_stopping(void);
/* One line for `systemctl status`. */
void service_status(const char *status);

#endif
