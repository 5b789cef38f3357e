/*
 * http_client.h - HTTP client side: libcurl's multi interface on the event loop.
 *
 * Knows no provider. Connections are kept and reused; peer and host of TLS are verified; no
 * redirects are followed; only https, and http where the caller allows it (loopback, tests). An
 * answer arrives exactly once and never before http_client_send() has returned, and no request but
 * GET and HEAD is ever sent twice. Neither proxies nor credentials are taken from the environment.
 * An answer longer than `max_answer`, or whose header is longer than 64 KiB, is HTTP_BROKEN
 * ("answer too long").
 */
#ifndef HERSYS_IO_HTTP_CLIENT_H
#define HERSYS_IO_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct http_client;

enum http_answer_outcome {
    HTTP_ANSWERED, /* an answer came, whatever its status */
    HTTP_NOT_SENT, /* no byte of the request was sent: refused, not resolved, TLS failed, malformed
                    */
    /* It broke or timed out after its first byte was sent: the peer may have acted on it. So, too,
     * where a kept connection was closed at the moment at which it was used again: that is not told
     * apart. */
    HTTP_BROKEN,
};

struct http_answer {
    enum http_answer_outcome outcome;
    int status;       /* 0 unless answered */
    const char *body; /* any bytes, NUL behind them; "" unless answered */
    size_t len;
    int retry_after_s;  /* Retry-After in seconds (both forms), capped at 86,400; -1 where none */
    const char *error;  /* a word for what failed, without URL or data; "" where answered */
    const char *header; /* "Name" NUL "value" NUL ... NUL: http_answer_header() reads it */
};

/* The value of the answer's first header of that name, in any case; NULL where there is none. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

struct http_call {
    const char *method; /* "GET", "HEAD": without a body; "POST" and others */
    const char *url;
    const char *const *headers; /* "Name: value", NULL at the end; may be NULL */
    const char *body;
    size_t len;
    int timeout_ms; /* for all of it */
    bool allow_http;
};

typedef void http_answer_cb(void *arg, const struct http_answer *answer);

struct http_client *http_client_new(struct event_base *base, size_t max_answer);

/* Abandons what is under way: those callbacks are not called. */
void http_client_free(struct http_client *client);

/* Certificates are checked against this file instead of the system's, from now on; NULL: the
 * system's. */
void http_client_set_ca_file(struct http_client *client, const char *path);

/* All of `call` is copied. A callback may send again and may free the client. */
void http_client_send(struct http_client *client, const struct http_call *from, http_answer_cb *cb,
                      void *arg);

#endif
