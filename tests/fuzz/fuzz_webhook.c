/*
 * fuzz_webhook.c - any bytes as what a carrier brings (libFuzzer): nothing unsigned is genuine, and
 * what is read is whole. The first byte chooses the link, the rest is query, signature and body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "channel/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The real one belongs to the HTTP client, which this program does without. */
const char *http_answer_header(const struct http_answer *answer, const char *name)
{
    (void)answer;
    (void)name;
    return NULL;
}

static char secret_path[64];

static const char *states[] = {"0=delivered", "1=undelivered", "a=b=expired", "*=ignored"};

/* What is not of a link is the empty text. */
#define NOTHING                                                                                    \
    .ca_file = "", .from = "+817000000000", .account_sid = "AC", .api_key_sid = "",                \
    .api_key_secret_file = "", .messaging_service_sid = "", .api_url = "https://a.example",        \
    .connection_overrides = "", .auth_token_file = secret_path, .method = "POST",                  \
    .url = "https://a.example", .body_type = "none", .body = "", .number_format = "e164",          \
    .auth = "none", .user = "", .secret_file = "", .server_error = "retry", .id_at = "",           \
    .error_at = "", .receipt_method = "POST", .reply_method = "POST",                              \
    .webhook_secret_file = secret_path, .webhook_header = "X-Signature", .webhook_prefix = "",     \
    .webhook_hash = "sha256", .webhook_encoding = "hex", .webhook_user = "me",                     \
    .webhook_query = "t", .webhook_answer = "", .webhook_answer_type = "",                         \
    .receipt_states = {states, MEM_COUNT(states)}

static const struct conf_carrier links[] = {
    {.name = "twilio", .type = CONF_CARRIER_TWILIO, NOTHING},
    {.name = "json",
     .type = CONF_CARRIER_GENERIC,
     .webhook_auth = "hmac",
     .receipt_id_at = "json:a.0.id",
     .receipt_state_at = "json:a.0.state",
     .receipt_error_at = "json:e",
     .reply_id_at = "json:id",
     .reply_from_at = "json:m.from",
     .reply_to_at = "json:m.1",
     .reply_text_at = "json:text",
     NOTHING},
    {.name = "form",
     .type = CONF_CARRIER_GENERIC,
     .webhook_auth = "query",
     .receipt_id_at = "form:id",
     .receipt_state_at = "query:state",
     .receipt_error_at = "",
     .reply_id_at = "form:id",
     .reply_from_at = "header:X-Signature",
     .reply_to_at = "",
     .reply_text_at = "form:text",
     NOTHING},
    {.name = "basic",
     .type = CONF_CARRIER_GENERIC,
     .webhook_auth = "basic",
     .receipt_id_at = "query:id",
     .receipt_state_at = "query:state",
     .receipt_error_at = "query:e",
     .reply_id_at = "query:id",
     .reply_from_at = "query:from",
     .reply_to_at = "query:to",
     .reply_text_at = "query:text",
     NOTHING},
};

static void *selves[MEM_COUNT(links)];

static void open_links(void)
{
    static const char secret[] = "no input can know this 5c1f\n";
    int fd = memfd_create("secret", 0);
    char error[256];

    if (fd < 0 || write(fd, secret, strlen(secret)) != (ssize_t)strlen(secret) ||
        fchmod(fd, 0600) != 0)
        abort();
    snprintf(secret_path, sizeof(secret_path), "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < MEM_COUNT(links); i++) {
        selves[i] = provider_find(links[i].type)
                        ->open(&links[i], "https://g.example", error, sizeof(error));
        if (selves[i] == NULL)
            abort();
    }
    close(fd);
}

static const char *find_header(void *arg, const char *name)
{
    if (strcmp(name, "Content-Type") == 0)
        return "application/x-www-form-urlencoded";
    return arg;
}

static void must_be_text(const char *text, size_t max)
{
    if (*text == '\0' || strlen(text) > max || !text_is_utf8(text, strlen(text)))
        abort();
}

static void read_all(const struct provider *provider, const void *self,
                     const struct provider_webhook *webhook)
{
    struct provider_inbound inbound = {0};
    struct provider_receipt receipt = {0};
    const char *why = NULL;

    if (provider->verify(self, webhook) == PROVIDER_GENUINE)
        abort();
    if (provider->read_message(self, webhook, &inbound, &why)) {
        must_be_text(inbound.id, PROVIDER_ID_MAX - 1);
        must_be_text(inbound.sender, PROVIDER_ADDRESS_MAX - 1);
        must_be_text(inbound.recipient, PROVIDER_ADDRESS_MAX - 1);
        if (inbound.text == NULL || inbound.text[inbound.len] != '\0')
            abort();
    }
    free(inbound.text);
    if (provider->read_receipt(self, webhook, &receipt, &why)) {
        must_be_text(receipt.id, PROVIDER_ID_MAX - 1);
        if (strlen(receipt.error) >= PROVIDER_ERROR_MAX ||
            *provider_state_word(receipt.state) == '\0')
            abort();
    }
}

/* The bytes up to the next line feed, and what is behind it. */
static char *take_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    size_t len = end != NULL ? (size_t)(end - *data) : *size;
    char *line = mem_strndup((const char *)*data, len);

    *data += end != NULL ? len + 1 : len;
    *size -= end != NULL ? len + 1 : len;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t which = size > 0 ? data[0] % MEM_COUNT(links) : 0;

    if (selves[0] == NULL)
        open_links();
    if (size == 0)
        return 0;
    data++;
    size--;
    char *query = take_line(&data, &size), *signature = take_line(&data, &size);
    char *body = mem_strndup((const char *)data, size);

    read_all(provider_find(links[which].type), selves[which],
             &(struct provider_webhook){.method = "POST",
                                        .path = "/webhooks/x/message",
                                        .query = query,
                                        .body = body,
                                        .len = size,
                                        .header = find_header,
                                        .arg = signature});
    free(query);
    free(signature);
    free(body);
    return 0;
}
