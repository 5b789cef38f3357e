/*
 * receive.c - takes messages in. Those that arrive while a commit is under way share the next one,
 * at most one of each sender. It keeps nothing: a message is stored, or the carrier is told to
 * bring it again.
 */
#include "flow/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/phone.h"
#include "flow/confirm.h"
#include "reply/reply.h"
#include "store/inbound.h"

enum {
    RECEIVE_BATCH = 100,
    RECEIVE_BATCH_BYTES = 4 << 20, /* of texts in one statement, but for one that is longer */
    RECEIVE_WAITING_MAX = 5000,    /* above it carriers are asked to come again: nothing is accepted
                                      that is not stored */
};

/* One message, from the webhook to its answer. */
struct intake {
    TAILQ_ENTRY(intake) entry;
    struct receive *receive;
    struct store_inbound row;   /* its strings are the intake's own */
    bool alone;                 /* the batch that it was in failed */
    char code[SECRET_CODE_MAX]; /* a lone code, until it is compared; "" */
    receive_done_cb *done;
    void *arg;
};
TAILQ_HEAD(intakes, intake);

struct receive {
    struct store *store;
    struct receive_rules rules;
    struct event *work;
    struct intakes waiting;
    struct intakes batch; /* in the database now */
    struct intakes codes; /* lone codes, to be tried before they wait */
    int count;            /* in all of them, and those whose code is being tried */
    struct reply reply;   /* of the message that is being read */
    char json[REPLY_JSON_MAX];
    char name[REPLY_MEMBER_MAX];
};

static void receive_wake(struct receive *receive)
{
    event_active(receive->work, EV_TIMEOUT, 0);
}

/* ---------------------------------------------------------------- the end of an intake */

static void intake_end(struct receive *receive, struct intake *intake, enum receive_outcome outcome)
{
    receive->count--;
    intake->done(intake->arg, outcome);
    free((char *)intake->row.link);
    free((char *)intake->row.provider_id);
    free((char *)intake->row.sender);
    free((char *)intake->row.recipient);
    free((char *)intake->row.raw);
    free((char *)intake->row.parsed);
    free((char *)intake->row.name);
    free((char *)intake->row.note);
    explicit_bzero(intake->code, sizeof(intake->code));
    free(intake);
}

static void batch_end(struct receive *receive, enum receive_outcome outcome)
{
    struct intake *intake;

    while ((intake = TAILQ_FIRST(&receive->batch)) != NULL) {
        TAILQ_REMOVE(&receive->batch, intake, entry);
        intake_end(receive, intake, outcome);
    }
    receive_wake(receive);
}

/* ---------------------------------------------------------------- what the database says */

static void raw_on_result(void *arg, enum db_outcome outcome, const char *sqlstate,
                          const struct store_inbound_result *results, int count)
{
    struct receive *receive = arg;

    if (outcome == DB_OK && count == 1)
        log_error("inbound_failed", LOG_INT("inbound", results[0].id));
    else
        log_error("inbound_not_stored", LOG_STR("sqlstate", sqlstate));
    batch_end(receive, outcome == DB_OK ? RECEIVE_STORED : RECEIVE_UNAVAILABLE);
}

/* Errors that pass (PostgreSQL manual, appendix A): the same message may well be taken a moment
 * later. */
static bool error_passes(const char *sqlstate)
{
    static const char *const classes[] = {"08", "25", "40", "53", "54", "55", "57", "58"};

    for (size_t i = 0; i < MEM_COUNT(classes); i++)
        if (strncmp(sqlstate, classes[i], 2) == 0)
            return true;
    return false;
}

/* A batch of several is tried again one by one; one that fails by itself is kept raw for the
 * operator. */
static void batch_failed(struct receive *receive, const char *sqlstate)
{
    struct intake *intake = TAILQ_FIRST(&receive->batch);

    if (TAILQ_NEXT(intake, entry) == NULL) {
        if (error_passes(sqlstate) ||
            !store_inbound_raw(receive->store, &intake->row, raw_on_result, receive))
            batch_end(receive, RECEIVE_UNAVAILABLE);
        return;
    }
    while ((intake = TAILQ_LAST(&receive->batch, intakes)) != NULL) {
        TAILQ_REMOVE(&receive->batch, intake, entry);
        intake->alone = true;
        TAILQ_INSERT_HEAD(&receive->waiting, intake, entry);
    }
    receive_wake(receive);
}

static void batch_on_result(void *arg, enum db_outcome outcome, const char *sqlstate,
                            const struct store_inbound_result *results, int count)
{
    struct receive *receive = arg;

    switch (outcome) {
    case DB_OK:
        for (int i = 0; i < count; i++) {
            log_info(results[i].stored ? "inbound_stored" : "inbound_known",
                     LOG_INT("inbound", results[i].id), LOG_STR("answer", results[i].answer_kind));
            if (strcmp(results[i].note, "flood") == 0)
                log_warning("inbound_flood", LOG_INT("inbound", results[i].id));
        }
        batch_end(receive, RECEIVE_STORED);
        return;
    case DB_ERROR:
        batch_failed(receive, sqlstate);
        return;
    case DB_LOST: /* it may be stored: brought again, it is recognised */
    case DB_UNAVAILABLE:
        batch_end(receive, RECEIVE_UNAVAILABLE);
        return;
    }
}

/* ---------------------------------------------------------------- lone codes */

/* The try has counted; what came of it goes to the database together with the message. */
static void code_on_try(void *arg, enum db_outcome outcome, const char *sqlstate,
                        const struct store_inbound_code *code)
{
    struct intake *intake = arg;
    struct receive *receive = intake->receive;

    if (outcome != DB_OK && (outcome != DB_ERROR || error_passes(sqlstate))) {
        intake_end(receive, intake, RECEIVE_UNAVAILABLE);
        return;
    }
    intake->row.code = "none";
    if (code != NULL) {
        intake->row.code_id = code->id;
        intake->row.code =
            confirm_same(receive->rules.keyring, code, intake->code) ? "right" : "wrong";
    }
    TAILQ_INSERT_TAIL(&receive->waiting, intake, entry);
    receive_wake(receive);
}

static void try_codes(struct receive *receive)
{
    struct intake *intake;

    while ((intake = TAILQ_FIRST(&receive->codes)) != NULL) {
        TAILQ_REMOVE(&receive->codes, intake, entry);
        if (!store_inbound_code_try(receive->store, &intake->row, code_on_try, intake))
            intake_end(receive, intake, RECEIVE_UNAVAILABLE);
    }
}

/* ---------------------------------------------------------------- the batch */

static bool batch_has_sender(const struct receive *receive, const char *sender)
{
    const struct intake *intake;

    TAILQ_FOREACH(intake, &receive->batch, entry)
    if (strcmp(intake->row.sender, sender) == 0)
        return true;
    return false;
}

static void batch_fill(struct receive *receive, struct store_inbound rows[RECEIVE_BATCH],
                       int *count)
{
    struct intake *intake, *next;
    size_t bytes = 0;

    *count = 0;
    for (intake = TAILQ_FIRST(&receive->waiting); intake != NULL && *count < RECEIVE_BATCH;
         intake = next) {
        next = TAILQ_NEXT(intake, entry);
        if (*count > 0 && (intake->alone || bytes + intake->row.raw_len > RECEIVE_BATCH_BYTES))
            break;
        if (batch_has_sender(receive, intake->row.sender))
            continue;
        TAILQ_REMOVE(&receive->waiting, intake, entry);
        TAILQ_INSERT_TAIL(&receive->batch, intake, entry);
        rows[(*count)++] = intake->row;
        bytes += intake->row.raw_len;
        if (intake->alone)
            break;
    }
}

static void receive_step(evutil_socket_t fd, short what, void *arg)
{
    struct receive *receive = arg;
    struct store_inbound rows[RECEIVE_BATCH];
    int count;

    (void)fd;
    (void)what;
    try_codes(receive);
    if (!TAILQ_EMPTY(&receive->batch))
        return;
    batch_fill(receive, rows, &count);
    if (count > 0 && !store_inbound(receive->store, rows, count, batch_on_result, receive))
        batch_end(receive, RECEIVE_UNAVAILABLE);
}

/* ---------------------------------------------------------------- a message is taken */

/* Telephones get their E.164 form; of any other sender we keep what the carrier wrote. */
static void intake_read_sender(struct intake *intake, const char *sender)
{
    char number[PHONE_MAX];
    enum phone_kind kind = phone_parse(sender, strlen(sender), number);

    intake->row.answerable = kind == PHONE_MOBILE;
    intake->row.sender = mem_strdup(kind == PHONE_MOBILE || kind == PHONE_FIXED ? number : sender);
}

/* What the parser knows beside what it says (doc/reply-grammar.md, section 4). */
static void intake_read_more(struct intake *intake, const struct reply *reply)
{
    bool incomplete = reply->outcome == REPLY_INCOMPLETE;

    intake->row.note = mem_strdup(incomplete ? reply->reports[0].note : "");
    intake->row.needs_review = incomplete && reply->needs_review;
    intake->row.stop_word = reply->stop_word;
    intake->row.several = reply->several;
    intake->row.cancel = reply->cancel;
    snprintf(intake->code, sizeof(intake->code), "%s", reply->code);
}

/* The text is kept as it came; what is read is what is not ours of it. */
static void intake_read_text(struct receive *receive, struct intake *intake, const char *text,
                             size_t len)
{
    struct reply_rules rules = {.spo2_required = receive->rules.spo2_required};
    char *rest = mem_new(len, 1);
    size_t rest_len = wording_strip_ours(receive->rules.wording, text, len, rest);

    reply_parse(rest, rest_len, &rules, &receive->reply);
    reply_format_json(&receive->reply, receive->json, sizeof(receive->json));
    reply_lone_name(rest, rest_len, receive->name);
    intake->row.parsed = mem_strdup(receive->json);
    intake->row.name = mem_strdup(receive->name);
    intake_read_more(intake, &receive->reply);
    intake->row.raw = mem_strndup(text, len);
    intake->row.raw_len = len;
    intake->row.own_text = rest_len != len;
    free(rest);
}

void receive_take(struct receive *receive, const struct receive_message *message,
                  receive_done_cb *done, void *arg)
{
    struct intake *intake = mem_new(1, sizeof(*intake));

    intake->receive = receive;
    intake->done = done;
    intake->arg = arg;
    intake->row.link = mem_strdup(message->link);
    intake->row.provider_id = mem_strdup(message->provider_id);
    intake->row.recipient = mem_strdup(message->recipient);
    intake_read_sender(intake, message->sender);
    intake_read_text(receive, intake, message->text, message->len);
    receive->count++;
    if (receive->rules.confirm_by_sms && intake->code[0] != '\0' && intake->row.answerable &&
        !intake->row.own_text)
        TAILQ_INSERT_TAIL(&receive->codes, intake, entry);
    else
        TAILQ_INSERT_TAIL(&receive->waiting, intake, entry);
    receive_wake(receive);
}

bool receive_is_full(const struct receive *receive)
{
    return receive->count >= RECEIVE_WAITING_MAX || !store_is_up(receive->store);
}

struct receive *receive_new(struct event_base *base, struct store *store,
                            const struct receive_rules *rules)
{
    struct receive *receive = mem_new(1, sizeof(*receive));

    receive->store = store;
    receive->rules = *rules;
    receive->work = evtimer_new(base, receive_step, receive);
    if (receive->work == NULL)
        log_fatal("out of memory");
    TAILQ_INIT(&receive->waiting);
    TAILQ_INIT(&receive->codes);
    TAILQ_INIT(&receive->batch);
    return receive;
}

void receive_free(struct receive *receive)
{
    batch_end(receive, RECEIVE_UNAVAILABLE);
    TAILQ_CONCAT(&receive->batch, &receive->waiting, entry);
    TAILQ_CONCAT(&receive->batch, &receive->codes, entry);
    batch_end(receive, RECEIVE_UNAVAILABLE);
    event_free(receive->work);
    free(receive);
}

void receive_set_rules(struct receive *receive, const struct receive_rules *rules)
{
    receive->rules = *rules;
}

int receive_busy(const struct receive *receive)
{
    return receive->count;
}
