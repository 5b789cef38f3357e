/*
 * route.h - one entry of the table of routes, for the files that implement them.
 */
#ifndef HERSYS_API_ROUTE_H
#define HERSYS_API_ROUTE_H

#include <stdint.h>

#include "api/api.h"
#include "store/caller.h"

/* Who may call a route. What an entry of the table leaves out is ROUTE_NOBODY. */
enum route_access {
    ROUTE_NOBODY,
    ROUTE_ANYBODY,        /* it tells nothing of anybody */
    ROUTE_BEARER,         /* a token (RFC 6750) that has the route's scope */
    ROUTE_CARRIER,        /* who proves to be the carrier that {name} stands for */
    ROUTE_SANDBOX_PERSON, /* whoever reaches the listener, which is loopback where the sandbox is on
                           */
};

enum { ROUTE_NAME_MAX = 41 };

/* One request on its way to its handler. Plain data that the handler may copy; the exchange lives
 * until it is answered. */
struct request {
    struct http_exchange *exchange;
    int64_t id;                 /* what stands for {id} in the path: 1 or more */
    char name[ROUTE_NAME_MAX];  /* what stands for {name}: [a-z0-9_-], 1 to 40 of them */
    struct store_caller caller; /* where the route's access is ROUTE_BEARER */
};

/* Called after access and method were checked; answers the exchange, now or later. */
typedef void route_handler(struct api *api, const struct request *request);

route_handler webhook_message;
route_handler webhook_receipt;
route_handler sandbox_list_messages;
route_handler sandbox_take_reply;

route_handler v1_openapi;
route_handler v1_patient_create;
route_handler v1_patient_list;
route_handler v1_patient_get;
route_handler v1_patient_change;
route_handler v1_links_send;
route_handler v1_link_get;
route_handler v1_batch_get;
route_handler v1_batch_release;
route_handler v1_batch_cancel;
route_handler v1_code_request;
route_handler v1_code_get;
route_handler v1_code_verify;
route_handler v1_alerts_list;
route_handler v1_alert_seen;
route_handler v1_alert_close;
route_handler v1_reports_list;
route_handler v1_unreported;
route_handler v1_calls_list;
route_handler v1_call_close;

/* ---- carriers */

/* Whether a link of that name brings such events by this method. */
bool webhook_exists(const struct api *api, const char *name, enum provider_event event,
                    const char *method) __attribute__((warn_unused_result));

/* Whether the carrier proves to be the one that the request names; otherwise it is answered. */
bool webhook_admit(const struct api *api, const struct request *request)
    __attribute__((warn_unused_result));

/* ---- answers of the webhooks and the sandbox; those of /v1 stand in problem.h */

/* An RFC 9457 problem. `detail` says what to do about it and holds no data of the request. */
void problem_reply(struct http_exchange *exchange, int status, const char *title,
                   const char *detail);

/* 503 with Retry-After: the same request, later. */
void problem_reply_later(struct http_exchange *exchange);

#endif
