/* links.c - opens the links that the configuration names. It does no work of the domain. */
#include "bin/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "channel/email.h"
#include "channel/sms_http.h"
#include "flow/deliver.h"

struct links {
    struct links_options options;
    const struct setup *setup;
    struct sandbox *sandbox;
    struct email *email;
    struct sms_http **http; /* in the order of the configuration */
    size_t http_count;
    struct carrier *carriers;
    size_t carrier_count;
    struct deliver **delivers;
    size_t count;
};

static struct deliver_rules deliver_rules(const struct setup *setup)
{
    return (struct deliver_rules){
        .wording = setup->wording,
        .keyring = setup->keyring,
        .links_base_url = setup->conf->links.base_url,
        .console_url = setup->conf->links.console_url,
        .lease_s = setup->conf->delivery.lease_seconds,
        .poll_s = setup->conf->delivery.poll_seconds,
    };
}

static void add(struct links *links, const struct channel *channel)
{
    struct deliver_rules rules = deliver_rules(links->setup);

    links->delivers = mem_grow(links->delivers, links->count + 1, sizeof(struct deliver *));
    links->delivers[links->count++] = deliver_new(links->options.base, links->options.store,
                                                  links->options.instance, channel, &rules);
    log_info("link_opened", LOG_STR("link", channel->name), LOG_STR("channel", channel->channel));
}

static void add_carrier(struct links *links, struct carrier carrier)
{
    links->carriers = mem_grow(links->carriers, links->carrier_count + 1, sizeof(*links->carriers));
    links->carriers[links->carrier_count++] = carrier;
}

/* The carrier's requests come back to our own listener. */
static bool open_sandbox(struct links *links)
{
    const struct conf *conf = links->setup->conf;
    char *url =
        mem_printf("http://%.*s:%d", (int)(strrchr(conf->http.listen, ':') - conf->http.listen),
                   conf->http.listen, links->options.port);
    struct sandbox_options options = {
        .spool = conf->sandbox.spool,
        .number = conf->sandbox.number,
        .window = conf->sandbox.window,
        .delay_ms = conf->sandbox.delay_milliseconds,
        .receipt_ms = conf->sandbox.receipt_milliseconds,
        .webhook_url = url,
        .keyring = links->setup->keyring,
        .http = links->options.http,
    };
    char error[512];

    links->sandbox = sandbox_new(links->options.base, &options, error, sizeof(error));
    free(url);
    if (links->sandbox == NULL) {
        log_error("sandbox_refused", LOG_STR("reason", error));
        return false;
    }
    add(links, sandbox_channel(links->sandbox));
    add_carrier(links, (struct carrier){.name = SANDBOX_LINK,
                                        .provider = &provider_sandbox,
                                        .self = links->sandbox});
    /* Its mailbox takes what a relay would. */
    if (*conf->email.relay == '\0')
        add(links, sandbox_mailbox(links->sandbox));
    return true;
}

/* Carriers that are reached over HTTP. */
static bool open_carriers(struct links *links)
{
    const struct conf *conf = links->setup->conf;
    char error[512];

    links->http = mem_new(conf->carriers->count, sizeof(struct sms_http *));
    for (size_t i = 0; i < conf->carriers->count; i++) {
        struct sms_http *http = sms_http_new(links->options.base, &conf->carriers->items[i],
                                             conf->http.public_url, error, sizeof(error));

        if (http == NULL) {
            log_error("carrier_refused", LOG_STR("link", conf->carriers->items[i].name),
                      LOG_STR("reason", error));
            return false;
        }
        links->http[links->http_count++] = http;
        add(links, sms_http_channel(http));
        add_carrier(links, sms_http_carrier(http));
    }
    return true;
}

static bool open_email(struct links *links)
{
    const struct conf *conf = links->setup->conf;
    struct email_options options = {
        .relay = conf->email.relay,
        .starttls = conf->email.starttls,
        .ca_file = conf->email.ca_file,
        .user = conf->email.user,
        .password_file = conf->email.password_file,
        .from = conf->email.from,
        .from_name = conf->email.from_name,
        .sessions = conf->email.sessions,
        .messages_per_session = conf->email.messages_per_session,
        .timeout_s = conf->email.timeout_seconds,
    };
    char error[512];

    links->email = email_new(links->options.base, &options, error, sizeof(error));
    if (links->email == NULL) {
        log_error("email_refused", LOG_STR("reason", error));
        return false;
    }
    add(links, email_channel(links->email));
    return true;
}

/* Those that send on one channel are told of each other. */
static void tell_of_others(struct links *links)
{
    for (size_t i = 0; i < links->count; i++)
        for (size_t k = 0; k < links->count; k++)
            if (i != k && strcmp(deliver_channel(links->delivers[i]),
                                 deliver_channel(links->delivers[k])) == 0)
                deliver_set_shared(links->delivers[i]);
}

static void tell_of_none(const struct links *links, const char *channel)
{
    for (size_t i = 0; i < links->count; i++)
        if (strcmp(deliver_channel(links->delivers[i]), channel) == 0)
            return;
    log_warning("no_carrier", LOG_STR("channel", channel),
                LOG_STR("meaning", "messages wait in the queue, and none is sent"));
}

struct links *links_open(const struct links_options *options, const struct setup *setup)
{
    struct links *links = mem_new(1, sizeof(*links));

    links->options = *options;
    links->setup = setup;
    if ((setup->conf->sandbox.enabled && !open_sandbox(links)) ||
        (*setup->conf->email.relay != '\0' && !open_email(links)) || !open_carriers(links)) {
        links_close(links);
        links_free(links);
        return NULL;
    }
    tell_of_others(links);
    tell_of_none(links, "sms");
    tell_of_none(links, "email");
    return links;
}

struct sandbox *links_sandbox(struct links *links)
{
    return links->sandbox;
}

const struct carrier *links_carriers(const struct links *links, size_t *count)
{
    *count = links->carrier_count;
    return links->carriers;
}

void links_apply(struct links *links, const struct setup *setup)
{
    struct deliver_rules rules = deliver_rules(setup);

    links->setup = setup;
    for (size_t i = 0; i < links->count; i++)
        deliver_set_rules(links->delivers[i], &rules);
    if (links->sandbox != NULL)
        sandbox_set_keyring(links->sandbox, setup->keyring);
}

void links_wake(struct links *links)
{
    for (size_t i = 0; i < links->count; i++)
        deliver_wake(links->delivers[i]);
}

void links_stop(struct links *links)
{
    for (size_t i = 0; i < links->count; i++)
        deliver_stop(links->delivers[i]);
}

int links_busy(const struct links *links)
{
    int busy = 0;

    for (size_t i = 0; i < links->count; i++)
        busy += deliver_busy(links->delivers[i]);
    return busy;
}

void links_close(struct links *links)
{
    for (size_t i = 0; i < links->http_count; i++)
        sms_http_free(links->http[i]);
    links->http_count = 0;
    sandbox_free(links->sandbox);
    links->sandbox = NULL;
    email_free(links->email);
    links->email = NULL;
}

void links_free(struct links *links)
{
    for (size_t i = 0; i < links->count; i++)
        deliver_free(links->delivers[i]);
    free(links->delivers);
    free(links->carriers);
    free(links->http);
    free(links);
}
