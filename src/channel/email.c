/* email.c - the e-mail link, on the loop: mails to the desk, sessions to the threads, outcomes
 * back. It speaks no SMTP. */
#include "channel/email.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/email.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mime.h"
#include "base/secret.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "channel/email_session.h"
#include "channel/email_tls.h"
#include "io/worker.h"

enum {
    TICK_MS = 100,
    FREE_WAIT_MS = 2000,
    WAITING_PER_SESSION = 25, /* enough that a session never waits for the next claim */
    OPERATOR_PAUSE_S = 60,
    SEND_SPARE_S = 5,
    EMAIL_LOGIN_MAX = 256, /* bytes of a user or password, NUL included: libesmtp has no more */
};

/* A mail that was given to us and has no answer yet. */
struct flight {
    LIST_ENTRY(flight) entry;
    char *message_id;
    enum channel_outcome outcome; /* of one that could not be written */
    const char *error;
    channel_done_cb *done;
    void *arg;
};
LIST_HEAD(flights, flight);

struct email {
    struct channel channel;
    struct email_setup setup;
    char *from_name;
    struct email_desk *desk;
    struct email_wire *wires; /* one a session */
    bool *runs;
    int sessions;
    struct workers *workers;
    struct event *tick;
    struct event *soon; /* answers what could not be written */
    struct flights wire;
    struct flights unwritten;
};

/* ---------------------------------------------------------------- answers */

/* Before these a person has to do something. */
static int pause_after(const char *error)
{
    static const char *const words[] = {"auth_refused", "no_auth", "no_starttls", "tls_failed",
                                        "tls_injection"};

    for (size_t i = 0; i < MEM_COUNT(words); i++)
        if (strcmp(error, words[i]) == 0)
            return OPERATOR_PAUSE_S;
    return 0;
}

static void flight_free(struct flight *flight)
{
    free(flight->message_id);
    free(flight);
}

static void flight_end(struct flight *flight, enum channel_outcome outcome, const char *error)
{
    struct channel_result result = {
        .outcome = outcome,
        .provider_id = outcome == CHANNEL_ACCEPTED ? flight->message_id : NULL,
        .error = *error != '\0' ? error : NULL,
        .pause_s = outcome == CHANNEL_LINK_DOWN ? pause_after(error) : 0,
    };

    LIST_REMOVE(flight, entry);
    flight->done(flight->arg, &result);
    flight_free(flight);
}

/* Mails that no session has taken: from the desk back to whom they came from. */
static void give_back(struct email *email, bool all, enum channel_outcome outcome,
                      const char *error)
{
    struct email_mail *mail;

    while ((mail = email_desk_withdraw(email->desk, all)) != NULL) {
        struct flight *flight = mail->token;

        email_mail_free(mail);
        flight_end(flight, outcome, error);
    }
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    struct email *email = arg;
    struct flight *flight, *next;

    (void)fd;
    (void)what;
    for (flight = LIST_FIRST(&email->unwritten); flight != NULL; flight = next) {
        next = LIST_NEXT(flight, entry);
        flight_end(flight, flight->outcome, flight->error);
    }
}

/* ---------------------------------------------------------------- sessions */

static void start_session(struct email *email)
{
    for (int i = 0; i < email->sessions; i++) {
        struct email_job job = {&email->setup, email->desk, &email->wires[i]};

        if (email->runs[i])
            continue;
        email->runs[i] = workers_give(email->workers, email_session_run, &job, sizeof(job));
        return;
    }
}

static void on_session_end(struct email *email, const struct email_told *told)
{
    email->runs[told->wire - email->wires] = false;
    if (told->down) {
        log_warning("email_session_failed", LOG_STR("reason", told->error));
        give_back(email, true, CHANNEL_LINK_DOWN, told->error);
    } else {
        log_debug("email_session_ended", LOG_INT("accepted", told->accepted));
    }
    if (email_desk_needs_session(email->desk))
        start_session(email);
}

static void on_told(void *arg, const void *bytes, size_t len)
{
    struct email *email = arg;
    struct email_told told;

    if (len != sizeof(told))
        log_fatal("a session told something else");
    memcpy(&told, bytes, sizeof(told));
    if (told.token == NULL) {
        on_session_end(email, &told);
        return;
    }
    flight_end(told.token, told.outcome, told.error);
    if (told.down)
        give_back(email, true, CHANNEL_LINK_DOWN, told.error);
}

/* Whether any session has reached the relay. */
static bool relay_is_there(struct email *email)
{
    for (int i = 0; i < email->sessions; i++)
        if (email_wire_speaks(&email->wires[i]))
            return true;
    return false;
}

/* Cuts what has taken too long, and gives back what has waited too long. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct email *email = arg;
    bool there = relay_is_there(email);

    (void)fd;
    (void)what;
    for (int i = 0; i < email->sessions; i++)
        (void)email_wire_check(&email->wires[i]);
    give_back(email, false, there ? CHANNEL_THROTTLED : CHANNEL_LINK_DOWN,
              there ? "waited_too_long" : "connect_failed");
    if (email_desk_needs_session(email->desk))
        start_session(email);
}

/* ---------------------------------------------------------------- send */

/* The same at each try, and nobody else's: RFC 5322 section 3.6.4. */
static char *make_message_id(const struct email *email, const struct channel_message *message)
{
    char *whose = mem_printf("%" PRId64 ":%s", message->id, message->recipient);
    char digits[65], *id;

    secret_sha256(whose, strlen(whose), digits);
    id = mem_printf("%" PRId64 ".%.16s%s", message->id, digits, strchr(email->setup.from, '@'));
    free(whose);
    return id;
}

static bool write_mail(const struct email *email, const struct channel_message *message,
                       const struct flight *flight, struct email_mail *mail, const char **why)
{
    struct mime_mail parts = {
        .from = email->setup.from,
        .from_name = email->from_name,
        .to = message->recipient,
        .subject = message->subject != NULL ? message->subject : "",
        .text = message->text,
        .html = message->html,
        .language = message->language,
        .message_id = flight->message_id,
        .date = time(NULL),
    };

    return mime_write(&parts, &mail->bytes, &mail->len, why);
}

static void email_send(void *self, const struct channel_message *message, channel_done_cb *done,
                       void *arg)
{
    struct email *email = self;
    struct flight *flight = mem_new(1, sizeof(*flight));
    struct email_mail *mail = mem_new(1, sizeof(*mail));

    flight->done = done;
    flight->arg = arg;
    flight->message_id = make_message_id(email, message);
    mail->token = flight;
    mail->begin_by_ms = clock_elapsed_ms() + email->setup.timeout_ms;
    if (!write_mail(email, message, flight, mail, &flight->error)) {
        flight->outcome = CHANNEL_REJECTED;
        LIST_INSERT_HEAD(&email->unwritten, flight, entry);
        email_mail_free(mail);
        event_active(email->soon, EV_TIMEOUT, 0);
        return;
    }
    mail->recipient = mem_strdup(message->recipient);
    LIST_INSERT_HEAD(&email->wire, flight, entry);
    email_desk_put(email->desk, mail);
    if (email_desk_needs_session(email->desk))
        start_session(email);
}

/* ---------------------------------------------------------------- start and end */

static bool refuse(char *error, size_t size, const char *option, const char *why)
{
    snprintf(error, size, "%s: %s", option, why);
    return false;
}

static bool split_relay(struct email_setup *setup, const char *relay)
{
    const char *colon = strrchr(relay, ':');

    if (colon == NULL || colon == relay)
        return false;
    if (relay[0] == '[')
        setup->host = mem_strndup(relay + 1, strcspn(relay + 1, "]"));
    else
        setup->host = mem_strndup(relay, (size_t)(colon - relay));
    setup->port = mem_strdup(colon + 1);
    return true;
}

static bool take_login(struct email_setup *setup, const struct email_options *options, char *error,
                       size_t size)
{
    setup->user = mem_strdup(options->user);
    if (*options->user == '\0')
        return true;
    if (strlen(options->user) >= EMAIL_LOGIN_MAX || !text_is_line(options->user))
        return refuse(error, size, "email.user", "is too long, or holds a control character");
    setup->password = secret_file_read(options->password_file, error, size);
    if (setup->password != NULL && strlen(setup->password) >= EMAIL_LOGIN_MAX)
        return refuse(error, size, options->password_file, "holds too long a password");
    return setup->password != NULL;
}

static bool take_options(struct email *email, const struct email_options *options, char *error,
                         size_t size)
{
    struct email_setup *setup = &email->setup;
    char from[EMAIL_MAX];

    if (!email_parse(options->from, strlen(options->from), from))
        return refuse(error, size, "email.from", "is no address");
    if (!text_is_line(options->from_name))
        return refuse(error, size, "email.from_name", "is no single line of UTF-8");
    if (!split_relay(setup, options->relay))
        return refuse(error, size, "email.relay", "is no host and port");
    setup->from = mem_strdup(from);
    email->from_name = mem_strdup(options->from_name);
    setup->timeout_ms = options->timeout_s * 1000;
    setup->messages_per_session = options->messages_per_session;
    if (!take_login(setup, options, error, size))
        return false;
    if (!options->starttls)
        return true;
    setup->tls = email_tls_new(setup->host, options->ca_file, error, size);
    return setup->tls != NULL;
}

static void setup_release(struct email *email)
{
    struct email_setup *setup = &email->setup;

    SSL_CTX_free(setup->tls);
    secret_file_free(setup->password);
    free(setup->user);
    free(setup->from);
    free(setup->host);
    free(setup->port);
    free(email->from_name);
}

static void start(struct email *email, struct event_base *base)
{
    const struct timeval tick = {0, TICK_MS * 1000};

    email->wires = mem_new((size_t)email->sessions, sizeof(*email->wires));
    email->runs = mem_new((size_t)email->sessions, sizeof(*email->runs));
    for (int i = 0; i < email->sessions; i++)
        email_wire_init(&email->wires[i]);
    email->desk = email_desk_new();
    email->tick = event_new(base, -1, EV_PERSIST, on_tick, email);
    email->soon = event_new(base, -1, 0, on_soon, email);
    if (email->tick == NULL || email->soon == NULL || event_add(email->tick, &tick) != 0)
        log_fatal("out of memory");
    email->workers = workers_new(base, email->sessions, email->sessions, on_told, email);
}

struct email *email_new(struct event_base *base, const struct email_options *options, char *error,
                        size_t size)
{
    struct email *email = mem_new(1, sizeof(*email));
    int waiting = options->messages_per_session < WAITING_PER_SESSION
                      ? options->messages_per_session
                      : WAITING_PER_SESSION;

    /* libesmtp looks for a client's certificate below this folder, or else below HOME, and sends
     * nothing at all where it may not look. Debian has no such folder. */
    if (setenv("XDG_CONFIG_DIR", "/nonexistent", 1) != 0)
        log_fatal("out of memory");
    LIST_INIT(&email->wire);
    LIST_INIT(&email->unwritten);
    if (!take_options(email, options, error, size)) {
        setup_release(email);
        free(email);
        return NULL;
    }
    email->sessions = options->sessions;
    email->channel = (struct channel){
        .name = EMAIL_LINK,
        .channel = "email",
        .window = email->sessions * waiting,
        /* Until it begins, until its end, and until the answer. */
        .send_max_s = 3 * options->timeout_s + SEND_SPARE_S,
        .send = email_send,
        .self = email,
    };
    start(email, base);
    return email;
}

static void flights_free(struct flights *flights)
{
    struct flight *flight, *next;

    for (flight = LIST_FIRST(flights); flight != NULL; flight = next) {
        next = LIST_NEXT(flight, entry);
        flight_free(flight);
    }
}

void email_free(struct email *email)
{
    if (email == NULL)
        return;
    email_desk_end(email->desk);
    for (int i = 0; i < email->sessions; i++)
        email_wire_cut(&email->wires[i]);
    event_free(email->tick);
    event_free(email->soon);
    flights_free(&email->wire);
    flights_free(&email->unwritten);
    if (!workers_free(email->workers, FREE_WAIT_MS)) {
        /* What the thread may still look at stays, to the end of the process. */
        log_warning("email_thread_left", LOG_STR("in", "a look-up of the relay's name"));
        return;
    }
    for (int i = 0; i < email->sessions; i++)
        email_wire_destroy(&email->wires[i]);
    email_desk_free(email->desk);
    setup_release(email);
    free(email->wires);
    free(email->runs);
    free(email);
}

const struct channel *email_channel(struct email *email)
{
    return &email->channel;
}
