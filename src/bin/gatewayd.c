/*
 * gatewayd.c - the daemon: builds the parts, ties them together, and ends them in order. It does no
 * work of the domain.
 */
#include "config.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bin/links.h"
#include "bin/service.h"
#include "bin/setup.h"
#include "flow/alert.h"
#include "flow/receive.h"
#include "flow/remind.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "store/chores.h"
#include "store/store.h"

enum {
    GATEWAY_BEAT_S = 10,
    GATEWAY_MAX_HEADERS = 16384,
    GATEWAY_REQUEST_TIMEOUT_S = 60,
    GATEWAY_MAX_ANSWER = 1 << 20,
    GATEWAY_DRAIN_STEP_MS = 20,
};

struct gateway {
    const char *config_path;
    struct setup *setup;
    struct event_base *base;
    struct service *service;
    struct store *store;
    struct http_client *http;
    struct http_server *server;
    struct links *links; /* NULL where they could not be opened */
    struct receive *receive;
    struct remind *remind;
    struct alert *alert;
    struct api api;
    struct event *signals[3];
    struct event *beat;
    struct event *drain;
    int64_t drain_until; /* of clock_elapsed_s() */
    char instance[STORE_UUID_MAX];
    char host[256];
    bool ready; /* the database was up once */
    bool draining;
    int exit_status;
};

/* ---------------------------------------------------------------- what depends on the
 * configuration */

static struct http_limits http_limits(const struct conf *conf)
{
    return (struct http_limits){
        .max_body = (size_t)conf->http.max_body_bytes,
        .max_headers = GATEWAY_MAX_HEADERS,
        .max_connections = conf->http.max_connections,
        .idle_timeout_s = conf->http.idle_timeout_seconds,
        .request_timeout_s = GATEWAY_REQUEST_TIMEOUT_S,
    };
}

static struct receive_rules receive_rules(const struct setup *setup)
{
    return (struct receive_rules){
        .wording = setup->wording,
        .spo2_required = setup->conf->reports.spo2_required,
        .confirm_by_sms = setup->conf->codes.confirm_by_sms,
        .keyring = setup->keyring,
    };
}

/* Every part that holds something of the setup gets the new one. */
static void gateway_apply(struct gateway *gateway)
{
    const struct setup *setup = gateway->setup;
    struct http_limits limits = http_limits(setup->conf);
    struct receive_rules receive = receive_rules(setup);

    log_set_level(setup->conf->log.level);
    http_server_set_limits(gateway->server, &limits);
    receive_set_rules(gateway->receive, &receive);
    remind_set_tick(gateway->remind, setup->conf->reminders.tick_seconds);
    alert_set_tick(gateway->alert, setup->conf->reminders.tick_seconds);
    links_apply(gateway->links, setup);
    gateway->api.keyring = setup->keyring;
    gateway->api.code_digits = setup->conf->codes.digits;
}

/* ---------------------------------------------------------------- reload */

static void log_reload_fault(void *arg, const char *fault)
{
    (void)arg;
    log_error("reload_fault", LOG_STR("fault", fault));
}

static void log_needs_restart(void *arg, const char *option)
{
    (void)arg;
    log_warning("reload_needs_restart", LOG_STR("option", option));
}

static void gateway_reload(struct gateway *gateway)
{
    struct setup *old = gateway->setup, *new_setup;

    if (gateway->draining) {
        log_info("reload_refused", LOG_STR("reason", "the daemon is ending"));
        return;
    }
    if (gateway->ready) /* on its way up it is not ready after this either */
        service_reloading();
    new_setup = setup_load(gateway->config_path, log_reload_fault, NULL);
    if (new_setup == NULL) {
        log_error("reload_refused", LOG_STR("in_force", "the old configuration"));
    } else {
        conf_keep_restart_options(old->conf, new_setup->conf, log_needs_restart, NULL);
        gateway->setup = new_setup;
        gateway_apply(gateway);
        setup_free(old);
        log_info("reloaded", LOG_STR("config", gateway->config_path));
    }
    if (gateway->ready)
        service_ready();
}

/* ---------------------------------------------------------------- stop */

static void gateway_exit(struct gateway *gateway, int status)
{
    gateway->exit_status = status;
    event_base_loopexit(gateway->base, NULL);
}

static bool gateway_is_idle(const struct gateway *gateway)
{
    return links_busy(gateway->links) == 0 && receive_busy(gateway->receive) == 0 &&
           http_server_busy(gateway->server) == 0 && store_pending(gateway->store) == 0;
}

static void gateway_on_drain(evutil_socket_t fd, short what, void *arg)
{
    struct gateway *gateway = arg;
    struct timeval step = {0, GATEWAY_DRAIN_STEP_MS * 1000};

    (void)fd;
    (void)what;
    if (gateway_is_idle(gateway)) {
        log_info("stopped", LOG_STR("state", "drained"));
        gateway_exit(gateway, 0);
    } else if (clock_elapsed_s() > gateway->drain_until) {
        /* Nothing is lost: what is on the wire stands under its lease. */
        log_warning("stopped", LOG_STR("state", "drain timed out"),
                    LOG_INT("messages", links_busy(gateway->links)));
        gateway_exit(gateway, 0);
    } else {
        event_add(gateway->drain, &step);
    }
}

static void gateway_stop(struct gateway *gateway, const char *why)
{
    struct timeval at_once = {0, 0};

    if (gateway->draining) {
        log_warning("stopped", LOG_STR("state", "not drained: asked twice"));
        gateway_exit(gateway, 0);
        return;
    }
    gateway->draining = true;
    log_info("stopping", LOG_STR("reason", why));
    service_stopping();
    http_server_stop(gateway->server);
    remind_stop(gateway->remind);
    alert_stop(gateway->alert);
    links_stop(gateway->links);
    gateway->drain_until = clock_elapsed_s() + gateway->setup->conf->shutdown.drain_seconds;
    event_add(gateway->drain, &at_once);
}

static void gateway_on_signal(evutil_socket_t signo, short what, void *arg)
{
    struct gateway *gateway = arg;

    (void)what;
    if (signo != SIGHUP)
        gateway_stop(gateway, signo == SIGTERM ? "SIGTERM" : "SIGINT");
    else if (!gateway->draining)
        gateway_reload(gateway);
}

/* ---------------------------------------------------------------- the database */

/* A held clock is for tests alone: with real patients it would stop every reminder and expiry. */
static void beat_on_word(void *arg, enum db_outcome outcome, const char *held)
{
    struct gateway *gateway = arg;

    if (outcome != DB_OK || held[0] == '\0' || gateway->setup->conf->sandbox.enabled)
        return;
    log_error("clock_held", LOG_STR("at", held),
              LOG_STR("mend", "hersys.clock_hold(NULL), as the owner of the schema"));
    gateway_exit(gateway, 1);
}

static void gateway_on_beat(evutil_socket_t fd, short what, void *arg)
{
    struct gateway *gateway = arg;

    (void)fd;
    (void)what;
    if (store_is_up(gateway->store) &&
        !store_instance_beat(gateway->store, gateway->instance, gateway->host, getpid(),
                             PACKAGE_VERSION, beat_on_word, gateway))
        log_warning("chore_skipped", LOG_STR("chore", "beat"));
}

static void store_on_up(void *arg)
{
    struct gateway *gateway = arg;

    log_info("database_ready", LOG_STR("instance", gateway->instance));
    if (!gateway->ready) {
        gateway->ready = true;
        service_ready();
        log_info("ready", LOG_INT("port", http_server_port(gateway->server)));
    }
    service_status("working");
    gateway_on_beat(-1, 0, gateway);
    alert_wake(gateway->alert);
    remind_wake(gateway->remind);
    links_wake(gateway->links);
}

static void store_on_down(void *arg)
{
    struct gateway *gateway = arg;

    log_error("database_away", LOG_STR("error", store_last_error(gateway->store)));
    service_status("the database is away; nothing is accepted");
}

static void store_on_wake(void *arg)
{
    struct gateway *gateway = arg;

    links_wake(gateway->links);
}

/* At the start it ends the daemon: an operator is looking. Later it may be a migration under way:
 * the daemon waits. */
static void store_on_refused(void *arg, const char *why)
{
    struct gateway *gateway = arg;

    log_error("database_refused", LOG_STR("reason", why));
    service_status(why);
    if (!gateway->ready)
        gateway_exit(gateway, 1);
}

/* ---------------------------------------------------------------- start */

static void make_instance(char uuid[STORE_UUID_MAX])
{
    unsigned char b[16];

    secret_random(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 9562: version 4, its variant */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(uuid, STORE_UUID_MAX,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

static bool start_links(struct gateway *gateway)
{
    struct links_options options = {
        .base = gateway->base,
        .store = gateway->store,
        .http = gateway->http,
        .instance = gateway->instance,
        .port = http_server_port(gateway->server),
    };

    gateway->links = links_open(&options, gateway->setup);
    if (gateway->links == NULL)
        return false;
    gateway->api.sandbox = links_sandbox(gateway->links);
    gateway->api.carriers = links_carriers(gateway->links, &gateway->api.carrier_count);
    return true;
}

static bool start_server(struct gateway *gateway)
{
    struct http_limits limits = http_limits(gateway->setup->conf);
    char error[512];

    gateway->server = http_server_new(gateway->base, &limits, api_handle, &gateway->api);
    if (http_server_listen(gateway->server, gateway->setup->conf->http.listen, error,
                           sizeof(error)))
        return true;
    log_error("listen_failed", LOG_STR("address", gateway->setup->conf->http.listen),
              LOG_STR("reason", error));
    return false;
}

static void start_signals(struct gateway *gateway)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < MEM_COUNT(numbers); i++) {
        gateway->signals[i] = evsignal_new(gateway->base, numbers[i], gateway_on_signal, gateway);
        if (gateway->signals[i] == NULL || event_add(gateway->signals[i], NULL) != 0)
            log_fatal("signals cannot be watched");
    }
}

static bool gateway_start(struct gateway *gateway)
{
    const struct conf *conf = gateway->setup->conf;
    struct store_options store = {
        .dsn = conf->database.dsn,
        .statement_timeout_s = conf->database.statement_timeout_seconds,
        .listen = true,
        .on_up = store_on_up,
        .on_down = store_on_down,
        .on_wake = store_on_wake,
        .on_refused = store_on_refused,
        .arg = gateway,
    };
    struct receive_rules receive = receive_rules(gateway->setup);
    struct timeval beat = {GATEWAY_BEAT_S, 0};

    make_instance(gateway->instance);
    if (gethostname(gateway->host, sizeof(gateway->host) - 1) != 0)
        snprintf(gateway->host, sizeof(gateway->host), "unknown");
    start_signals(gateway);
    log_info("starting", LOG_STR("version", PACKAGE_VERSION),
             LOG_STR("config", gateway->config_path));
    gateway->service = service_new(gateway->base);
    service_status("waiting for the database");
    gateway->drain = evtimer_new(gateway->base, gateway_on_drain, gateway);
    gateway->beat = event_new(gateway->base, -1, EV_PERSIST, gateway_on_beat, gateway);
    if (gateway->drain == NULL || gateway->beat == NULL || event_add(gateway->beat, &beat) != 0)
        log_fatal("out of memory");
    gateway->store = store_new(gateway->base, &store);
    gateway->http = http_client_new(gateway->base, GATEWAY_MAX_ANSWER);
    gateway->receive = receive_new(gateway->base, gateway->store, &receive);
    gateway->remind = remind_new(gateway->base, gateway->store, conf->reminders.tick_seconds);
    gateway->alert = alert_new(gateway->base, gateway->store, conf->reminders.tick_seconds);
    gateway->api = (struct api){
        .store = gateway->store,
        .receive = gateway->receive,
        .keyring = gateway->setup->keyring,
        .code_digits = conf->codes.digits,
    };
    return start_server(gateway) && start_links(gateway);
}

/* Without their events they would have their default effect: who asks twice for the end would see
 * the daemon die of a signal instead of ending well. */
static void signals_refuse(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* In the order in which nothing is called that is gone already. */
static void gateway_free(struct gateway *gateway)
{
    http_client_free(gateway->http);
    if (gateway->links != NULL)
        links_close(gateway->links);
    store_free(gateway->store); /* statements under way end in receive, deliver, remind, alert */
    receive_free(gateway->receive);
    http_server_free(gateway->server);
    if (gateway->links != NULL)
        links_free(gateway->links);
    remind_free(gateway->remind);
    alert_free(gateway->alert);
    event_free(gateway->beat);
    event_free(gateway->drain);
    signals_refuse();
    for (size_t i = 0; i < MEM_COUNT(gateway->signals); i++)
        event_free(gateway->signals[i]);
    service_free(gateway->service);
    event_base_free(gateway->base);
    setup_free(gateway->setup);
}

static int run(const char *config_path, struct setup *setup)
{
    struct gateway gateway = {.config_path = config_path, .setup = setup};

    curl_global_init(CURL_GLOBAL_DEFAULT);
    gateway.base = event_base_new();
    if (gateway.base == NULL)
        log_fatal("the event loop cannot be made");
    if (gateway_start(&gateway))
        event_base_dispatch(gateway.base);
    else
        gateway.exit_status = 1;
    gateway_free(&gateway);
    curl_global_cleanup();
    libevent_global_shutdown();
    return gateway.exit_status;
}

static const char usage[] =
    "hersys-gatewayd - the SMS and e-mail gateway of My HER-SYS\n"
    "\n"
    "usage: hersys-gatewayd [-c FILE] [--check-config]\n"
    "\n"
    "  -c, --config FILE   the configuration (default: " HERSYS_CONFIG_FILE ")\n"
    "      --check-config  check configuration, keys and texts, and end\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Signals: SIGHUP reads configuration, keys and texts anew; SIGTERM finishes what is under way "
    "and ends.\n";

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *config_path = HERSYS_CONFIG_FILE;
    bool check_only = false;
    struct setup *setup;
    int option;

    while ((option = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config_path = optarg;
            break;
        case 'k':
            check_only = true;
            break;
        case 'V':
            puts(PACKAGE_STRING);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs("try: hersys-gatewayd --help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "hersys-gatewayd takes no argument \"%s\"; try: hersys-gatewayd --help\n",
                argv[optind]);
        return 2;
    }
    setup = setup_load(config_path, setup_print_fault, NULL);
    if (setup == NULL) {
        fprintf(stderr, "hersys-gatewayd: %s, for the reasons above\n",
                check_only ? "not valid" : "not started");
        return 1;
    }
    if (check_only) {
        printf("%s: valid\n", config_path);
        setup_free(setup);
        return 0;
    }
    log_open("hersys-gatewayd", setup->conf->log.level);
    return run(config_path, setup);
}
