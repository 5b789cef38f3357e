/* email_session.c - speaks SMTP by libesmtp. It decides nothing about trying again. */
#include "channel/email_session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In this order: the latter declares more after the former. */
#include <auth-client.h>
#include <libesmtp.h>

#include "base/clock.h"
#include "base/mem.h"
#include "channel/email_tls.h"

enum {
    LINGER_MS = 200,          /* for the next mail, before the session is ended */
    QUIT_MS = 5000,           /* for the relay's good-bye */
    LIBRARY_SPARE_MS = 30000, /* the library's time limits come after ours, and never first */
};

struct session {
    struct worker *worker;
    const struct email_setup *setup;
    struct email_desk *desk;
    struct email_wire *wire;
    smtp_session_t smtp;
    struct email_reader reader;
    enum email_stage stage;
    struct email_mail *mail; /* the one under way, or the last; NULL before the first */
    bool settled;            /* what became of it has been told */
    bool named;              /* its recipient has been given to the wire */
    bool given;              /* its bytes have been given to the library */
    bool inviting;           /* the relay has answered DATA with 354 */
    bool ended;              /* its final dot has been given to the wire */
    bool relays;             /* it has taken a recipient from us */
    bool encrypted;          /* by a relay that is the one meant */
    bool signed_in;
    bool over;         /* nothing but QUIT may be sent */
    const char *fault; /* the first thing that went wrong, in a word of ours */
    int taken, accepted;
};

/* ---------------------------------------------------------------- what becomes of a mail */

static void settle(struct session *session, enum channel_outcome outcome, const char *error)
{
    struct email_told told = {
        .token = session->mail->token, .wire = session->wire, .outcome = outcome};

    if (session->settled)
        return;
    session->settled = true;
    told.down = outcome == CHANNEL_LINK_DOWN;
    /* It may be the reason: given back for nothing it would come first again and again, and no
     * other would ever leave. */
    if (told.down && session->named)
        told.outcome = CHANNEL_RETRY;
    snprintf(told.error, sizeof(told.error), "%s", error);
    if (outcome == CHANNEL_ACCEPTED)
        session->accepted++;
    worker_tell(session->worker, &told, sizeof(told));
}

static void settle_by(struct session *session, const struct email_reply *reply)
{
    bool relays = session->stage == EMAIL_RCPT ? session->relays : session->accepted > 0;
    enum channel_outcome outcome = email_reply_outcome(session->stage, reply, relays);
    char word[EMAIL_WORD_MAX] = "";

    if (outcome != CHANNEL_ACCEPTED)
        email_reply_word(reply, word);
    if (outcome == CHANNEL_LINK_DOWN)
        session->over = true;
    settle(session, outcome, word);
}

static void break_off(struct session *session, const char *fault)
{
    if (session->fault == NULL)
        session->fault = fault;
    session->over = true;
    email_wire_cut(session->wire);
}

/* The session ended while the mail was under way. */
static void settle_broken(struct session *session)
{
    const char *why = session->fault;

    if (why == NULL)
        why = email_wire_timed_out(session->wire) ? "timeout" : "connection_lost";
    if (session->ended)
        settle(session, CHANNEL_UNKNOWN, why);
    else if (session->inviting || session->accepted > 0)
        settle(session, CHANNEL_RETRY, why);
    else
        settle(session, CHANNEL_LINK_DOWN, why);
}

/* ---------------------------------------------------------------- replies */

/* The session's own steps: where the relay refuses one, there is no session. */
static void on_session_reply(struct session *session, const struct email_reply *reply, int wanted)
{
    char word[EMAIL_WORD_MAX];

    if (reply->code == wanted)
        return;
    session->over = true;
    if (session->mail == NULL || session->settled)
        return;
    email_reply_word(reply, word);
    settle(session, CHANNEL_LINK_DOWN, word);
}

/* To servers that do not know EHLO libesmtp says HELO; who wants TLS or AUTH will miss it then. */
static bool helo_follows(int code)
{
    return code == 500 || code == 501 || code == 502 || code == 504;
}

static void on_auth_reply(struct session *session, const struct email_reply *reply)
{
    if (reply->code == 235) {
        session->signed_in = true;
    } else if (reply->code != 334) {
        /* The library would try the next mechanism, and then send without having signed in. */
        settle(session, CHANNEL_LINK_DOWN, "auth_refused");
        break_off(session, "auth_refused");
    }
}

static void on_reply(struct session *session, const struct email_reply *reply)
{
    switch (session->stage) {
    case EMAIL_GREETING:
        on_session_reply(session, reply, 220);
        break;
    case EMAIL_EHLO:
        if (!helo_follows(reply->code))
            on_session_reply(session, reply, 250);
        break;
    case EMAIL_HELO:
        on_session_reply(session, reply, 250);
        break;
    case EMAIL_STARTTLS:
        on_session_reply(session, reply, 220);
        break;
    case EMAIL_AUTH:
        on_auth_reply(session, reply);
        break;
    case EMAIL_MAIL:
        if (reply->code / 100 != 2)
            settle_by(session, reply);
        break;
    case EMAIL_RCPT:
        if (reply->code / 100 == 2)
            session->relays = true;
        else
            settle_by(session, reply);
        break;
    case EMAIL_DATA:
        /* The library takes a 250 here for the mail's acceptance. */
        if (reply->code / 100 == 2)
            break_off(session, "protocol_error");
        else if (reply->code != 354)
            settle_by(session, reply);
        else
            session->inviting = true;
        break;
    case EMAIL_DOT:
        settle_by(session, reply);
        break;
    case EMAIL_RSET:
        if (reply->code / 100 != 2)
            break_off(session, "protocol_error");
        break;
    case EMAIL_QUIT:
        break;
    }
    if (reply->code == 421)
        session->over = true;
}

static void on_bytes(struct session *session, char *bytes, size_t len)
{
    switch (email_reader_feed(&session->reader, bytes, len)) {
    case EMAIL_HEARD_PART:
        break;
    case EMAIL_HEARD_REPLY:
        on_reply(session, &session->reader.reply);
        break;
    case EMAIL_HEARD_MORE:
        if (session->stage != EMAIL_STARTTLS)
            on_reply(session, &session->reader.reply);
        break_off(session, session->stage == EMAIL_STARTTLS ? "tls_injection" : "protocol_error");
        break;
    case EMAIL_HEARD_NOISE:
        break_off(session, "protocol_error");
        break;
    }
}

/* ---------------------------------------------------------------- commands */

static bool is_ready_for_auth(const struct session *session)
{
    return session->setup->tls == NULL || session->encrypted;
}

static bool is_ready_for_mail(const struct session *session)
{
    return is_ready_for_auth(session) && (*session->setup->user == '\0' || session->signed_in);
}

/* What is about to be sent. The bytes may hold a password: they are looked at, and not kept. */
static void on_command(struct session *session, const char *bytes, size_t len)
{
    static const struct {
        const char *verb;
        enum email_stage stage;
    } commands[] = {
        {"EHLO ", EMAIL_EHLO},    {"HELO ", EMAIL_HELO},      {"STARTTLS\r\n", EMAIL_STARTTLS},
        {"AUTH ", EMAIL_AUTH},    {"MAIL FROM:", EMAIL_MAIL}, {"RCPT TO:", EMAIL_RCPT},
        {"DATA\r\n", EMAIL_DATA}, {"RSET\r\n", EMAIL_RSET},   {"QUIT\r\n", EMAIL_QUIT},
    };
    enum email_stage before = session->stage;
    bool known = session->stage == EMAIL_AUTH; /* its further lines have no verb */

    for (size_t i = 0; i < MEM_COUNT(commands); i++) {
        size_t wide = strlen(commands[i].verb);

        if (len < wide || memcmp(bytes, commands[i].verb, wide) != 0)
            continue;
        session->stage = commands[i].stage;
        known = true;
        break;
    }
    email_reader_start(&session->reader, session->stage == EMAIL_EHLO);
    if (session->stage == EMAIL_QUIT) {
        email_wire_arm(session->wire, clock_elapsed_ms() + QUIT_MS);
        return;
    }
    if (session->stage == EMAIL_RCPT)
        session->named = true;
    if (!known || session->over)
        break_off(session, "protocol_error");
    else if (session->stage == EMAIL_AUTH && !is_ready_for_auth(session))
        break_off(session, "no_starttls");
    else if (session->stage == EMAIL_MAIL && !is_ready_for_mail(session))
        break_off(session, is_ready_for_auth(session) ? "no_auth" : "no_starttls");
    else if (session->stage == EMAIL_DATA && (before != EMAIL_RCPT || session->settled))
        break_off(session, "protocol_error");
    else if (session->stage == EMAIL_MAIL && session->taken == 1)
        email_wire_arm(session->wire, clock_elapsed_ms() + session->setup->timeout_ms);
}

/* libesmtp lends its read buffer before it reads it itself. */
static void on_monitor(const char *bytes, int len, int writing, void *arg)
{
    int saved = errno;

    if (len > 0 && writing == SMTP_CB_READING)
        on_bytes(arg, (char *)bytes, (size_t)len);
    else if (len > 0 && writing == SMTP_CB_WRITING)
        on_command(arg, bytes, (size_t)len);
    errno = saved;
}

/* ---------------------------------------------------------------- mails */

/* The library's source of the mail. With an error in errno it drops the connection, and sends no
 * final dot. */
static const char *give_bytes(void **context, int *len, void *arg)
{
    struct session *session = arg;
    int saved = errno;

    (void)context;
    if (len == NULL) {
        session->given = false;
        return NULL;
    }
    *len = 0;
    if (email_wire_check(session->wire) || session->over || session->settled) {
        email_wire_cut(session->wire);
        errno = ECANCELED;
        return NULL;
    }
    if (!session->given) {
        session->given = true;
        *len = (int)session->mail->len;
        errno = saved;
        return session->mail->bytes;
    }
    /* All but the last of it is on the wire. The library did not notice if that broke meanwhile;
     * then the mail has no end, and was not sent. */
    if (email_wire_is_broken(session->wire)) {
        email_wire_cut(session->wire);
        errno = ECONNRESET;
        return NULL;
    }
    session->stage = EMAIL_DOT;
    session->ended = true;
    email_reader_start(&session->reader, false);
    email_wire_arm(session->wire, clock_elapsed_ms() + session->setup->timeout_ms);
    errno = saved;
    return NULL;
}

static bool add_mail(struct session *session, struct email_mail *mail)
{
    smtp_message_t message = smtp_add_message(session->smtp);

    email_mail_free(session->mail);
    session->mail = mail;
    session->settled = false;
    session->named = false;
    session->inviting = false;
    session->ended = false;
    session->taken++;
    return message != NULL && smtp_set_reverse_path(message, session->setup->from) != 0 &&
           smtp_set_messagecb(message, give_bytes, session) != 0 &&
           smtp_add_recipient(message, mail->recipient) != NULL;
}

/* Between two mails: the library looks for another when this returns. */
static void take_next(struct session *session)
{
    struct email_mail *mail;

    if (!session->settled || session->over ||
        session->taken >= session->setup->messages_per_session)
        return;
    email_wire_arm(session->wire, 0);
    mail = email_desk_take(session->desk, LINGER_MS);
    if (mail == NULL)
        return;
    email_wire_arm(session->wire, clock_elapsed_ms() + session->setup->timeout_ms);
    if (!add_mail(session, mail))
        break_off(session, "out_of_memory");
}

/* ---------------------------------------------------------------- libesmtp's events */

static void on_certificate(struct session *session, int event, va_list args)
{
    int *ok;
    const SSL *ssl;

    if (event == SMTP_EV_WRONG_PEER_CERTIFICATE) {
        /* It compared the name of our listener. The handshake has compared the relay's. */
        ok = va_arg(args, int *);
        (void)va_arg(args, char *);
        ssl = va_arg(args, SSL *);
        if (email_tls_is_verified(ssl, session->setup->host)) {
            *ok = 1;
            return;
        }
    }
    break_off(session, "tls_failed");
}

static void on_event(smtp_session_t smtp, int event, void *arg, ...)
{
    struct session *session = arg;
    int saved = errno;
    va_list args;

    (void)smtp;
    va_start(args, arg);
    switch (event) {
    case SMTP_EV_CONNECT:
        if (!email_wire_swap(session->wire))
            break_off(session, "connect_failed");
        break;
    case SMTP_EV_MAILSTATUS:
    case SMTP_EV_RCPTSTATUS:
        take_next(session);
        break;
    case SMTP_EV_MESSAGEDATA:
        /* Where the loop could not do it: nothing may follow a piece that got stuck. */
        (void)email_wire_check(session->wire);
        break;
    case SMTP_EV_MESSAGESENT:
        /* After a refusal of DATA the library has looked for the next already. */
        if (session->stage == EMAIL_DOT)
            take_next(session);
        break;
    case SMTP_EV_STARTTLS_OK:
        session->encrypted = email_tls_is_verified(va_arg(args, SSL *), session->setup->host);
        if (!session->encrypted)
            break_off(session, "tls_failed");
        break;
    case SMTP_EV_EXTNA_STARTTLS:
        if (session->fault == NULL)
            session->fault = "no_starttls";
        break;
    case SMTP_EV_WEAK_CIPHER:
    case SMTP_EV_INVALID_PEER_CERTIFICATE:
    case SMTP_EV_NO_PEER_CERTIFICATE:
    case SMTP_EV_WRONG_PEER_CERTIFICATE:
    case SMTP_EV_NO_CLIENT_CERTIFICATE:
    case SMTP_EV_UNUSABLE_CLIENT_CERTIFICATE:
    case SMTP_EV_UNUSABLE_CA_LIST:
        on_certificate(session, event, args);
        break;
    default: /* of extensions that it does not know of, and the end */
        break;
    }
    va_end(args);
    errno = saved;
}

/* Gives the library what it asks for to sign in. It copies it. */
static int on_interact(auth_client_request_t request, char **result, int fields, void *arg)
{
    const struct email_setup *setup = arg;

    for (int i = 0; i < fields; i++) {
        if ((request[i].flags & AUTH_USER) != 0)
            result[i] = setup->user;
        else if ((request[i].flags & AUTH_PASS) != 0)
            result[i] = setup->password;
        else
            return 0;
    }
    return 1;
}

/* ---------------------------------------------------------------- the session */

/* The name by which we greet: ours, if it is one of the DNS, or else our address. */
static void own_name(struct email_wire *wire, char name[256])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
                                  ".";
    char literal[EMAIL_WIRE_LITERAL_MAX];

    if (gethostname(name, 255) != 0)
        name[0] = '\0';
    name[255] = '\0';
    if (strchr(name, '.') != NULL && name[strspn(name, allowed)] == '\0')
        return;
    snprintf(name, 256, "%s", email_wire_literal(wire, literal) ? literal : "localhost");
}

static bool set_timeouts(smtp_session_t smtp, long ms)
{
    static const int which[] = {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER,
                                Timeout_DATA2};
    bool ok = true;

    for (size_t i = 0; i < MEM_COUNT(which); i++)
        ok = smtp_set_timeout(smtp, which[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, ms) == ms && ok;
    return ok;
}

static bool prepare(struct session *session, auth_context_t auth)
{
    const struct email_setup *setup = session->setup;
    smtp_session_t smtp = session->smtp;
    char server[EMAIL_WIRE_SERVER_MAX], name[256];

    own_name(session->wire, name);
    if (!email_wire_listen(session->wire, server) || smtp_set_server(smtp, server) == 0 ||
        smtp_set_hostname(smtp, name) == 0 ||
        !set_timeouts(smtp, setup->timeout_ms + LIBRARY_SPARE_MS) ||
        smtp_set_eventcb(smtp, on_event, session) == 0 ||
        smtp_set_monitorcb(smtp, on_monitor, session, 0) == 0 ||
        smtp_option_require_all_recipients(smtp, 1) == 0)
        return false;
    if (setup->tls != NULL && (smtp_starttls_set_ctx(smtp, setup->tls) == 0 ||
                               smtp_starttls_enable(smtp, Starttls_REQUIRED) == 0))
        return false;
    return *setup->user == '\0' || (auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0) != 0 &&
                                    auth_set_interact_cb(auth, on_interact, (void *)setup) != 0 &&
                                    smtp_auth_set_context(smtp, auth) != 0);
}

/* The handshake fails without an event of its own. */
static void name_handshake(struct session *session)
{
    if (session->fault == NULL && session->stage == EMAIL_STARTTLS &&
        session->reader.reply.code == 220 && !email_wire_timed_out(session->wire))
        session->fault = "tls_failed";
}

static void speak(struct session *session, struct email_mail *first)
{
    auth_context_t auth = auth_create_context();

    session->smtp = smtp_create_session();
    if (session->smtp == NULL || auth == NULL) {
        session->mail = first;
        session->fault = "out_of_memory";
    } else if (!add_mail(session, first) || !prepare(session, auth)) {
        session->fault = "connect_failed";
    } else {
        /* What it returns says nothing: drops and bad certificates are successes to it. */
        (void)smtp_start_session(session->smtp);
        name_handshake(session);
    }
    if (!session->settled)
        settle_broken(session);
    if (session->smtp != NULL)
        smtp_destroy_session(session->smtp);
    if (auth != NULL)
        auth_destroy_context(auth);
    email_mail_free(session->mail);
}

void email_session_run(struct worker *worker, void *job, size_t len)
{
    const struct email_job *given = job;
    struct session session = {
        .worker = worker, .setup = given->setup, .desk = given->desk, .wire = given->wire};
    struct email_told end = {.wire = given->wire};
    int64_t deadline_ms = clock_elapsed_ms() + given->setup->timeout_ms;
    struct email_mail *first;
    const char *why = "";

    (void)len;
    email_reader_start(&session.reader, false);
    email_wire_arm(given->wire, deadline_ms);
    if (!email_wire_open(given->wire, given->setup->host, given->setup->port, &why)) {
        end.down = true;
        end.outcome = CHANNEL_LINK_DOWN;
        snprintf(end.error, sizeof(end.error), "%s", why);
    } else if ((first = email_desk_take(given->desk, 0)) != NULL) {
        if (first->begin_by_ms < deadline_ms)
            email_wire_arm(given->wire, first->begin_by_ms);
        speak(&session, first);
    }
    end.accepted = session.accepted;
    email_wire_close(given->wire);
    worker_tell(worker, &end, sizeof(end));
}
