/*
 * http_echo.c - a server on io/http_server.h for tests/io/test_http_server.py. It prints its port,
 * and answers:
 *
 *   /echo         what it was asked, line by line, then the body
 *   /later?MS     the same after that many milliseconds
 *   /size?N       N bytes
 *   /status?N     that status, with the body "text"
 *   /field        with fields of its own, among them ones that must not get through
 *   /busy         how many requests are out
 *   /free         frees the server in the handler
 *
 * SIGTERM: stops, and ends when nothing is out. SIGUSR1: frees the server at once, and ends a
 * second later. Arguments: max_body max_headers max_connections idle_s request_s [address
 * [descriptors]]
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/http_server.h"

struct echo {
    struct event_base *base;
    struct http_server *server;
    int out;
    bool freed;
};

struct later {
    struct echo *echo;
    struct http_exchange *exchange;
    struct event *timer;
};

static void reply_echo(struct http_exchange *exchange)
{
    size_t len = 0;
    const char *body = http_body(exchange, &len);
    const char *field = http_header(exchange, "x-test");
    char *head = mem_printf("method %s\npath %s\nquery %s\npeer %s\nx-test %s\nlength %zu\n\n",
                            http_method(exchange), http_path(exchange), http_query(exchange),
                            http_peer(exchange), field != NULL ? field : "(none)", len);
    size_t head_len = strlen(head);
    char *all = mem_new(head_len + len + 1, 1);

    memcpy(all, head, head_len);
    memcpy(all + head_len, body, len);
    http_reply(exchange, 200, "text/plain; charset=utf-8", all, head_len + len);
    free(all);
    free(head);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    struct later *later = arg;

    (void)fd;
    (void)what;
    later->echo->out--;
    reply_echo(later->exchange);
    event_free(later->timer);
    free(later);
}

static void reply_later(struct echo *echo, struct http_exchange *exchange)
{
    struct later *later = mem_new(1, sizeof(*later));
    long ms = atol(http_query(exchange));
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    echo->out++;
    later->echo = echo;
    later->exchange = exchange;
    later->timer = evtimer_new(echo->base, on_later, later);
    event_add(later->timer, &wait);
}

static void reply_size(struct http_exchange *exchange)
{
    size_t size = (size_t)atol(http_query(exchange));
    char *bytes = mem_new(size + 1, 1);

    memset(bytes, 'x', size);
    http_reply(exchange, 200, "application/octet-stream", bytes, size);
    free(bytes);
}

static void reply_field(struct http_exchange *exchange)
{
    http_reply_header(exchange, "Location", "/elsewhere");
    http_reply_header(exchange, "Cache-Control", "max-age=60");
    http_reply_header(exchange, "X-Split", "a\r\nX-Injected: b");
    http_reply_header(exchange, "X Space", "a");
    http_reply_header(exchange, "Content-Length", "1");
    http_reply(exchange, 303, NULL, "", 0);
}

static void handle(void *arg, struct http_exchange *exchange)
{
    struct echo *echo = arg;
    const char *path = http_path(exchange);
    char text[32];

    if (strcmp(path, "/later") == 0) {
        reply_later(echo, exchange);
    } else if (strcmp(path, "/size") == 0) {
        reply_size(exchange);
    } else if (strcmp(path, "/status") == 0) {
        http_reply(exchange, atoi(http_query(exchange)), "text/plain", "text", 4);
    } else if (strcmp(path, "/field") == 0) {
        reply_field(exchange);
    } else if (strcmp(path, "/busy") == 0) {
        snprintf(text, sizeof(text), "%d", http_server_busy(echo->server) - 1);
        http_reply(exchange, 200, "text/plain", text, strlen(text));
    } else if (strcmp(path, "/free") == 0) {
        http_server_free(echo->server);
        echo->freed = true;
        reply_echo(exchange);
        event_base_loopexit(echo->base, NULL);
    } else {
        reply_echo(exchange);
    }
}

static void on_terminate(evutil_socket_t fd, short what, void *arg)
{
    struct echo *echo = arg;
    struct timeval soon = {.tv_usec = 10000};

    (void)fd;
    if (what == EV_SIGNAL)
        http_server_stop(echo->server);
    if (http_server_busy(echo->server) == 0)
        event_base_loopbreak(echo->base);
    else
        event_base_once(echo->base, -1, EV_TIMEOUT, on_terminate, echo, &soon);
}

static void on_free(evutil_socket_t fd, short what, void *arg)
{
    struct echo *echo = arg;
    struct timeval second = {.tv_sec = 1};

    (void)fd;
    (void)what;
    http_server_free(echo->server);
    echo->freed = true;
    event_base_loopexit(echo->base, &second);
}

int main(int argc, char **argv)
{
    struct echo echo = {0};
    char error[128];

    if (argc < 6)
        return 2;
    log_open("http_echo", LOG_LEVEL_DEBUG);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 7) {
        struct rlimit limit = {.rlim_cur = (rlim_t)atoi(argv[7]),
                               .rlim_max = (rlim_t)atoi(argv[7])};
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct http_limits limits = {
        .max_body = (size_t)atol(argv[1]),
        .max_headers = (size_t)atol(argv[2]),
        .max_connections = atoi(argv[3]),
        .idle_timeout_s = atoi(argv[4]),
        .request_timeout_s = atoi(argv[5]),
    };
    echo.base = event_base_new();
    echo.server = http_server_new(echo.base, &limits, handle, &echo);
    if (!http_server_listen(echo.server, argc > 6 ? argv[6] : "127.0.0.1:0", error,
                            sizeof(error))) {
        printf("%s\n", error);
        http_server_free(echo.server);
        event_base_free(echo.base);
        return 1;
    }
    struct event *terminate = evsignal_new(echo.base, SIGTERM, on_terminate, &echo);
    struct event *freed = evsignal_new(echo.base, SIGUSR1, on_free, &echo);
    event_add(terminate, NULL);
    event_add(freed, NULL);
    printf("%d\n", http_server_port(echo.server));
    fflush(stdout);
    event_base_dispatch(echo.base);
    event_free(terminate);
    event_free(freed);
    if (!echo.freed)
        http_server_free(echo.server);
    event_base_free(echo.base);
    return echo.out == 0 ? 0 : 3;
}
