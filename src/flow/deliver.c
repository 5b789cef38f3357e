/*
 * deliver.c - sends what is due on one channel. It holds no state that a crash could lose: what it
 * has claimed stands in the outbox under a lease, and any daemon takes it up when that runs out.
 */
#include "flow/deliver.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "flow/confirm.h"
#include "flow/register.h"
#include "store/outbox.h"

enum {
    DELIVER_CLAIM_MAX = 500,
    DELIVER_FINISH_MAX = 500,
    DELIVER_PAUSE_S = 5,       /* of a link that is throttled or down and does not say how long */
    DELIVER_PAUSE_MAX_S = 900, /* above it we ask again, whatever the carrier said */
    DELIVER_AGAIN_S = 1,       /* until another link may take a message that its own gave back */
    DELIVER_LEASE_SPARE_S = 5, /* beside the longest send: what a claim's answer may take */
};

/* One claimed message, from the claim to the end of its finish. */
struct flight {
    TAILQ_ENTRY(flight) entry;
    struct deliver *deliver;
    int64_t id;
    int epoch;
    bool finishing; /* part of the finish that is under way */
    enum channel_outcome outcome;
    char *provider_id;
    char *error;
};
TAILQ_HEAD(flights, flight);

struct deliver {
    struct event_base *base;
    struct store *store;
    char *instance;
    const struct channel *channel;
    struct deliver_rules rules;
    struct event *work;   /* runs deliver_step() on the next turn */
    struct event *poll;   /* behind the notifications */
    struct event *renew;  /* leases of what is on the wire */
    struct event *resume; /* the end of a pause */
    struct flights wire;  /* the channel has not answered yet */
    struct flights done;  /* it has; to be finished */
    int flying;           /* in both lists */
    bool claiming;
    bool finishing;
    bool more; /* the last claim was full, or something was queued since */
    bool paused;
    bool shared; /* other links send on this channel, too */
    bool stopped;
    int64_t resume_at_s;  /* of clock_elapsed_s(): the end of the pause */
    int64_t claimed_at_s; /* when the claim under way was asked for: its leases run from later */
};

static struct timeval seconds(int s)
{
    return (struct timeval){s, 0};
}

static void arm(struct event *timer, int after_s)
{
    struct timeval wait = seconds(after_s);

    event_add(timer, &wait);
}

static void step_soon(struct deliver *deliver)
{
    event_active(deliver->work, EV_TIMEOUT, 0);
}

/* ---------------------------------------------------------------- finish */

static void flight_free(struct flight *flight)
{
    free(flight->provider_id);
    free(flight->error);
    free(flight);
}

static void finish_on_result(void *arg, enum db_outcome outcome, int landed)
{
    struct deliver *deliver = arg;
    struct flight *flight, *next;
    int asked = 0;

    deliver->finishing = false;
    for (flight = TAILQ_FIRST(&deliver->done); flight != NULL; flight = next) {
        next = TAILQ_NEXT(flight, entry);
        if (!flight->finishing)
            continue;
        asked++;
        flight->finishing = false;
        /* Where the database did not do it, or we do not know, it is asked again: the fence makes
         * that harmless. */
        if (outcome != DB_OK)
            continue;
        TAILQ_REMOVE(&deliver->done, flight, entry);
        flight_free(flight);
        deliver->flying--;
    }
    if (outcome == DB_OK && landed < asked)
        log_warning("finish_fenced", LOG_STR("link", deliver->channel->name),
                    LOG_INT("messages", asked - landed));
    if (outcome == DB_OK)
        step_soon(deliver);
}

static void finish_some(struct deliver *deliver)
{
    struct store_finish finishes[DELIVER_FINISH_MAX];
    struct flight *flight;
    int count = 0;

    if (deliver->finishing || !store_is_up(deliver->store))
        return;
    TAILQ_FOREACH(flight, &deliver->done, entry)
    {
        if (count == DELIVER_FINISH_MAX)
            break;
        finishes[count++] = (struct store_finish){
            .id = flight->id,
            .epoch = flight->epoch,
            .outcome = channel_outcome_word(flight->outcome),
            .provider_id = flight->provider_id,
            .error = flight->error,
        };
        flight->finishing = true;
    }
    if (count == 0)
        return;
    deliver->finishing = store_outbox_finish(deliver->store, deliver->channel->name, finishes,
                                             count, DELIVER_AGAIN_S, finish_on_result, deliver);
    if (deliver->finishing)
        return;
    TAILQ_FOREACH(flight, &deliver->done, entry)
    flight->finishing = false;
}

/* ---------------------------------------------------------------- send */

static int pause_of(const struct channel_result *result)
{
    if (result->pause_s <= 0)
        return DELIVER_PAUSE_S;
    return result->pause_s < DELIVER_PAUSE_MAX_S ? result->pause_s : DELIVER_PAUSE_MAX_S;
}

/* A link that stays down would win its messages back at the moment at which they are due again, for
 * it resumes then: it lets the others look first. */
static void deliver_pause(struct deliver *deliver, enum channel_outcome outcome, int pause_s)
{
    struct timeval wait = seconds(pause_s + (deliver->shared ? deliver->rules.poll_s + 1 : 0));

    /* A shorter pause that is asked for later cuts no longer one. */
    if (deliver->paused && clock_elapsed_s() + wait.tv_sec <= deliver->resume_at_s)
        return;
    if (!deliver->paused)
        log_warning("link_paused", LOG_STR("link", deliver->channel->name),
                    LOG_STR("reason", channel_outcome_word(outcome)),
                    LOG_INT("seconds", wait.tv_sec));
    deliver->paused = true;
    deliver->resume_at_s = clock_elapsed_s() + wait.tv_sec;
    event_add(deliver->resume, &wait);
}

/* PostgreSQL refuses what is no UTF-8, and with it the whole batch, again and again: then it is as
 * if the carrier had said nothing. */
static char *copy_of_text(const char *text)
{
    return text != NULL && text_is_utf8(text, strlen(text)) ? mem_strdup(text) : NULL;
}

static void flight_end(struct flight *flight, enum channel_outcome outcome, const char *provider_id,
                       const char *error)
{
    struct deliver *deliver = flight->deliver;

    flight->outcome = outcome;
    flight->provider_id = copy_of_text(provider_id);
    flight->error = copy_of_text(error);
    TAILQ_REMOVE(&deliver->wire, flight, entry);
    TAILQ_INSERT_TAIL(&deliver->done, flight, entry);
    step_soon(deliver);
}

static void send_on_answer(void *arg, const struct channel_result *result)
{
    struct flight *flight = arg;
    struct deliver *deliver = flight->deliver;

    /* It is the link that waits, and longer than the message: at its end it would be the first to
     * take it again, and a link that works would not get it. */
    if (result->outcome == CHANNEL_THROTTLED || result->outcome == CHANNEL_LINK_DOWN)
        deliver_pause(deliver, result->outcome, pause_of(result));
    if (result->outcome != CHANNEL_ACCEPTED)
        log_info("message_not_accepted", LOG_INT("message", flight->id),
                 LOG_STR("link", deliver->channel->name),
                 LOG_STR("outcome", channel_outcome_word(result->outcome)),
                 LOG_STR("error", result->error));
    flight_end(flight, result->outcome, result->provider_id, result->error);
}

/* The texts of one message, as its channel wants them. */
struct rendered {
    char sms[WORDING_SMS_MAX];
    struct wording_mail mail;
};

/* Whether a kind is to the staff of a centre, who look at the console. */
static bool is_for_staff(const char *kind)
{
    static const char *const kinds[] = {"alert_urgent", "alert_digest", "call_list"};

    for (size_t i = 0; i < MEM_COUNT(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* Completes the row's parameters by what only we know or can mint. */
static bool mint(const struct deliver *deliver, const struct store_claim *claim, json_t *params,
                 const char **why)
{
    if (claim->link_id != 0) {
        char url[REGISTER_URL_MAX];

        *why = "link_key_missing";
        if (!register_link_url(deliver->rules.keyring, deliver->rules.links_base_url, claim, url))
            return false;
        json_object_set_new(params, "url", json_string(url));
    }
    if (claim->code_digits != 0) {
        char code[SECRET_CODE_MAX];

        *why = "code_key_missing";
        if (!confirm_code(deliver->rules.keyring, claim, code))
            return false;
        json_object_set_new(params, "code", json_string(code));
        explicit_bzero(code, sizeof(code));
    }
    if (*deliver->rules.console_url != '\0' && is_for_staff(claim->kind))
        json_object_set_new(params, "console", json_string(deliver->rules.console_url));
    return true;
}

static bool render(const struct deliver *deliver, const struct store_claim *claim,
                   struct rendered *rendered, const char **why)
{
    const struct wording *wording = deliver->rules.wording;
    json_t *params = json_loads(claim->params, 0, NULL);
    bool ok = false;

    *why = "params_broken";
    if (params == NULL || !mint(deliver, claim, params, why))
        goto out;
    if (strcmp(deliver->channel->channel, "email") == 0)
        ok = wording_render_mail(wording, claim->kind, claim->language, params, &rendered->mail,
                                 why);
    else
        ok = wording_render_sms(wording, claim->kind, claim->language, params, rendered->sms, why);
out:
    json_decref(params);
    return ok;
}

/* Whether the lease of the claim under way has more left than a send can take: the fence guards the
 * row, this guards the wire. */
static bool lease_suffices(const struct deliver *deliver)
{
    return clock_elapsed_s() - deliver->claimed_at_s + 1 + deliver->channel->send_max_s <
           deliver->rules.lease_s;
}

static void send_claim(struct deliver *deliver, const struct store_claim *claim)
{
    struct flight *flight = mem_new(1, sizeof(*flight));
    struct rendered rendered = {.mail = {0}};
    struct channel_message message = {
        .id = claim->id, .recipient = claim->recipient, .language = claim->language};
    const char *why = NULL;

    flight->deliver = deliver;
    flight->id = claim->id;
    flight->epoch = claim->epoch;
    TAILQ_INSERT_TAIL(&deliver->wire, flight, entry);
    deliver->flying++;
    if (!render(deliver, claim, &rendered, &why)) {
        log_error("message_not_rendered", LOG_INT("message", claim->id),
                  LOG_STR("kind", claim->kind), LOG_STR("language", claim->language),
                  LOG_STR("reason", why));
        flight_end(flight, CHANNEL_REJECTED, NULL, why);
        return;
    }
    message.text = rendered.mail.text != NULL ? rendered.mail.text : rendered.sms;
    message.subject = rendered.mail.subject;
    message.html = rendered.mail.html;
    deliver->channel->send(deliver->channel->self, &message, send_on_answer, flight);
    wording_mail_free(&rendered.mail);
}

/* ---------------------------------------------------------------- claim */

static void release_on_result(void *arg, enum db_outcome outcome, int released)
{
    (void)arg;
    log_warning("claim_released", LOG_INT("messages", outcome == DB_OK ? released : 0));
}

/* A claim that came too late, or to a daemon that stops or a link that pauses: given back; where
 * even that fails, the lease runs out. */
static void release_claims(struct deliver *deliver, const struct store_claim *claims, int count)
{
    struct store_finish *back = mem_new((size_t)count, sizeof(*back));

    for (int i = 0; i < count; i++)
        back[i] = (struct store_finish){.id = claims[i].id, .epoch = claims[i].epoch};
    if (!store_outbox_release(deliver->store, deliver->instance, back, count, release_on_result,
                              deliver))
        log_warning("claim_not_released", LOG_INT("messages", count));
    free(back);
}

static void claim_on_result(void *arg, enum db_outcome outcome, const struct store_claim *claims,
                            int count)
{
    struct deliver *deliver = arg;

    deliver->claiming = false;
    if (outcome != DB_OK)
        return; /* the poll or the next wake-up comes back to it */
    if (count == 0) {
        if (deliver->more)
            step_soon(deliver); /* woken meanwhile: that claim may not have seen what was queued */
        return;
    }
    deliver->more = true;
    if (deliver->stopped || deliver->paused || !lease_suffices(deliver)) {
        release_claims(deliver, claims, count);
        return;
    }
    for (int i = 0; i < count; i++)
        send_claim(deliver, &claims[i]);
    step_soon(deliver);
}

static void claim_some(struct deliver *deliver)
{
    int room = deliver->channel->window - deliver->flying;

    if (deliver->claiming || deliver->stopped || deliver->paused || !deliver->more ||
        !store_is_up(deliver->store))
        return;
    /* A claim for every single place that falls free would cost a round trip a message. */
    if (room <= 0 || (room * 4 < deliver->channel->window && deliver->flying > 0))
        return;
    deliver->claimed_at_s = clock_elapsed_s();
    deliver->more = false;
    deliver->claiming =
        store_outbox_claim(deliver->store, deliver->instance, deliver->channel->channel,
                           room < DELIVER_CLAIM_MAX ? room : DELIVER_CLAIM_MAX,
                           deliver->rules.lease_s, claim_on_result, deliver);
    if (!deliver->claiming)
        deliver->more = true;
}

/* ---------------------------------------------------------------- the clockwork */

static void deliver_step(evutil_socket_t fd, short what, void *arg)
{
    struct deliver *deliver = arg;

    (void)fd;
    (void)what;
    finish_some(deliver);
    claim_some(deliver);
}

static void deliver_on_poll(evutil_socket_t fd, short what, void *arg)
{
    struct deliver *deliver = arg;

    (void)fd;
    (void)what;
    deliver_wake(deliver);
    arm(deliver->poll, deliver->rules.poll_s);
}

static void deliver_on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct deliver *deliver = arg;

    (void)fd;
    (void)what;
    deliver->paused = false;
    log_info("link_resumed", LOG_STR("link", deliver->channel->name));
    deliver_wake(deliver);
}

static void renew_on_result(void *arg, enum db_outcome outcome, int renewed)
{
    (void)arg;
    if (outcome == DB_OK)
        log_debug("leases_renewed", LOG_INT("messages", renewed));
}

static void deliver_on_renew(evutil_socket_t fd, short what, void *arg)
{
    struct deliver *deliver = arg;
    struct store_finish *claims = mem_new((size_t)deliver->flying, sizeof(*claims));
    struct flight *flight;
    int count = 0;

    (void)fd;
    (void)what;
    TAILQ_FOREACH(flight, &deliver->wire, entry)
    claims[count++] = (struct store_finish){.id = flight->id, .epoch = flight->epoch};
    TAILQ_FOREACH(flight, &deliver->done, entry)
    claims[count++] = (struct store_finish){.id = flight->id, .epoch = flight->epoch};
    if (count > 0 && !store_outbox_renew(deliver->store, deliver->instance, claims, count,
                                         deliver->rules.lease_s, renew_on_result, deliver))
        log_warning("leases_not_renewed", LOG_INT("messages", count));
    free(claims);
    arm(deliver->renew, deliver->rules.lease_s / 3);
}

struct deliver *deliver_new(struct event_base *base, struct store *store, const char *instance,
                            const struct channel *channel, const struct deliver_rules *rules)
{
    struct deliver *deliver = mem_new(1, sizeof(*deliver));

    deliver->base = base;
    deliver->store = store;
    deliver->instance = mem_strdup(instance);
    deliver->channel = channel;
    deliver->work = evtimer_new(base, deliver_step, deliver);
    deliver->poll = evtimer_new(base, deliver_on_poll, deliver);
    deliver->renew = evtimer_new(base, deliver_on_renew, deliver);
    deliver->resume = evtimer_new(base, deliver_on_resume, deliver);
    if (deliver->work == NULL || deliver->poll == NULL || deliver->renew == NULL ||
        deliver->resume == NULL)
        log_fatal("out of memory");
    TAILQ_INIT(&deliver->wire);
    TAILQ_INIT(&deliver->done);
    deliver_set_rules(deliver, rules);
    return deliver;
}

void deliver_free(struct deliver *deliver)
{
    struct flights *lists[] = {&deliver->wire, &deliver->done};
    struct flight *flight;

    for (size_t i = 0; i < MEM_COUNT(lists); i++) {
        while ((flight = TAILQ_FIRST(lists[i])) != NULL) {
            TAILQ_REMOVE(lists[i], flight, entry);
            flight_free(flight);
        }
    }
    event_free(deliver->work);
    event_free(deliver->poll);
    event_free(deliver->renew);
    event_free(deliver->resume);
    free(deliver->instance);
    free(deliver);
}

void deliver_set_rules(struct deliver *deliver, const struct deliver_rules *rules)
{
    struct deliver_rules old = deliver->rules;
    int least_s = deliver->channel->send_max_s + DELIVER_LEASE_SPARE_S;

    deliver->rules = *rules;
    if (rules->lease_s < least_s) {
        /* Nothing could ever be sent under it: see lease_suffices(). */
        deliver->rules.lease_s = least_s;
        log_info("lease_lengthened", LOG_STR("link", deliver->channel->name),
                 LOG_INT("seconds", least_s));
    }
    if (deliver->rules.poll_s != old.poll_s)
        arm(deliver->poll, deliver->rules.poll_s);
    if (deliver->rules.lease_s != old.lease_s)
        arm(deliver->renew, deliver->rules.lease_s / 3);
}

const char *deliver_channel(const struct deliver *deliver)
{
    return deliver->channel->channel;
}

void deliver_set_shared(struct deliver *deliver)
{
    deliver->shared = true;
}

void deliver_wake(struct deliver *deliver)
{
    deliver->more = true;
    step_soon(deliver);
}

void deliver_stop(struct deliver *deliver)
{
    deliver->stopped = true;
}

int deliver_busy(const struct deliver *deliver)
{
    return deliver->flying + (deliver->claiming ? 1 : 0);
}
