/*
 * http_client.c - HTTP requests by libcurl's multi interface on the event loop. It must know no
 * provider, and never let one request be sent twice or a byte of it go elsewhere than to the URL's
 * own host.
 *
 * Three things that libcurl does by itself are undone here, for a request may be an SMS to a
 * patient:
 *
 * It sends a POST a second time, and says nothing of it, when a connection that was kept from an
 * earlier request ends before the first byte of an answer; but the peer may have acted on it before
 * it closed. It asks on_request() before each time, though, and that one refuses the second where
 * bytes of the first went out.
 *
 * It calls an answer whole that ends inside its header. So the empty line is looked for.
 *
 * When time runs out while a name is being resolved it waits for the resolver, and the loop with it
 * (CURLOPT_QUICK_EXIT).
 */
#include "io/http_client.h"

#include <config.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    HEADER_MAX = 65536,
    RETRY_AFTER_MAX_S = 86400,
    KEPT_CONNECTIONS = 32,
};

/* RFC 9110, 5.5: no control characters but the tab. */
static bool is_field_value(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

struct call {
    TAILQ_ENTRY(call) entry;
    struct http_client *client;
    CURL *easy; /* NULL where the call was refused before libcurl had it */
    struct curl_slist *headers;
    char *request;
    http_answer_cb *cb;
    void *arg;
    bool repeatable;  /* sending it twice does no harm: GET, HEAD */
    bool answer_read; /* the empty line behind the header has come */
    bool too_long;
    const char *error; /* ours; else libcurl's */
    size_t header_len; /* of all that came */
    char *header;      /* of the answer itself: names and values, a NUL behind each */
    size_t header_kept;
    char *body;
    size_t len, room;
    int retry_after_s;
};

TAILQ_HEAD(call_list, call);

struct http_client {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;    /* libcurl's */
    struct event *deferred; /* gives calls back that were refused at once */
    struct call_list calls; /* libcurl has them */
    struct call_list refused;
    size_t max_answer;
    char *ca_file;
    int depth; /* event handlers under way */
    bool freed;
};

/* ---------------------------------------------------------------- what libcurl asks and gives */

/* Whether a byte of the request, or of an earlier attempt at it, has gone out. libcurl counts what
 * its first write takes as the request's, and the rest as an upload. */
static bool has_sent(const struct call *call)
{
    long request = 0;
    curl_off_t upload = 0;

    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &request);
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &upload);
    return request > 0 || upload > 0;
}

/* The connection stands and the request is about to be sent. */
static int on_request(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct call *call = arg;

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (call->repeatable || !has_sent(call))
        return CURL_PREREQFUNC_OK;
    call->error = "the connection ended without an answer";
    return CURL_PREREQFUNC_ABORT;
}

/* RFC 9110, 10.2.3: seconds, or a date. */
static int parse_retry_after(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits > 0 && text[digits] == '\0')
        return digits > 5 || atoi(text) > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : atoi(text);
    time_t date = curl_getdate(text, NULL);
    if (date == -1)
        return -1;
    time_t wait = date - time(NULL);
    if (wait < 0)
        return 0;
    return wait > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (int)wait;
}

static void note_retry_after(struct call *call, const char *line, size_t len)
{
    static const char name[] = "Retry-After:";

    if (len < strlen(name) || strncasecmp(line, name, strlen(name)) != 0)
        return;
    char *value = mem_strndup(line + strlen(name), len - strlen(name));
    char *start = value + strspn(value, " \t");
    size_t end = strlen(start);
    while (end > 0 && strchr(" \t\r\n", start[end - 1]) != NULL)
        start[--end] = '\0';
    call->retry_after_s = parse_retry_after(start);
    free(value);
}

/* Keeps "Name: value" as name and value; no other line has a colon behind a name. */
static void keep_header(struct call *call, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len), *value;

    if (colon == NULL || memchr(line, '\0', len) != NULL)
        return;
    value = colon + 1;
    while (value < line + len && (*value == ' ' || *value == '\t'))
        value++;
    while (line + len > value && strchr(" \t\r\n", line[len - 1]) != NULL)
        len--;
    call->header = mem_grow(call->header, call->header_kept + len + 3, 1);
    memcpy(call->header + call->header_kept, line, (size_t)(colon - line));
    call->header_kept += (size_t)(colon - line);
    call->header[call->header_kept++] = '\0';
    memcpy(call->header + call->header_kept, value, (size_t)(line + len - value));
    call->header_kept += (size_t)(line + len - value);
    call->header[call->header_kept++] = '\0';
    call->header[call->header_kept] = '\0';
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
    const char *at = answer->header;

    while (at != NULL && *at != '\0') {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* A line of a header. There may be several headers: "100 Continue" and the like come before the
 * answer's. */
static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    size_t len = size * count;

    call->header_len += len;
    if (call->header_len > HEADER_MAX) {
        call->too_long = true;
        return 0;
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        call->retry_after_s = -1;
        call->answer_read = false;
        call->header_kept = 0;
        if (call->header != NULL)
            call->header[0] = '\0';
    }
    if (len > 0 && (line[0] == '\r' || line[0] == '\n'))
        call->answer_read = true;
    note_retry_after(call, line, len);
    keep_header(call, line, len);
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    size_t len = size * count;

    if (call->len + len > call->client->max_answer) {
        call->too_long = true;
        return 0;
    }
    if (call->len + len + 1 > call->room) {
        call->room = (call->len + len) * 2 + 1;
        call->body = mem_grow(call->body, call->room, 1);
    }
    memcpy(call->body + call->len, bytes, len);
    call->len += len;
    call->body[call->len] = '\0';
    return len;
}

/* ---------------------------------------------------------------- answers */

static void call_free(struct call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call->request);
    free(call->header);
    free(call->body);
    free(call);
}

static void call_judge(const struct call *call, CURLcode code, struct http_answer *answer)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && call->answer_read) {
        answer->outcome = HTTP_ANSWERED;
        answer->status = (int)status;
        answer->retry_after_s = call->retry_after_s;
        answer->len = call->len;
        answer->header = call->header;
        if (call->body != NULL)
            answer->body = call->body;
        return;
    }
    answer->outcome = has_sent(call) ? HTTP_BROKEN : HTTP_NOT_SENT;
    if (call->too_long)
        answer->error = "answer too long";
    else if (call->error != NULL)
        answer->error = call->error;
    else if (code == CURLE_OK)
        answer->error = "the answer ended in its header";
    else
        answer->error = curl_easy_strerror(code);
}

static void call_finish(struct call *call, CURLcode code)
{
    struct http_answer answer = {
        .outcome = HTTP_NOT_SENT, .body = "", .retry_after_s = -1, .error = ""};

    if (call->easy != NULL)
        call_judge(call, code, &answer);
    else
        answer.error = call->error;
    curl_easy_cleanup(call->easy); /* the callback may free the client */
    call->easy = NULL;
    call->cb(call->arg, &answer);
    call_free(call);
}

/* A callback may send more, and may free the client. */
static void collect(struct http_client *client)
{
    CURLMsg *message;
    int left = 0;

    while (!client->freed && (message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct call *call = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        curl_multi_remove_handle(client->multi, call->easy); /* `message` is gone */
        TAILQ_REMOVE(&client->calls, call, entry);
        call_finish(call, code);
    }
}

static void enter(struct http_client *client)
{
    client->depth++;
}

static void leave(struct http_client *client)
{
    if (--client->depth == 0 && client->freed)
        free(client);
}

/* ---------------------------------------------------------------- libcurl on the loop */

static void drive(struct http_client *client, curl_socket_t fd, int what)
{
    int running = 0;

    enter(client);
    curl_multi_socket_action(client->multi, fd, what, &running);
    collect(client);
    leave(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    drive(arg, fd,
          ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
              ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

/* libcurl must not be called back from here: at 0 ms, too, it is the loop's turn first. */
static int set_timer(CURLM *multi, long ms, void *arg)
{
    struct http_client *client = arg;
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)multi;
    if (ms < 0)
        event_del(client->timer);
    else
        event_add(client->timer, &wait);
    return 0;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *client = arg;
    struct event *event = socket_arg;

    (void)easy;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        short events = EV_PERSIST;

        if (what != CURL_POLL_OUT)
            events |= EV_READ;
        if (what != CURL_POLL_IN)
            events |= EV_WRITE;
        event = event_new(client->base, fd, events, on_socket, client);
        event_add(event, NULL);
    }
    curl_multi_assign(client->multi, fd, event);
    return 0;
}

static void on_deferred(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    struct call *call;

    (void)fd;
    (void)what;
    enter(client);
    while (!client->freed && (call = TAILQ_FIRST(&client->refused)) != NULL) {
        TAILQ_REMOVE(&client->refused, call, entry);
        call_finish(call, CURLE_OK);
    }
    leave(client);
}

/* ---------------------------------------------------------------- sending */

static void must(CURLcode code)
{
    if (code != CURLE_OK)
        log_fatal("libcurl refused an option");
}

static bool has_header(const char *const *headers, const char *name)
{
    size_t len = strlen(name);

    for (; headers != NULL && *headers != NULL; headers++)
        if (strncasecmp(*headers, name, len) == 0)
            return true;
    return false;
}

static void add_header(struct call *call, const char *header)
{
    call->headers = curl_slist_append(call->headers, header);
    if (call->headers == NULL)
        log_fatal("out of memory");
}

/* False where one could begin another: a line feed in it. */
static bool set_headers(struct call *call, const char *const *headers)
{
    if (!has_header(headers, "Content-Type:"))
        add_header(call, "Content-Type:"); /* none, instead of a form */
    add_header(call, "Expect:"); /* no waiting for "100 Continue", and no sending again at 417 */
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strchr(*headers, ':') == NULL || !is_field_value(*headers))
            return false;
        add_header(call, *headers);
    }
    must(curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers));
    return true;
}

static void set_method(struct call *call, const struct http_call *from)
{
    CURL *easy = call->easy;

    if (strcmp(from->method, "HEAD") == 0) {
        must(curl_easy_setopt(easy, CURLOPT_NOBODY, 1L));
    } else if (strcmp(from->method, "GET") != 0) {
        call->request = mem_dup(from->body, from->len);
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)from->len));
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->request));
        must(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, from->method));
    }
    call->repeatable = strcmp(from->method, "GET") == 0 || strcmp(from->method, "HEAD") == 0;
}

/* Straight to the URL's host and nowhere else, whatever the environment says. */
static void set_limits(CURL *easy, const struct http_call *from, const char *ca_file)
{
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, from->allow_http ? "http,https" : "https"));
    must(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    must(curl_easy_setopt(easy, CURLOPT_PROXY, ""));
    must(curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L));
    must(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    if (ca_file != NULL)
        must(curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file));
    /* With HTTP/2 there are more ways for a request to be sent again. */
    must(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
    must(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, from->timeout_ms > 0 ? from->timeout_ms : 1L));
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    must(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
}

static void set_callbacks(struct call *call)
{
    must(curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call));
    must(curl_easy_setopt(call->easy, CURLOPT_PREREQFUNCTION, on_request));
    must(curl_easy_setopt(call->easy, CURLOPT_PREREQDATA, call));
    must(curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header));
    must(curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call));
    must(curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body));
    must(curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call));
}

static void refuse(struct http_client *client, struct call *call, const char *error)
{
    static const struct timeval at_once = {0};

    curl_easy_cleanup(call->easy);
    call->easy = NULL;
    call->error = error;
    TAILQ_INSERT_TAIL(&client->refused, call, entry);
    event_add(client->deferred, &at_once);
}

void http_client_send(struct http_client *client, const struct http_call *from, http_answer_cb *cb,
                      void *arg)
{
    struct call *call = mem_new(1, sizeof(*call));

    call->client = client;
    call->cb = cb;
    call->arg = arg;
    call->retry_after_s = -1;
    call->easy = curl_easy_init();
    if (call->easy == NULL)
        log_fatal("out of memory");
    set_limits(call->easy, from, client->ca_file);
    set_callbacks(call);
    set_method(call, from);
    must(curl_easy_setopt(call->easy, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION));
    if (!set_headers(call, from->headers)) {
        refuse(client, call, "a header is malformed");
        return;
    }
    if (curl_easy_setopt(call->easy, CURLOPT_URL, from->url) != CURLE_OK) {
        refuse(client, call, "the URL is malformed");
        return;
    }
    TAILQ_INSERT_TAIL(&client->calls, call, entry);
    if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK)
        log_fatal("libcurl took no request");
}

/* ---------------------------------------------------------------- the client */

struct http_client *http_client_new(struct event_base *base, size_t max_answer)
{
    struct http_client *client = mem_new(1, sizeof(*client));

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        log_fatal("libcurl does not start");
    client->base = base;
    client->max_answer = max_answer;
    TAILQ_INIT(&client->calls);
    TAILQ_INIT(&client->refused);
    client->multi = curl_multi_init();
    if (client->multi == NULL)
        log_fatal("out of memory");
    client->timer = evtimer_new(base, on_timer, client);
    client->deferred = evtimer_new(base, on_deferred, client);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    return client;
}

void http_client_set_ca_file(struct http_client *client, const char *path)
{
    free(client->ca_file);
    client->ca_file = path != NULL ? mem_strdup(path) : NULL;
}

static void abandon(struct http_client *client, struct call_list *calls)
{
    struct call *call;

    while ((call = TAILQ_FIRST(calls)) != NULL) {
        TAILQ_REMOVE(calls, call, entry);
        if (call->easy != NULL)
            curl_multi_remove_handle(client->multi, call->easy);
        call_free(call);
    }
}

void http_client_free(struct http_client *client)
{
    if (client == NULL || client->freed)
        return;
    enter(client);
    client->freed = true;
    abandon(client, &client->calls);
    abandon(client, &client->refused);
    curl_multi_cleanup(client->multi);
    event_free(client->timer);
    event_free(client->deferred);
    free(client->ca_file);
    curl_global_cleanup();
    leave(client);
}
