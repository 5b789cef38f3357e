/* sms_http.c - submits messages over HTTP. It knows no carrier by name, and repeats nothing. */
#include "channel/sms_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"

enum { SMS_HTTP_MAX_ANSWER = 256 * 1024 };

/* A message on the wire. */
struct wire {
    TAILQ_ENTRY(wire) entry;
    struct sms_http *link;
    struct event *timer; /* of one that cannot be built: NULL otherwise */
    const char *why;
    channel_done_cb *done;
    void *arg;
};

struct sms_http {
    struct event_base *base;
    const struct conf_carrier *conf;
    const struct provider *provider;
    void *self;
    struct http_client *http;
    struct channel channel;
    TAILQ_HEAD(, wire) wires;
    bool unreachable; /* said so in the log */
};

/* ---------------------------------------------------------------- what became of it */

static void set(struct provider_verdict *verdict, enum channel_outcome outcome, const char *error)
{
    verdict->outcome = outcome;
    snprintf(verdict->error, sizeof(verdict->error), "%s", error);
}

/* An answer of which the provider says nothing. */
static void judge_status(int status, bool asks_to_wait, struct provider_traits traits,
                         struct provider_verdict *verdict)
{
    char error[PROVIDER_ERROR_MAX];

    snprintf(error, sizeof(error), "http_%d", status);
    if (status >= 200 && status <= 299)
        set(verdict, CHANNEL_UNKNOWN, "not_understood");
    else if (status == 429 || (status == 503 && asks_to_wait))
        set(verdict, CHANNEL_THROTTLED, error);
    else if (status == 401 || status == 403)
        set(verdict, CHANNEL_LINK_DOWN, "auth_refused");
    else if (status < 400 || status == 402 || status == 404 || status == 405)
        set(verdict, CHANNEL_LINK_DOWN, error);
    else if (status == 408 || status == 425)
        set(verdict, CHANNEL_RETRY, error);
    else if (status < 500)
        set(verdict, CHANNEL_REJECTED, error);
    else if (status == 502 || status == 504 || traits.error_is_vague)
        set(verdict, traits.idempotent ? CHANNEL_RETRY : CHANNEL_UNKNOWN, error);
    else
        set(verdict, CHANNEL_RETRY, error);
}

void sms_http_judge(const struct provider *provider, const void *self,
                    const struct http_answer *answer, struct provider_verdict *verdict,
                    int *pause_s)
{
    struct provider_traits traits = provider->traits(self);

    *verdict = (struct provider_verdict){.outcome = CHANNEL_UNKNOWN};
    *pause_s = 0;
    switch (answer->outcome) {
    case HTTP_NOT_SENT:
        set(verdict, CHANNEL_LINK_DOWN, "not_reached");
        return;
    case HTTP_BROKEN:
        set(verdict, traits.idempotent ? CHANNEL_RETRY : CHANNEL_UNKNOWN, "wire_broke");
        return;
    case HTTP_ANSWERED:
        break;
    }
    if (!provider->read_answer(self, answer, verdict)) {
        *verdict = (struct provider_verdict){.outcome = CHANNEL_UNKNOWN};
        judge_status(answer->status, answer->retry_after_s >= 0, traits, verdict);
    }
    if (verdict->outcome == CHANNEL_ACCEPTED && traits.promises_id && verdict->id[0] == '\0')
        set(verdict, traits.idempotent ? CHANNEL_RETRY : CHANNEL_UNKNOWN, "no_id");
    if ((verdict->outcome == CHANNEL_THROTTLED || verdict->outcome == CHANNEL_LINK_DOWN) &&
        answer->retry_after_s > 0)
        *pause_s = answer->retry_after_s;
}

/* ---------------------------------------------------------------- the wire */

static void wire_end(struct wire *wire, const struct channel_result *result)
{
    TAILQ_REMOVE(&wire->link->wires, wire, entry);
    wire->done(wire->arg, result);
    if (wire->timer != NULL)
        event_free(wire->timer);
    free(wire);
}

static void note_reach(struct sms_http *link, const struct http_answer *answer)
{
    bool unreachable = answer->outcome == HTTP_NOT_SENT;

    if (unreachable && !link->unreachable)
        log_warning("carrier_unreachable", LOG_STR("link", link->conf->name),
                    LOG_STR("reason", answer->error));
    link->unreachable = unreachable;
}

static void wire_on_answer(void *arg, const struct http_answer *answer)
{
    struct wire *wire = arg;
    struct sms_http *link = wire->link;
    struct provider_verdict verdict;
    struct channel_result result = {0};

    note_reach(link, answer);
    sms_http_judge(link->provider, link->self, answer, &verdict, &result.pause_s);
    result.outcome = verdict.outcome;
    result.provider_id =
        verdict.outcome == CHANNEL_ACCEPTED && verdict.id[0] != '\0' ? verdict.id : NULL;
    result.error = verdict.error[0] != '\0' ? verdict.error : NULL;
    wire_end(wire, &result);
}

/* A message that this carrier's requests cannot express. */
static void wire_on_unbuilt(evutil_socket_t fd, short what, void *arg)
{
    struct wire *wire = arg;

    (void)fd;
    (void)what;
    wire_end(wire, &(struct channel_result){.outcome = CHANNEL_REJECTED, .error = wire->why});
}

static void refuse_later(struct wire *wire)
{
    struct timeval at_once = {0, 0};

    wire->timer = evtimer_new(wire->link->base, wire_on_unbuilt, wire);
    if (wire->timer == NULL)
        log_fatal("out of memory");
    event_add(wire->timer, &at_once);
}

static void sms_http_send(void *self, const struct channel_message *message, channel_done_cb *done,
                          void *arg)
{
    struct sms_http *link = self;
    struct wire *wire = mem_new(1, sizeof(*wire));
    struct provider_request request = {0};

    *wire = (struct wire){.link = link, .done = done, .arg = arg};
    TAILQ_INSERT_TAIL(&link->wires, wire, entry);
    if (!link->provider->build(link->self, message, &request, &wire->why))
        refuse_later(wire);
    else
        http_client_send(link->http,
                         &(struct http_call){
                             .method = request.method,
                             .url = request.url,
                             .headers = (const char *const *)request.headers,
                             .body = request.body != NULL ? request.body : "",
                             .len = request.len,
                             .timeout_ms = link->conf->timeout_seconds * 1000,
                             .allow_http = link->conf->allow_http,
                         },
                         wire_on_answer, wire);
    provider_request_free(&request);
}

/* ---------------------------------------------------------------- the link */

bool sms_http_check(const struct conf_carrier *conf, const char *public_url, char *error,
                    size_t size)
{
    const struct provider *provider = provider_find(conf->type);
    void *self = provider->open(conf, public_url, error, size);

    provider->close(self);
    return self != NULL;
}

struct sms_http *sms_http_new(struct event_base *base, const struct conf_carrier *conf,
                              const char *public_url, char *error, size_t size)
{
    struct sms_http *link = mem_new(1, sizeof(*link));

    link->base = base;
    link->conf = conf;
    link->provider = provider_find(conf->type);
    TAILQ_INIT(&link->wires);
    link->self = link->provider->open(conf, public_url, error, size);
    if (link->self == NULL) {
        free(link);
        return NULL;
    }
    link->http = http_client_new(base, SMS_HTTP_MAX_ANSWER);
    if (*conf->ca_file != '\0')
        http_client_set_ca_file(link->http, conf->ca_file);
    link->channel = (struct channel){
        .name = conf->name,
        .channel = "sms",
        .window = conf->window,
        .send_max_s = conf->timeout_seconds + 1,
        .send = sms_http_send,
        .self = link,
    };
    return link;
}

void sms_http_free(struct sms_http *link)
{
    struct wire *wire;

    if (link == NULL)
        return;
    http_client_free(link->http);
    while ((wire = TAILQ_FIRST(&link->wires)) != NULL) {
        TAILQ_REMOVE(&link->wires, wire, entry);
        if (wire->timer != NULL)
            event_free(wire->timer);
        free(wire);
    }
    link->provider->close(link->self);
    free(link);
}

const struct channel *sms_http_channel(const struct sms_http *link)
{
    return &link->channel;
}

struct carrier sms_http_carrier(const struct sms_http *link)
{
    return (struct carrier){
        .name = link->conf->name, .provider = link->provider, .self = link->self};
}
