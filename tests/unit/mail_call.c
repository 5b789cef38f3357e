/*
 * mail_call.c - sends the e-mails that it is told on standard input by channel/email.h, for
 * tests/io/test_email.py.
 *
 * Argument: the options, a JSON object. It says {"window", "send_max_s"}, or {"refused": reason}.
 * A line is a mail: {"id", "to", "subject", "text", "html", "language"}; its outcome is a line:
 * {"id", "outcome", "provider_id", "error", "pause_s"}. {"free": true} frees the channel, and says
 * {"freed": milliseconds, "unanswered": mails}. Ends with its input. Names that end in ".hang" take
 * `hang` seconds (of the options) not to resolve.
 */
#include <dlfcn.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <jansson.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "channel/email.h"

LIST_HEAD(sent_list, sent);

struct harness {
    struct event_base *base;
    struct email *email;
    struct sent_list sent; /* without an answer */
    int unanswered;
};

struct sent {
    LIST_ENTRY(sent) entry;
    struct harness *harness;
    json_int_t id;
    bool returned;
};

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static unsigned hang_s = 3;

/* The channel finds this one before the C library's. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    getaddrinfo_fn *next = NULL;

    if (node != NULL && strlen(node) > 5 && strcmp(node + strlen(node) - 5, ".hang") == 0) {
        sleep(hang_s);
        return EAI_AGAIN;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(node, service, hints, result);
}

static void say(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void on_done(void *arg, const struct channel_result *result)
{
    struct sent *sent = arg;

    if (!sent->returned)
        abort();
    sent->harness->unanswered--;
    say(json_pack("{s:I, s:s, s:s?, s:s?, s:i}", "id", sent->id, "outcome",
                  channel_outcome_word(result->outcome), "provider_id", result->provider_id,
                  "error", result->error, "pause_s", result->pause_s));
    LIST_REMOVE(sent, entry);
    free(sent);
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static const char *option(const json_t *options, const char *key)
{
    const char *text = text_at(options, key);

    return text != NULL ? text : "";
}

static int number(const json_t *options, const char *key, int fallback)
{
    const json_t *value = json_object_get(options, key);

    return value != NULL ? (int)json_integer_value(value) : fallback;
}

static void send_mail(struct harness *harness, const json_t *line)
{
    const struct channel *channel = email_channel(harness->email);
    struct sent *sent = mem_new(1, sizeof(*sent));
    char *copies[] = {mem_strdup(option(line, "to")), mem_strdup(option(line, "subject")),
                      mem_strdup(option(line, "text"))};
    struct channel_message message = {
        .id = json_integer_value(json_object_get(line, "id")),
        .recipient = copies[0],
        .subject = copies[1],
        .text = copies[2],
        .html = text_at(line, "html"),
        .language = text_at(line, "language"),
    };

    sent->harness = harness;
    sent->id = message.id;
    harness->unanswered++;
    LIST_INSERT_HEAD(&harness->sent, sent, entry);
    channel->send(channel->self, &message, on_done, sent);
    sent->returned = true;
    for (size_t i = 0; i < MEM_COUNT(copies); i++) {
        memset(copies[i], 'x', strlen(copies[i])); /* all of it has been copied */
        free(copies[i]);
    }
}

static void free_email(struct harness *harness)
{
    int64_t before = clock_elapsed_ms();

    email_free(harness->email);
    harness->email = NULL;
    say(json_pack("{s:I, s:i}", "freed", (json_int_t)(clock_elapsed_ms() - before), "unanswered",
                  harness->unanswered));
}

static void on_input(struct bufferevent *bev, void *arg)
{
    struct harness *harness = arg;
    char *text;

    while ((text = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF)) != NULL) {
        json_t *line = json_loads(text, 0, NULL);

        if (line == NULL || harness->email == NULL)
            abort();
        if (json_is_true(json_object_get(line, "free")))
            free_email(harness);
        else
            send_mail(harness, line);
        json_decref(line);
        free(text);
    }
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
    struct harness *harness = arg;

    (void)bev;
    (void)what;
    event_base_loopexit(harness->base, NULL);
}

static void start(struct harness *harness, const json_t *json)
{
    struct email_options options = {
        .relay = option(json, "relay"),
        .starttls = !json_is_false(json_object_get(json, "starttls")),
        .ca_file = option(json, "ca_file"),
        .user = option(json, "user"),
        .password_file = option(json, "password_file"),
        .from = option(json, "from"),
        .from_name = option(json, "from_name"),
        .sessions = number(json, "sessions", 1),
        .messages_per_session = number(json, "messages_per_session", 100),
        .timeout_s = number(json, "timeout_s", 5),
    };
    char error[512] = "";

    harness->email = email_new(harness->base, &options, error, sizeof(error));
    if (harness->email == NULL)
        say(json_pack("{s:s}", "refused", error));
    else
        say(json_pack("{s:i, s:i}", "window", email_channel(harness->email)->window, "send_max_s",
                      email_channel(harness->email)->send_max_s));
}

int main(int argc, char **argv)
{
    struct harness harness = {0};
    json_t *options = argc > 1 ? json_loads(argv[1], 0, NULL) : NULL;

    if (options == NULL)
        return 2;
    log_open("mail_call", LOG_LEVEL_DEBUG);
    signal(SIGPIPE, SIG_IGN);
    hang_s = (unsigned)number(options, "hang", 3);
    harness.base = event_base_new();
    start(&harness, options);
    if (harness.email != NULL) {
        struct bufferevent *input = bufferevent_socket_new(harness.base, STDIN_FILENO, 0);

        bufferevent_setcb(input, on_input, NULL, on_end, &harness);
        bufferevent_enable(input, EV_READ);
        event_base_dispatch(harness.base);
        bufferevent_free(input);
        email_free(harness.email);
    }
    for (struct sent *sent = LIST_FIRST(&harness.sent), *next; sent != NULL; sent = next) {
        next = LIST_NEXT(sent, entry);
        free(sent);
    }
    json_decref(options);
    event_base_free(harness.base);
    return 0;
}
