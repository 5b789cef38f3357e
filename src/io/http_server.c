/*
 * http_server.c - libevent's evhttp, and what it lacks: a limit of connections, an end for slow
 * clients, an answer that outlives its client. It parses nothing of HTTP itself, and knows no
 * route.
 *
 * evhttp tells nobody when it frees a connection. So each connection's bufferevent is held by one
 * more reference here: a look at them, a few times a second, finds those that evhttp has let go (it
 * took its callbacks off), counts the others, and ends those that have not brought a whole request
 * for too long.
 */
#include "io/http_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    HTTP_SWEEP_MS = 200,
    HTTP_ACCEPT_PAUSE_MS = 500, /* after EMFILE */
    HTTP_METHODS = EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                   EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH,
};

/* A connection, from its acceptance until evhttp has freed it. */
struct http_peer_connection {
    TAILQ_ENTRY(http_peer_connection) entry;
    struct http_server *server;
    struct bufferevent *bev;
    int64_t since;  /* it was accepted, or its last answer was given */
    bool answering; /* a handler has its request */
    bool writing;   /* its answer has been given and is not written yet */
};

struct http_server {
    LIST_ENTRY(http_server) entry;
    struct event_base *base;
    struct http_limits limits;
    http_handler *handler;
    void *arg;
    struct evhttp *http;
    struct evconnlistener *listener; /* owned by `http`; NULL where it does not listen (any more) */
    struct evhttp_bound_socket *bound;
    struct event *sweep;
    struct event *resume;
    TAILQ_HEAD(, http_peer_connection) connections;
    TAILQ_HEAD(, http_exchange) exchanges;
    int open;
    int busy;    /* requests that handlers have */
    int writing; /* answers that are not written yet */
    int port;
    bool paused; /* does not accept: too many connections, or no descriptor left */
    bool stopped;
};

struct http_exchange {
    TAILQ_ENTRY(http_exchange) entry;
    struct http_server *server;              /* NULL after http_server_free() */
    struct http_peer_connection *connection; /* NULL when the client has gone */
    struct evhttp_request *request;          /* ours alone once the client has gone */
    const char *body;
    size_t body_len;
    char *path;
    char peer[INET6_ADDRSTRLEN];
};

/* For on_accept_error() alone, which is told nothing but the listener. */
static LIST_HEAD(, http_server) servers = LIST_HEAD_INITIALIZER(servers);

/* ---------------------------------------------------------------- connections */

static void accept_switch(struct http_server *server)
{
    bool accept = !server->paused && server->open < server->limits.max_connections;

    if (server->listener == NULL)
        return;
    if (accept)
        evconnlistener_enable(server->listener);
    else
        evconnlistener_disable(server->listener);
}

/* evhttp asks for the bufferevent of each connection that it has accepted. */
static struct bufferevent *connection_new(struct event_base *base, void *arg)
{
    struct http_server *server = arg;
    struct http_peer_connection *connection = mem_new(1, sizeof(*connection));

    connection->server = server;
    connection->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (connection->bev == NULL)
        log_fatal("out of memory");
    bufferevent_incref(connection->bev);
    connection->since = clock_elapsed_s();
    TAILQ_INSERT_TAIL(&server->connections, connection, entry);
    server->open++;
    if (server->open >= server->limits.max_connections)
        log_warning("http_connections_full", LOG_INT("connections", server->open));
    accept_switch(server);
    return connection->bev;
}

static void connection_free(struct http_server *server, struct http_peer_connection *connection)
{
    TAILQ_REMOVE(&server->connections, connection, entry);
    server->writing -= connection->writing;
    bufferevent_decref(connection->bev);
    free(connection);
    server->open--;
}

/* Whether evhttp has freed it: then nobody's callbacks are left on it. */
static bool connection_is_gone(const struct http_peer_connection *connection)
{
    bufferevent_data_cb on_read, on_write;
    bufferevent_event_cb on_event;
    void *arg;

    bufferevent_getcb(connection->bev, &on_read, &on_write, &on_event, &arg);
    return on_read == NULL && on_write == NULL && on_event == NULL;
}

static void connections_sweep(struct http_server *server)
{
    int64_t oldest =
        clock_elapsed_s() - server->limits.idle_timeout_s - server->limits.request_timeout_s;
    struct http_peer_connection *connection, *next;

    for (connection = TAILQ_FIRST(&server->connections); connection != NULL; connection = next) {
        next = TAILQ_NEXT(connection, entry);
        if (connection_is_gone(connection)) {
            connection_free(server, connection);
        } else if (!connection->answering && !connection->writing && connection->since < oldest) {
            log_info("http_slow_client_ended", LOG_INT("connections", server->open));
            bufferevent_trigger_event(connection->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
        }
    }
    accept_switch(server);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    connections_sweep(arg);
}

/* evhttp has freed a connection whose request a handler still has: the request lives on for the
 * handler's sake. */
static void on_client_gone(struct evhttp_connection *evcon, void *arg)
{
    struct http_exchange *exchange = arg;

    (void)evcon;
    evhttp_request_own(exchange->request);
    exchange->connection = NULL;
}

/* The connection moves to the front: those that work are found at once, however many idle ones
 * there are. */
static struct http_peer_connection *connection_find(struct http_server *server,
                                                    struct evhttp_connection *evcon)
{
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
    struct http_peer_connection *connection;

    TAILQ_FOREACH(connection, &server->connections, entry)
    {
        if (connection->bev != bev)
            continue;
        TAILQ_REMOVE(&server->connections, connection, entry);
        TAILQ_INSERT_HEAD(&server->connections, connection, entry);
        return connection;
    }
    log_fatal("a request came by a connection that was never accepted");
}

/* ---------------------------------------------------------------- requests */

/* RFC 9110, 5.6.2: a field name is a token. evhttp lets white space and more through. */
static bool name_is_token(const char *name)
{
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && strchr("!#$%&'*+-.^_`|~", *name) == NULL)
            return false;
    return true;
}

static bool value_is_clean(const char *value)
{
    for (; *value != '\0'; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

static bool host_is_odd(const char *host)
{
    return *host == '\0' || host[strcspn(host, " \t/\\@?#")] != '\0';
}

/* A path of RFC 3986, with or without a query; what evhttp lets through beside it has no use here.
 */
static bool target_is_odd(const char *target)
{
    if (*target != '/')
        return true;
    for (; *target != '\0'; target++)
        if ((unsigned char)*target <= ' ' || (unsigned char)*target >= 0x7f || *target == '#')
            return true;
    return false;
}

/* What two readers could take for different requests; NULL where there is nothing of it. */
static const char *request_fault(struct evhttp_request *request)
{
    const char *coding = evhttp_find_header(evhttp_request_get_input_headers(request), "Transfer-"
                                                                                       "Encoding");
    int hosts = 0, lengths = 0, codings = 0;
    const struct evkeyval *header;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        if (!name_is_token(header->key) || !value_is_clean(header->value))
            return "A header is malformed.";
        hosts += strcasecmp(header->key, "Host") == 0;
        lengths += strcasecmp(header->key, "Content-Length") == 0;
        codings += strcasecmp(header->key, "Transfer-Encoding") == 0;
        if (strcasecmp(header->key, "Content-Length") == 0 &&
            header->value[strspn(header->value, "0123456789")] != '\0')
            return "Content-Length is no number.";
    }
    if (hosts != 1 ||
        host_is_odd(evhttp_find_header(evhttp_request_get_input_headers(request), "Host")))
        return "Exactly one Host header with the name of a host is wanted.";
    if (target_is_odd(evhttp_request_get_uri(request)))
        return "The target of the request is no path.";
    if (coding != NULL && (strcasecmp(coding, "chunked") != 0 || request->minor == 0))
        return "The body can be chunked in HTTP/1.1, and is otherwise not encoded.";
    if (lengths > 1 || (lengths > 0 && codings > 0) || codings > 1)
        return "The length of the body is given in two ways.";
    return NULL;
}

static void exchange_read_peer(struct http_exchange *exchange)
{
    const struct sockaddr *address =
        evhttp_connection_get_addr(evhttp_request_get_connection(exchange->request));
    const void *bytes = NULL;

    if (address != NULL && address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address != NULL && address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (bytes == NULL ||
        inet_ntop(address->sa_family, bytes, exchange->peer, sizeof(exchange->peer)) == NULL)
        exchange->peer[0] = '\0';
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct http_server *server = arg;
    struct evhttp_connection *evcon = evhttp_request_get_connection(request);
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    const char *uri = evhttp_request_get_uri(request);
    struct http_exchange *exchange = mem_new(1, sizeof(*exchange));
    const char *fault = request_fault(request);

    exchange->server = server;
    exchange->request = request;
    exchange->connection = connection_find(server, evcon);
    exchange->connection->answering = true;
    exchange->body_len = evbuffer_get_length(input);
    exchange->body = exchange->body_len > 0 ? (const char *)evbuffer_pullup(input, -1) : "";
    exchange->path = mem_strndup(uri, strcspn(uri, "?"));
    exchange_read_peer(exchange);
    TAILQ_INSERT_TAIL(&server->exchanges, exchange, entry);
    server->busy++;
    evhttp_connection_set_closecb(evcon, on_client_gone, exchange);
    if (fault != NULL) {
        char problem[200];
        int len = snprintf(problem, sizeof(problem),
                           "{\"type\":\"about:blank\",\"title\":\"Malformed "
                           "request\",\"status\":400,"
                           "\"detail\":\"%s\"}",
                           fault);

        http_reply_header(exchange, "Connection", "close");
        http_reply(exchange, 400, "application/problem+json", problem, (size_t)len);
        return;
    }
    server->handler(server->arg, exchange);
}

const char *http_method(const struct http_exchange *exchange)
{
    static const struct {
        enum evhttp_cmd_type type;
        const char *name;
    } methods[] = {
        {EVHTTP_REQ_GET, "GET"},     {EVHTTP_REQ_POST, "POST"},     {EVHTTP_REQ_HEAD, "HEAD"},
        {EVHTTP_REQ_PUT, "PUT"},     {EVHTTP_REQ_DELETE, "DELETE"}, {EVHTTP_REQ_OPTIONS, "OPTIONS"},
        {EVHTTP_REQ_PATCH, "PATCH"},
    };
    enum evhttp_cmd_type type = evhttp_request_get_command(exchange->request);

    for (size_t i = 0; i < MEM_COUNT(methods); i++)
        if (methods[i].type == type)
            return methods[i].name;
    return "";
}

const char *http_path(const struct http_exchange *exchange)
{
    return exchange->path;
}

const char *http_query(const struct http_exchange *exchange)
{
    const char *query = strchr(evhttp_request_get_uri(exchange->request), '?');

    return query != NULL ? query + 1 : "";
}

const char *http_header(const struct http_exchange *exchange, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

int http_header_count(const struct http_exchange *exchange, const char *name)
{
    const struct evkeyval *header;
    int count = 0;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(exchange->request), next)
    {
        count += strcasecmp(header->key, name) == 0;
    }
    return count;
}

const char *http_body(const struct http_exchange *exchange, size_t *len)
{
    *len = exchange->body_len;
    return exchange->body;
}

const char *http_peer(const struct http_exchange *exchange)
{
    return exchange->peer;
}

/* ---------------------------------------------------------------- answers */

void http_reply_header(struct http_exchange *exchange, const char *name, const char *value)
{
    /* evhttp refuses a line break in either. */
    if (evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value) != 0)
        log_error("http_header_refused", LOG_STR("name", name));
}

static void exchange_free(struct http_exchange *exchange)
{
    if (exchange->server != NULL) {
        TAILQ_REMOVE(&exchange->server->exchanges, exchange, entry);
        exchange->server->busy--;
    }
    free(exchange->path);
    free(exchange);
}

static void on_written(struct evhttp_request *request, void *arg)
{
    struct http_peer_connection *connection = arg;
    struct http_server *server = connection->server;

    (void)request;
    connection->writing = false;
    server->writing--;
}

void http_reply(struct http_exchange *exchange, int status, const char *type, const char *body,
                size_t len)
{
    struct evhttp_request *request = exchange->request;
    struct evbuffer *output;

    if (exchange->connection == NULL) {
        evhttp_request_free(request);
        exchange_free(exchange);
        return;
    }
    exchange->connection->answering = false;
    exchange->connection->since = clock_elapsed_s();
    exchange->connection->writing = true;
    exchange->server->writing++;
    evhttp_request_set_on_complete_cb(request, on_written, exchange->connection);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    http_reply_header(exchange, "Cache-Control", "no-store");
    http_reply_header(exchange, "X-Content-Type-Options", "nosniff");
    if (type != NULL)
        http_reply_header(exchange, "Content-Type", type);
    if (exchange->server->stopped)
        http_reply_header(exchange, "Connection", "close");
    output = evhttp_request_get_output_buffer(request);
    if (len > 0 && evbuffer_add(output, body, len) != 0)
        log_fatal("out of memory");
    exchange_free(exchange);
    evhttp_send_reply(request, status, NULL, NULL);
}

/* ---------------------------------------------------------------- life */

/* "[::1]:8470" or "127.0.0.1:8470"; the caller frees the result with freeaddrinfo(). */
static struct addrinfo *read_address(const char *text)
{
    static const struct addrinfo numeric = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    const char *colon = strrchr(text, ':');
    struct addrinfo *address = NULL;
    char host[INET6_ADDRSTRLEN + 1];
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';

    if (len == 0 || colon[1] == '\0' || len - (bracketed ? 2 : 0) >= sizeof(host))
        return NULL;
    snprintf(host, sizeof(host), "%.*s", (int)(len - (bracketed ? 2 : 0)),
             text + (bracketed ? 1 : 0));
    if ((strchr(host, ':') != NULL) != bracketed ||
        getaddrinfo(host, colon + 1, &numeric, &address) != 0)
        return NULL;
    return address;
}

/* Out of descriptors: evhttp would try again at once, for ever. The listener's argument is evhttp's
 * own. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct timeval pause = {HTTP_ACCEPT_PAUSE_MS / 1000, HTTP_ACCEPT_PAUSE_MS % 1000 * 1000};
    struct http_server *server;

    (void)arg;
    log_error("http_accept_failed", LOG_STR("error", strerror(errno)));
    LIST_FOREACH(server, &servers, entry)
    {
        if (server->listener != listener)
            continue;
        server->paused = true;
        event_add(server->resume, &pause);
        accept_switch(server);
    }
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;

    (void)fd;
    (void)what;
    server->paused = false;
    accept_switch(server);
}

struct http_server *http_server_new(struct event_base *base, const struct http_limits *limits,
                                    http_handler *handler, void *arg)
{
    struct http_server *server = mem_new(1, sizeof(*server));
    struct timeval sweep = {0, HTTP_SWEEP_MS * 1000};

    server->base = base;
    server->handler = handler;
    server->arg = arg;
    LIST_INSERT_HEAD(&servers, server, entry);
    TAILQ_INIT(&server->connections);
    TAILQ_INIT(&server->exchanges);
    server->http = evhttp_new(base);
    server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
    server->resume = evtimer_new(base, on_resume, server);
    if (server->http == NULL || server->sweep == NULL || server->resume == NULL ||
        event_add(server->sweep, &sweep) != 0)
        log_fatal("out of memory");
    evhttp_set_allowed_methods(server->http, HTTP_METHODS);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_bevcb(server->http, connection_new, server);
    evhttp_set_gencb(server->http, on_request, server);
    http_server_set_limits(server, limits);
    return server;
}

void http_server_set_limits(struct http_server *server, const struct http_limits *limits)
{
    server->limits = *limits;
    evhttp_set_max_headers_size(server->http, (ev_ssize_t)limits->max_headers);
    evhttp_set_max_body_size(server->http, (ev_ssize_t)limits->max_body);
    evhttp_set_timeout(server->http, limits->idle_timeout_s);
    accept_switch(server);
}

bool http_server_listen(struct http_server *server, const char *address, char *error, size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {0};
    socklen_t bound_len = sizeof(bound);
    struct addrinfo *parsed = read_address(address);

    if (parsed == NULL) {
        snprintf(error, size, "no address with a port, such as 127.0.0.1:8470 or [::1]:8470");
        return false;
    }
    server->listener = evconnlistener_new_bind(
        server->base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
        SOMAXCONN, parsed->ai_addr, (int)parsed->ai_addrlen);
    freeaddrinfo(parsed);
    if (server->listener != NULL)
        server->bound = evhttp_bind_listener(server->http, server->listener);
    if (server->bound == NULL) {
        snprintf(error, size, "%s", strerror(errno));
        if (server->listener != NULL)
            evconnlistener_free(server->listener);
        server->listener = NULL;
        return false;
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    if (getsockname(evconnlistener_get_fd(server->listener), &bound.any, &bound_len) != 0)
        log_fatal("the address of a listener cannot be read");
    server->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    return true;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stop(struct http_server *server)
{
    server->stopped = true;
    if (server->bound != NULL)
        evhttp_del_accept_socket(server->http, server->bound); /* frees the listener, too */
    server->bound = NULL;
    server->listener = NULL;
}

int http_server_busy(const struct http_server *server)
{
    return server->busy + server->writing;
}

void http_server_free(struct http_server *server)
{
    struct http_exchange *exchange;

    /* Frees the connections; a request that a handler still has becomes the handler's own. */
    evhttp_free(server->http);
    while ((exchange = TAILQ_FIRST(&server->exchanges)) != NULL) {
        TAILQ_REMOVE(&server->exchanges, exchange, entry);
        exchange->server = NULL;
        exchange->connection = NULL;
    }
    while (!TAILQ_EMPTY(&server->connections))
        connection_free(server, TAILQ_FIRST(&server->connections));
    LIST_REMOVE(server, entry);
    event_free(server->sweep);
    event_free(server->resume);
    free(server);
}
