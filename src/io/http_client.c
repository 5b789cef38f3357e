/*
 * http_client.c - libcurl's multi interface on the event loop. libcurl tells which sockets and
 * which time-out it waits for; the loop tells it when they are there. It knows no provider.
 */
#include "io/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"

enum { HTTP_CONNECT_TIMEOUT_MS = 10000, HTTP_RETRY_AFTER_MAX_S = 86400 };

struct call {
    TAILQ_ENTRY(call) entry;
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    char *sent;
    char *body;
    size_t len, room;
    bool too_long;
    http_answer_cb *cb;
    void *arg;
};

/* A socket of libcurl's that the loop watches. */
struct watch {
    TAILQ_ENTRY(watch) entry;
    struct event *event;
    curl_socket_t fd;
};

struct http_client {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    size_t max_answer;
    TAILQ_HEAD(, call) calls;
    TAILQ_HEAD(, watch) watches;
};

/* ---------------------------------------------------------------- answers */

/* Errors after which no byte of a request can have reached the peer. */
static bool error_is_before_submit(CURLcode code)
{
    switch ((int)code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return true;
    default:
        return false;
    }
}

static enum http_answer_outcome judge(const struct call *call, CURLcode code)
{
    curl_off_t uploaded = 0;
    long sent = 0;

    if (code == CURLE_OK)
        return HTTP_ANSWERED;
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    /* A time-out while still connecting has sent nothing either. */
    return error_is_before_submit(code) || (sent == 0 && uploaded == 0) ? HTTP_NOT_SENT
                                                                        : HTTP_BROKEN;
}

static int retry_after(const struct call *call)
{
    curl_off_t seconds = 0;

    if (curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
        return -1;
    return seconds < HTTP_RETRY_AFTER_MAX_S ? (int)seconds : HTTP_RETRY_AFTER_MAX_S;
}

static void call_free(struct call *call)
{
    TAILQ_REMOVE(&call->client->calls, call, entry);
    curl_multi_remove_handle(call->client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call->sent);
    free(call->body);
    free(call);
}

static void call_end(struct call *call, CURLcode code)
{
    struct http_answer answer = {
        .outcome = judge(call, code), .retry_after_s = -1, .body = "", .error = ""};
    long status = 0;

    if (answer.outcome == HTTP_ANSWERED) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        answer.status = (int)status;
        answer.retry_after_s = retry_after(call);
        if (call->body != NULL) {
            answer.body = call->body;
            answer.len = call->len;
        }
    } else {
        answer.error = call->too_long ? "answer too long" : curl_easy_strerror(code);
    }
    call->cb(call->arg, &answer);
    call_free(call);
}

static void take_answers(struct http_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct call *call;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        call_end(call, code);
    }
}

/* ---------------------------------------------------------------- the loop */

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0),
        running;

    curl_multi_socket_action(client->multi, fd, action, &running);
    take_answers(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int running;

    (void)fd;
    (void)what;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_answers(client);
}

static void watch_free(struct http_client *client, struct watch *watch)
{
    TAILQ_REMOVE(&client->watches, watch, entry);
    event_free(watch->event);
    free(watch);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *client = arg;
    struct watch *watch = socket_arg;
    short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
                           (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

    (void)easy;
    if (watch != NULL && what == CURL_POLL_REMOVE) {
        watch_free(client, watch);
        curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL) {
        watch = mem_new(1, sizeof(*watch));
        watch->fd = fd;
        TAILQ_INSERT_TAIL(&client->watches, watch, entry);
        curl_multi_assign(client->multi, fd, watch);
    } else {
        event_free(watch->event);
    }
    watch->event = event_new(client->base, fd, events, on_socket, client);
    if (watch->event == NULL || event_add(watch->event, NULL) != 0)
        log_fatal("out of memory");
    return 0;
}

/* Never from inside: libcurl is told of the time-out by the loop, also of one that is due at once.
 */
static int curl_wants_timer(CURLM *multi, long wait_ms, void *arg)
{
    struct http_client *client = arg;
    struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};

    (void)multi;
    if (wait_ms < 0)
        event_del(client->timer);
    else
        event_add(client->timer, &wait);
    return 0;
}

/* ---------------------------------------------------------------- calls */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    size_t len = size * count;

    if (len > call->client->max_answer - call->len) {
        call->too_long = true;
        return 0;
    }
    if (call->len + len + 1 > call->room) {
        call->room = (call->len + len + 1) * 2;
        call->body = mem_grow(call->body, call->room, 1);
    }
    memcpy(call->body + call->len, bytes, len);
    call->len += len;
    call->body[call->len] = '\0';
    return len;
}

static void call_set_options(struct call *call, const struct http_call *what)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_URL, what->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, what->allow_http ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)what->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(what->timeout_ms < HTTP_CONNECT_TIMEOUT_MS ? what->timeout_ms
                                                                       : HTTP_CONNECT_TIMEOUT_MS));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    if (strcmp(what->method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)what->len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->sent);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, what->method);
        /* On a kept connection that the peer has closed meanwhile, libcurl would send a request
         * again by itself, though the peer may have acted on it: a message to a patient must not go
         * out twice. */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
}

void http_client_send(struct http_client *client, const struct http_call *what, http_answer_cb *cb,
                      void *arg)
{
    struct call *call = mem_new(1, sizeof(*call));

    call->client = client;
    call->cb = cb;
    call->arg = arg;
    call->easy = curl_easy_init();
    call->sent = what->body != NULL ? mem_dup(what->body, what->len) : mem_strdup("");
    call->headers = curl_slist_append(NULL, "Expect:"); /* no waiting for a "100 Continue" */
    for (int i = 0; what->headers != NULL && what->headers[i] != NULL; i++)
        call->headers = curl_slist_append(call->headers, what->headers[i]);
    if (call->easy == NULL || call->headers == NULL)
        log_fatal("out of memory");
    TAILQ_INSERT_TAIL(&client->calls, call, entry);
    call_set_options(call, what);
    if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK)
        log_fatal("libcurl does not take a request");
}

struct http_client *http_client_new(struct event_base *base, size_t max_answer)
{
    struct http_client *client = mem_new(1, sizeof(*client));

    client->base = base;
    client->max_answer = max_answer;
    TAILQ_INIT(&client->calls);
    TAILQ_INIT(&client->watches);
    client->multi = curl_multi_init();
    client->timer = evtimer_new(base, on_timer, client);
    if (client->multi == NULL || client->timer == NULL)
        log_fatal("out of memory");
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    return client;
}

void http_client_free(struct http_client *client)
{
    while (!TAILQ_EMPTY(&client->calls))
        call_free(TAILQ_FIRST(&client->calls));
    curl_multi_cleanup(client->multi);
    while (!TAILQ_EMPTY(&client->watches))
        watch_free(client, TAILQ_FIRST(&client->watches));
    event_free(client->timer);
    free(client);
}
