/*
 * http_client.h - HTTP client side: libcurl's multi interface on the event loop.
 *
 * Knows no provider. Connections are kept and reused; peer and host of TLS are verified; no
 * redirects are followed; only https, and http where the caller allows it (loopback, tests). An
 * answer arrives exactly once and never before http_client_send() has returned.
 */
#ifndef HERSYS_IO_HTTP_CLIENT_H
#define HERSYS_IO_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct http_client;

enum http_answer_outcome {
    HTTP_ANSWERED, /* an answer came, whatever its status */
    HTTP_NOT_SENT, /* no byte of the request can have been acted on: refused, not resolved, TLS
                      failed */
    HTTP_BROKEN,   /* it broke or timed out after the submit: the peer may have acted on it */
};

struct http_answer {
    enum http_answer_outcome outcome;
    int status;       /* 0 unless answered */
    const char *body; /* any bytes, NUL behind them; "" unless answered */
    size_t len;
    int retry_after_s; /* Retry-After in seconds (both forms), capped at 86,400; -1 where none */
    const char *error; /* libcurl's word for what failed, without URL or data; "" where answered */
};

struct http_call {
    const char *method; /* "GET", "POST" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL at the end; may be NULL */
    const char *body;           /* copied */
    size_t len;
    int timeout_ms; /* for all of it */
    bool allow_http;
};

typedef void http_answer_cb(void *arg, const struct http_answer *answer);

struct http_client *http_client_new(struct event_base *base, size_t max_answer);

/* Abandons what is under way: those callbacks are not called. */
void http_client_free(struct http_client *client);

void http_client_send(struct http_client *client, const struct http_call *call, http_answer_cb *cb,
                      void *arg);

#endif
