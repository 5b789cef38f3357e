/* sandbox.c - the carrier inside the daemon: what its telephones do, and its requests to our
 * webhook. Its memory stands in sandbox_spool.c. */
#include "channel/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/form.h"
#include "base/log.h"
#include "base/mem.h"
#include "channel/sandbox_spool.h"

enum {
    SANDBOX_RECEIPTS_AT_ONCE = 16,
    SANDBOX_HTTP_TIMEOUT_MS = 30000,
    SANDBOX_RETRY_MIN_MS = 500,
    SANDBOX_RETRY_MAX_MS = 30000,
    SANDBOX_FORM_MAX = 1 << 20,
};

/* How telephones whose number ends so behave; all others take the message and send the receipt. */
static const struct behaviour {
    const char *suffix;
    enum channel_outcome outcome;
    bool once;           /* only the first time that a message is tried */
    bool arrives;        /* the telephone gets it */
    const char *receipt; /* NULL: none */
    const char *error;
} sandbox_behaviours[] = {
    {"91", CHANNEL_REJECTED, false, false, NULL, "no_such_number"},
    {"92", CHANNEL_RETRY, true, false, NULL, "busy"},
    {"93", CHANNEL_THROTTLED, true, false, NULL, "too_fast"},
    {"94", CHANNEL_ACCEPTED, false, true, "undelivered", NULL},
    {"95", CHANNEL_OPTED_OUT, false, false, NULL, "opted_out"},
    {"96", CHANNEL_UNKNOWN, true, true, NULL, "wire_broke"},
    {"97", CHANNEL_ACCEPTED, false, true, NULL, NULL},
    {"98", CHANNEL_RETRY, false, false, NULL, "switched_off"},
    {"", CHANNEL_ACCEPTED, false, true, "delivered", NULL}, /* the last: everybody */
};

/* A submit that waits for its answer. */
struct wire {
    TAILQ_ENTRY(wire) entry;
    struct sandbox *sandbox;
    struct event *timer;
    enum channel_outcome outcome;
    char provider_id[SANDBOX_ID_MAX];
    const char *error;
    channel_done_cb *done;
    void *arg;
};

/* A receipt on its way; the list is in the order in which they are due. */
struct receipt {
    TAILQ_ENTRY(receipt) entry;
    struct sandbox *sandbox;
    struct timeval due; /* of the loop's clock */
    char id[SANDBOX_ID_MAX];
    const char *state;
    int retry_ms;
};

TAILQ_HEAD(receipts, receipt);

struct sandbox {
    struct event_base *base;
    struct channel channel;
    struct channel mailbox;
    struct sandbox_spool *spool;
    char *number;
    char *webhook_url;
    int delay_ms;
    int receipt_ms;
    const struct keyring *keyring;
    struct http_client *http;
    TAILQ_HEAD(, wire) wires;
    struct receipts receipts; /* waiting */
    struct receipts sending;
    TAILQ_HEAD(, reply_call) replies;
    struct event *receipt_timer;
    int receipts_sending;
    json_t *tried; /* messages that a "once" telephone has refused */
};

/* ---------------------------------------------------------------- requests to the webhook */

/* Posts a form, signed like every request of this carrier. */
static void post_form(struct sandbox *sandbox, const char *path, const char *form, size_t len,
                      http_answer_cb *cb, void *arg)
{
    char signature[SECRET_SIGNATURE_MAX];
    char header[sizeof(SANDBOX_SIGNATURE) + 2 + SECRET_SIGNATURE_MAX];
    char *url = mem_printf("%s%s", sandbox->webhook_url, path);
    const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", header, NULL};

    secret_sign(sandbox->keyring, SECRET_SANDBOX, form, len, signature);
    snprintf(header, sizeof(header), SANDBOX_SIGNATURE ": %s", signature);
    http_client_send(sandbox->http,
                     &(struct http_call){.method = "POST",
                                         .url = url,
                                         .headers = headers,
                                         .body = form,
                                         .len = len,
                                         .timeout_ms = SANDBOX_HTTP_TIMEOUT_MS,
                                         .allow_http = true},
                     cb, arg);
    free(url);
}

/* ---------------------------------------------------------------- receipts */

static void receipts_arm(struct sandbox *sandbox)
{
    const struct receipt *first = TAILQ_FIRST(&sandbox->receipts);
    struct timeval now, wait = {0, 0};

    if (first == NULL || sandbox->receipts_sending >= SANDBOX_RECEIPTS_AT_ONCE)
        return;
    event_base_gettimeofday_cached(sandbox->base, &now);
    if (timercmp(&first->due, &now, >))
        timersub(&first->due, &now, &wait);
    event_add(sandbox->receipt_timer, &wait);
}

static void receipt_queue(struct sandbox *sandbox, struct receipt *receipt, int wait_ms)
{
    struct timeval now, wait = {wait_ms / 1000, (wait_ms % 1000) * 1000};
    struct receipt *before = TAILQ_LAST(&sandbox->receipts, receipts);

    event_base_gettimeofday_cached(sandbox->base, &now);
    timeradd(&now, &wait, &receipt->due);
    /* Only those that are tried again may be due later than a new one. */
    while (before != NULL && timercmp(&before->due, &receipt->due, >))
        before = TAILQ_PREV(before, receipts, entry);
    if (before != NULL)
        TAILQ_INSERT_AFTER(&sandbox->receipts, before, receipt, entry);
    else
        TAILQ_INSERT_HEAD(&sandbox->receipts, receipt, entry);
    receipts_arm(sandbox);
}

static void receipt_new(struct sandbox *sandbox, const char *id, const char *state)
{
    struct receipt *receipt = mem_new(1, sizeof(*receipt));

    receipt->sandbox = sandbox;
    snprintf(receipt->id, sizeof(receipt->id), "%s", id);
    receipt->state = state;
    receipt->retry_ms = SANDBOX_RETRY_MIN_MS;
    receipt_queue(sandbox, receipt, sandbox->receipt_ms);
}

static void receipt_on_answer(void *arg, const struct http_answer *answer)
{
    struct receipt *receipt = arg;
    struct sandbox *sandbox = receipt->sandbox;

    TAILQ_REMOVE(&sandbox->sending, receipt, entry);
    sandbox->receipts_sending--;
    if (answer->status == 200) {
        sandbox_spool_mark_receipt(sandbox->spool, receipt->id);
        free(receipt);
    } else {
        log_warning("sandbox_receipt_refused", LOG_INT("status", answer->status),
                    LOG_STR("error", answer->error));
        receipt->retry_ms = receipt->retry_ms * 2 < SANDBOX_RETRY_MAX_MS ? receipt->retry_ms * 2
                                                                         : SANDBOX_RETRY_MAX_MS;
        receipt_queue(sandbox, receipt, receipt->retry_ms);
    }
    receipts_arm(sandbox);
}

static void receipt_send(struct receipt *receipt)
{
    struct sandbox *sandbox = receipt->sandbox;
    char form[256];
    size_t len = 0;

    TAILQ_INSERT_TAIL(&sandbox->sending, receipt, entry);
    sandbox->receipts_sending++;
    if (!form_append(form, sizeof(form), &len, "id", receipt->id, strlen(receipt->id)) ||
        !form_append(form, sizeof(form), &len, "state", receipt->state, strlen(receipt->state)))
        log_fatal("a receipt of the sandbox does not fit its form");
    post_form(sandbox, SANDBOX_RECEIPT_PATH, form, len, receipt_on_answer, receipt);
}

static void receipts_on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct sandbox *sandbox = arg;
    struct receipt *first = TAILQ_FIRST(&sandbox->receipts);
    struct timeval now;

    (void)fd;
    (void)what;
    event_base_gettimeofday_cached(sandbox->base, &now);
    if (first != NULL && !timercmp(&first->due, &now, >) &&
        sandbox->receipts_sending < SANDBOX_RECEIPTS_AT_ONCE) {
        TAILQ_REMOVE(&sandbox->receipts, first, entry);
        receipt_send(first);
    }
    receipts_arm(sandbox);
}

/* A carrier that was away still owes its receipts. */
static void receipt_take_up(void *arg, const char *id, const char *phone)
{
    struct sandbox *sandbox = arg;
    size_t len = strlen(phone);

    for (size_t i = 0; i < MEM_COUNT(sandbox_behaviours); i++) {
        const struct behaviour *behaviour = &sandbox_behaviours[i];
        size_t suffix = strlen(behaviour->suffix);

        if (len < suffix || strcmp(phone + len - suffix, behaviour->suffix) != 0)
            continue;
        if (behaviour->receipt != NULL)
            receipt_new(sandbox, id, behaviour->receipt);
        return;
    }
}

/* ---------------------------------------------------------------- submits */

static const struct behaviour *behaviour_find(struct sandbox *sandbox,
                                              const struct channel_message *message)
{
    const struct behaviour *everybody = &sandbox_behaviours[MEM_COUNT(sandbox_behaviours) - 1];
    size_t len = strlen(message->recipient);
    char key[24];

    if (message->subject != NULL) {
        static const struct behaviour mailbox = {
            .suffix = "", .arrives = true, .outcome = CHANNEL_ACCEPTED};

        return &mailbox;
    }
    snprintf(key, sizeof(key), "%lld", (long long)message->id);
    for (const struct behaviour *b = sandbox_behaviours; b < everybody; b++) {
        if (len < 2 || strcmp(message->recipient + len - 2, b->suffix) != 0)
            continue;
        if (!b->once)
            return b;
        if (json_object_get(sandbox->tried, key) != NULL)
            return everybody;
        json_object_set_new(sandbox->tried, key, json_true());
        return b;
    }
    return everybody;
}

static void wire_on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct wire *wire = arg;
    struct channel_result result = {
        .outcome = wire->outcome,
        .provider_id = wire->outcome == CHANNEL_ACCEPTED ? wire->provider_id : NULL,
        .error = wire->error,
    };

    (void)fd;
    (void)what;
    TAILQ_REMOVE(&wire->sandbox->wires, wire, entry);
    wire->done(wire->arg, &result);
    event_free(wire->timer);
    free(wire);
}

static void sandbox_send(void *self, const struct channel_message *message, channel_done_cb *done,
                         void *arg)
{
    struct sandbox *sandbox = self;
    const struct behaviour *behaviour = behaviour_find(sandbox, message);
    struct timeval delay = {sandbox->delay_ms / 1000, (sandbox->delay_ms % 1000) * 1000};
    struct wire *wire = mem_new(1, sizeof(*wire));

    wire->sandbox = sandbox;
    wire->outcome = behaviour->outcome;
    wire->error = behaviour->error;
    wire->done = done;
    wire->arg = arg;
    sandbox_spool_new_id(wire->provider_id);
    if (behaviour->arrives && !sandbox_spool_add_out(sandbox->spool, wire->provider_id, message)) {
        wire->outcome = CHANNEL_RETRY;
        wire->error = "spool_full";
    } else if (behaviour->arrives && behaviour->receipt != NULL) {
        receipt_new(sandbox, wire->provider_id, behaviour->receipt);
    }
    wire->timer = evtimer_new(sandbox->base, wire_on_timer, wire);
    if (wire->timer == NULL)
        log_fatal("out of memory");
    TAILQ_INSERT_TAIL(&sandbox->wires, wire, entry);
    evtimer_add(wire->timer, &delay);
}

/* ---------------------------------------------------------------- answers */

struct reply_call {
    TAILQ_ENTRY(reply_call) entry;
    struct sandbox *sandbox;
    char id[SANDBOX_ID_MAX];
    char *phone;
    char *text;
    size_t len;
    sandbox_reply_cb *done;
    void *arg;
};

static void reply_call_free(struct reply_call *call)
{
    TAILQ_REMOVE(&call->sandbox->replies, call, entry);
    free(call->phone);
    free(call->text);
    free(call);
}

static void reply_on_answer(void *arg, const struct http_answer *answer)
{
    struct reply_call *call = arg;

    if (answer->status == 200)
        sandbox_spool_add_in(call->sandbox->spool, call->id, call->phone, call->text, call->len);
    else
        log_warning("sandbox_reply_refused", LOG_INT("status", answer->status),
                    LOG_STR("error", answer->error));
    call->done(call->arg, answer->status);
    reply_call_free(call);
}

void sandbox_reply(struct sandbox *sandbox, const char *phone, const char *text, size_t len,
                   const char *id, sandbox_reply_cb *done, void *arg)
{
    struct reply_call *call = mem_new(1, sizeof(*call));
    char *form = mem_new(SANDBOX_FORM_MAX, 1);
    size_t form_len = 0;

    TAILQ_INSERT_TAIL(&sandbox->replies, call, entry);
    call->sandbox = sandbox;
    call->phone = mem_strdup(phone);
    call->text = mem_strndup(text, len);
    call->len = len;
    call->done = done;
    call->arg = arg;
    if (id != NULL && strlen(id) < sizeof(call->id))
        snprintf(call->id, sizeof(call->id), "%s", id);
    else
        sandbox_spool_new_id(call->id);
    /* What does not fit is more than the webhook takes anyway: it is sent cut, and refused there by
     * its signature. */
    bool fits = form_append(form, SANDBOX_FORM_MAX, &form_len, "id", call->id, strlen(call->id)) &&
                form_append(form, SANDBOX_FORM_MAX, &form_len, "from", phone, strlen(phone)) &&
                form_append(form, SANDBOX_FORM_MAX, &form_len, "to", sandbox->number,
                            strlen(sandbox->number)) &&
                form_append(form, SANDBOX_FORM_MAX, &form_len, "text", text, len);

    if (!fits)
        log_warning("sandbox_reply_too_long", LOG_INT("bytes", (int64_t)len));
    post_form(sandbox, SANDBOX_MESSAGE_PATH, form, form_len, reply_on_answer, call);
    free(form);
}

/* ---------------------------------------------------------------- life */

struct sandbox *sandbox_new(struct event_base *base, const struct sandbox_options *options,
                            char *error, size_t size)
{
    struct sandbox_spool *spool = sandbox_spool_open(options->spool, error, size);
    struct sandbox *sandbox;

    if (spool == NULL)
        return NULL;
    sandbox = mem_new(1, sizeof(*sandbox));
    sandbox->base = base;
    sandbox->spool = spool;
    sandbox->number = mem_strdup(options->number);
    sandbox->webhook_url = mem_strdup(options->webhook_url);
    sandbox->delay_ms = options->delay_ms;
    sandbox->receipt_ms = options->receipt_ms;
    sandbox->keyring = options->keyring;
    sandbox->http = options->http;
    sandbox->tried = json_object();
    sandbox->receipt_timer = evtimer_new(base, receipts_on_timer, sandbox);
    if (sandbox->tried == NULL || sandbox->receipt_timer == NULL)
        log_fatal("out of memory");
    TAILQ_INIT(&sandbox->wires);
    TAILQ_INIT(&sandbox->receipts);
    TAILQ_INIT(&sandbox->sending);
    TAILQ_INIT(&sandbox->replies);
    sandbox->channel = (struct channel){
        .name = SANDBOX_LINK,
        .channel = "sms",
        .window = options->window,
        .send_max_s = options->delay_ms / 1000 + 1,
        .send = sandbox_send,
        .self = sandbox,
    };
    sandbox->mailbox = sandbox->channel;
    sandbox->mailbox.name = SANDBOX_MAILBOX_LINK;
    sandbox->mailbox.channel = "email";
    sandbox_spool_each_owed(spool, receipt_take_up, sandbox);
    return sandbox;
}

void sandbox_free(struct sandbox *sandbox)
{
    struct wire *wire;
    struct receipt *receipt;
    struct reply_call *reply, *next_reply;

    if (sandbox == NULL)
        return;
    while ((wire = TAILQ_FIRST(&sandbox->wires)) != NULL) {
        TAILQ_REMOVE(&sandbox->wires, wire, entry);
        event_free(wire->timer);
        free(wire);
    }
    for (reply = TAILQ_FIRST(&sandbox->replies); reply != NULL; reply = next_reply) {
        next_reply = TAILQ_NEXT(reply, entry);
        reply->done(reply->arg, 0);
        reply_call_free(reply);
    }
    TAILQ_CONCAT(&sandbox->receipts, &sandbox->sending, entry);
    while ((receipt = TAILQ_FIRST(&sandbox->receipts)) != NULL) {
        TAILQ_REMOVE(&sandbox->receipts, receipt, entry);
        free(receipt);
    }
    event_free(sandbox->receipt_timer);
    json_decref(sandbox->tried);
    sandbox_spool_close(sandbox->spool);
    free(sandbox->number);
    free(sandbox->webhook_url);
    free(sandbox);
}

void sandbox_set_keyring(struct sandbox *sandbox, const struct keyring *keyring)
{
    sandbox->keyring = keyring;
}

const struct keyring *sandbox_keyring(const struct sandbox *sandbox)
{
    return sandbox->keyring;
}

const struct channel *sandbox_channel(struct sandbox *sandbox)
{
    return &sandbox->channel;
}

const struct channel *sandbox_mailbox(struct sandbox *sandbox)
{
    return &sandbox->mailbox;
}

json_t *sandbox_messages(const struct sandbox *sandbox, const char *address, size_t limit)
{
    return sandbox_spool_list(sandbox->spool, address, limit);
}
