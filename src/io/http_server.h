/*
 * http_server.h - HTTP/1.1 server side over libevent's evhttp, with the limits that evhttp lacks.
 *
 * Knows no route of the product. It refuses by itself (400): a missing or double Host, header names
 * with white space or control characters, a body whose length is given in two ways; and, by evhttp,
 * a body or headers over the limit (413, 400). More connections than allowed wait in the listener's
 * backlog; at EMFILE it stops accepting for a moment instead of spinning. A client that does not
 * bring a whole request within idle_timeout_s + request_timeout_s is ended. evhttp reads some
 * malformed requests generously (bare line feeds): a reverse proxy stands in front of what the
 * internet reaches.
 */
#ifndef HERSYS_IO_HTTP_SERVER_H
#define HERSYS_IO_HTTP_SERVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct http_server;
struct http_exchange; /* one request and the answer it waits for */

struct http_limits {
    size_t max_body;    /* bytes */
    size_t max_headers; /* bytes, request line included */
    int max_connections;
    int idle_timeout_s;    /* between requests, and for each read */
    int request_timeout_s; /* on top of it, for a request that comes in many small pieces */
};

/* Called once a request, when all of it is there. The handler answers with http_reply(), now or on
 * a later turn; never twice, never not at all. */
typedef void http_handler(void *arg, struct http_exchange *exchange);

struct http_server *http_server_new(struct event_base *base, const struct http_limits *limits,
                                    http_handler *handler, void *arg);

/* Binds one address: "127.0.0.1:8470", "[::1]:8470" or "0.0.0.0:8470". Port 0 takes a free one.
 * False with the reason in `error` (address already in use ...). */
bool http_server_listen(struct http_server *server, const char *address, char *error, size_t size)
    __attribute__((warn_unused_result));

/* The port that http_server_listen() bound. */
int http_server_port(const struct http_server *server);

/* Applies new limits to what comes from now on. */
void http_server_set_limits(struct http_server *server, const struct http_limits *limits);

/* Stops listening, so that who connects now is refused and goes elsewhere at once; requests under
 * way go on to their answer. */
void http_server_stop(struct http_server *server);

/* Requests handed to the handler and not answered yet, and answers not written yet: at 0 after
 * http_server_stop() the program may end. */
int http_server_busy(const struct http_server *server);

/* Closes everything. Exchanges that are still out stay valid until their http_reply(), which then
 * does nothing but free them. */
void http_server_free(struct http_server *server);

/* ---- the request; all pointers live until http_reply() */

const char *http_method(const struct http_exchange *exchange); /* "GET", "POST", ... */
const char *http_path(const struct http_exchange *exchange); /* as sent, without query: "/a%20b" */
const char *
http_query(const struct http_exchange *exchange); /* as sent, after '?'; "" where none */
/* A header's value, name in any case; NULL where there is none. */
const char *http_header(const struct http_exchange *exchange, const char *name);
/* How often a header is there. */
int http_header_count(const struct http_exchange *exchange, const char *name);
const char *http_body(const struct http_exchange *exchange, size_t *len); /* any bytes */
const char *http_peer(const struct http_exchange *exchange); /* the peer's address, "192.0.2.1" */

/* ---- the answer */

/* Adds a header to the answer; both strings are copied. One that holds a line break is left out and
 * logged. */
void http_reply_header(struct http_exchange *exchange, const char *name, const char *value);

/* Answers and frees the exchange. Harmless where the client has gone. `type` is NULL for an empty
 * body. Every answer carries Cache-Control: no-store and X-Content-Type-Options: nosniff. */
void http_reply(struct http_exchange *exchange, int status, const char *type, const char *body,
                size_t len);

#endif
