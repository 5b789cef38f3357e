/* provider_sandbox.c - the sandbox carrier's webhooks. Messages go to it within the daemon:
 * sandbox.c. */
#include <string.h>

#include "base/mem.h"
#include "base/place.h"
#include "base/secret.h"
#include "channel/provider.h"
#include "channel/sandbox.h"

static bool sandbox_takes(const void *self, enum provider_event event, const char *method)
{
    (void)self;
    (void)event;
    return strcmp(method, "POST") == 0;
}

static enum provider_check sandbox_verify(const void *self, const struct provider_webhook *webhook)
{
    const char *signature = webhook->header(webhook->arg, SANDBOX_SIGNATURE);

    if (!provider_is_form(webhook))
        return PROVIDER_WRONG_TYPE;
    if (signature == NULL)
        return PROVIDER_UNSIGNED;
    return secret_verify(sandbox_keyring(self), SECRET_SANDBOX, webhook->body, webhook->len,
                         signature)
               ? PROVIDER_GENUINE
               : PROVIDER_FORGED;
}

static struct place_reader *read_body(const struct provider_webhook *webhook)
{
    struct place_source source = {.body = webhook->body, .len = webhook->len, .query = ""};

    return place_reader_new(&source);
}

static bool sandbox_read_message(const void *self, const struct provider_webhook *webhook,
                                 struct provider_inbound *message, const char **why)
{
    struct place_reader *reader = read_body(webhook);
    const char *text = place_get(reader, "form:text", &message->len);
    bool ok = text != NULL && place_copy_text(reader, "form:id", message->id, PROVIDER_ID_MAX) &&
              place_copy_text(reader, "form:from", message->sender, PROVIDER_ADDRESS_MAX) &&
              place_copy_text(reader, "form:to", message->recipient, PROVIDER_ADDRESS_MAX);

    (void)self;
    *why = "The fields id, from, to and text have to be there, once each.";
    if (ok)
        message->text = mem_strndup(text, message->len);
    place_reader_free(reader);
    return ok;
}

static bool sandbox_read_receipt(const void *self, const struct provider_webhook *webhook,
                                 struct provider_receipt *receipt, const char **why)
{
    static const enum provider_state states[] = {PROVIDER_DELIVERED, PROVIDER_UNDELIVERED,
                                                 PROVIDER_EXPIRED};
    struct place_reader *reader = read_body(webhook);
    const char *word = place_get_text(reader, "form:state");
    bool ok = false;

    (void)self;
    *why = "The fields id and state have to be there; state is delivered, undelivered or expired.";
    for (size_t i = 0; word != NULL && !ok && i < MEM_COUNT(states); i++) {
        receipt->state = states[i];
        ok = strcmp(provider_state_word(states[i]), word) == 0;
    }
    ok = ok && place_copy_text(reader, "form:id", receipt->id, PROVIDER_ID_MAX);
    place_reader_free(reader);
    return ok;
}

static struct provider_answer sandbox_answer(const void *self)
{
    (void)self;
    return (struct provider_answer){.type = "application/json", .body = "{\"stored\":true}"};
}

const struct provider provider_sandbox = {
    .type = "sandbox",
    .takes = sandbox_takes,
    .verify = sandbox_verify,
    .read_message = sandbox_read_message,
    .read_receipt = sandbox_read_receipt,
    .answer = sandbox_answer,
};
