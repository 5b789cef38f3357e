/* service.c - readiness, status and watchdog. */
#include "config.h"

#include "bin/service.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

struct service {
    struct event *watchdog;
};

static void notify(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}

static void service_on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    notify("WATCHDOG=1");
}

struct service *service_new(struct event_base *base)
{
    struct service *service = mem_new(1, sizeof(*service));
    uint64_t period_us = 0;

#ifdef HAVE_LIBSYSTEMD
    if (sd_watchdog_enabled(0, &period_us) <= 0)
        period_us = 0;
#endif
    if (period_us > 0) {
        struct timeval half = {(time_t)(period_us / 2000000),
                               (suseconds_t)(period_us / 2 % 1000000)};

        service->watchdog = event_new(base, -1, EV_PERSIST, service_on_watchdog, service);
        if (service->watchdog == NULL || event_add(service->watchdog, &half) != 0)
            log_fatal("out of memory");
    }
    return service;
}

void service_free(struct service *service)
{
    if (service->watchdog != NULL)
        event_free(service->watchdog);
    free(service);
}

void service_ready(void)
{
    notify("READY=1");
}

void service_reloading(void)
{
    struct timespec now;
    char *state;

    clock_gettime(CLOCK_MONOTONIC, &now);
    state = mem_printf("RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                       (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify(state);
    free(state);
}

void service_stopping(void)
{
    notify("STOPPING=1");
}

void service_status(const char *status)
{
    char *state = mem_printf("STATUS=%s", status);

    notify(state);
    free(state);
}
