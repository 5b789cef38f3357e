/*
 * http_call.c - sends what it is told on standard input by io/http_client.h, for
 * tests/io/test_http_client.py.
 *
 * A line: ID METHOD URL TIMEOUT_MS ALLOW_HTTP BODY HEADER..., apart by tabs; BODY and HEADERs in
 * hexadecimal. The answer is a line: ID OUTCOME STATUS RETRY_AFTER ERROR BODY, apart by tabs. An ID
 * that begins with "again" is sent anew in its callback (as "second"), one that begins with "free"
 * frees the client there. Other lines: "ca PATH", "free". Ends with its input. Argument:
 * max_answer. Names that end in ".hang" take three seconds not to resolve.
 */
#include <dlfcn.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/http_client.h"

enum { FIELDS_MAX = 20 };

LIST_HEAD(sent_list, sent);

struct harness {
    struct event_base *base;
    struct http_client *client;
    struct sent_list sent; /* without an answer */
};

struct sent {
    LIST_ENTRY(sent) entry;
    struct harness *harness;
    char *line;
    char *id;
    bool returned;
};

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* libcurl finds this one before the C library's. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    getaddrinfo_fn *next = NULL;

    if (node != NULL && strlen(node) > 5 && strcmp(node + strlen(node) - 5, ".hang") == 0) {
        sleep(3);
        return EAI_AGAIN;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(node, service, hints, result);
}

static void send_line(struct harness *harness, const char *line);

static void sent_free(struct sent *sent)
{
    LIST_REMOVE(sent, entry);
    free(sent->line);
    free(sent->id);
    free(sent);
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    static const char *const outcomes[] = {"ANSWERED", "NOT_SENT", "BROKEN"};
    struct sent *sent = arg;
    struct harness *harness = sent->harness;

    if (!sent->returned || answer->body[answer->len] != '\0')
        abort();
    printf("%s\t%s\t%d\t%d\t%s\t", sent->id, outcomes[answer->outcome], answer->status,
           answer->retry_after_s, answer->error);
    for (size_t i = 0; i < answer->len; i++)
        printf("%02x", (unsigned char)answer->body[i]);
    printf("\n");
    fflush(stdout);
    if (strncmp(sent->id, "again", 5) == 0) {
        char *again = mem_printf("second%s", strchr(sent->line, '\t'));
        send_line(harness, again);
        free(again);
    } else if (strncmp(sent->id, "free", 4) == 0) {
        http_client_free(harness->client);
        harness->client = NULL;
    }
    sent_free(sent);
}

static size_t unhex(char *text)
{
    size_t len = strlen(text) / 2;

    for (size_t i = 0; i < len; i++) {
        char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};

        text[i] = (char)strtol(byte, NULL, 16);
    }
    text[len] = '\0';
    return len;
}

static void send_line(struct harness *harness, const char *line)
{
    struct sent *sent = mem_new(1, sizeof(*sent));
    char *copy = mem_strdup(line);
    char *rest = copy;
    char *fields[FIELDS_MAX + 1] = {NULL};
    int count = 0;

    while (count < FIELDS_MAX && (fields[count] = strsep(&rest, "\t")) != NULL)
        count++;
    if (count < 6)
        abort();
    struct http_call call = {
        .method = fields[1],
        .url = fields[2],
        .timeout_ms = atoi(fields[3]),
        .allow_http = fields[4][0] == '1',
        .body = fields[5],
        .len = unhex(fields[5]),
        .headers = count > 6 ? (const char *const *)&fields[6] : NULL,
    };
    for (int i = 6; i < count; i++)
        unhex(fields[i]);
    sent->harness = harness;
    sent->line = mem_strdup(line);
    sent->id = mem_strdup(fields[0]);
    LIST_INSERT_HEAD(&harness->sent, sent, entry);
    http_client_send(harness->client, &call, on_answer, sent);
    sent->returned = true;
    memset(copy, 'x', strlen(line)); /* all of it has been copied */
    free(copy);
}

static void on_line(struct harness *harness, const char *line)
{
    if (strncmp(line, "ca ", 3) == 0) {
        http_client_set_ca_file(harness->client, line + 3);
    } else if (strcmp(line, "free") == 0) {
        http_client_free(harness->client);
        harness->client = NULL;
        printf("freed\n");
        fflush(stdout);
    } else {
        send_line(harness, line);
    }
}

static void on_input(struct bufferevent *bev, void *arg)
{
    char *line;

    while ((line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF)) != NULL) {
        on_line(arg, line);
        free(line);
    }
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
    struct harness *harness = arg;

    (void)bev;
    (void)what;
    event_base_loopexit(harness->base, NULL);
}

int main(int argc, char **argv)
{
    struct harness harness = {0};

    log_open("http_call", LOG_LEVEL_DEBUG);
    signal(SIGPIPE, SIG_IGN);
    harness.base = event_base_new();
    harness.client = http_client_new(harness.base, argc > 1 ? (size_t)atol(argv[1]) : 65536);
    struct bufferevent *input = bufferevent_socket_new(harness.base, STDIN_FILENO, 0);
    bufferevent_setcb(input, on_input, NULL, on_end, &harness);
    bufferevent_enable(input, EV_READ);
    event_base_dispatch(harness.base);
    bufferevent_free(input);
    http_client_free(harness.client);
    for (struct sent *sent = LIST_FIRST(&harness.sent), *next; sent != NULL; sent = next) {
        next = LIST_NEXT(sent, entry);
        sent_free(sent);
    }
    event_base_free(harness.base);
    return 0;
}
