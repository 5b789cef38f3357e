/*
 * fuzz_answer.c - any bytes as a carrier's answer, and as the text of a message (libFuzzer): what
 * is accepted has its name, errors are words, and no text comes out of its place in a request.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fill.h"
#include "base/form.h"
#include "base/mem.h"
#include "base/text.h"
#include "channel/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The real one belongs to the HTTP client, which this program does without. */
const char *http_answer_header(const struct http_answer *answer, const char *name)
{
    (void)answer;
    return strcmp(name, "X-Id") == 0 ? "from-header" : NULL;
}

static struct conf_rule rules[] = {
    {.status = "200",
     .status_from = 200,
     .status_to = 200,
     .at = "json:r.0.code",
     .equals = "0",
     .outcome = "accepted"},
    {.at = "form:code", .outcome = "accepted"},
    {.at = "body:ERR=*", .contains = "x", .outcome = "retry"},
    {.contains = "busy", .outcome = "throttled", .error = "busy"},
};

#define GENERIC                                                                                    \
    .type = CONF_CARRIER_GENERIC, .secret_file = "", .webhook_secret_file = "", .auth = "none",    \
    .webhook_auth = "none", .server_error = "retry", .rules = {rules, MEM_COUNT(rules)},           \
    .error_at = "json:r.0.why"

static char secret_path[64];

static const struct conf_carrier links[] = {
    {.name = "t",
     .type = CONF_CARRIER_TWILIO,
     .account_sid = "AC",
     .api_key_sid = "",
     .auth_token_file = secret_path,
     .api_url = "",
     .connection_overrides = ""},
    {.name = "a", .id_at = "json:r.0.id", GENERIC},
    {.name = "b", .id_at = "body:ID=*;", GENERIC},
    {.name = "c", .id_at = "form:id", GENERIC},
    {.name = "d", .id_at = "header:X-Id", GENERIC},
};

static void *selves[MEM_COUNT(links)];

static void open_links(void)
{
    int fd = memfd_create("secret", 0);
    char error[256];

    if (fd < 0 || write(fd, "secret\n", 7) != 7 || fchmod(fd, 0600) != 0)
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

static void read_answer(size_t which, int status, const char *body, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_-.";
    const struct http_answer answer = {.outcome = HTTP_ANSWERED,
                                       .status = status,
                                       .body = body,
                                       .len = len,
                                       .retry_after_s = -1,
                                       .error = ""};
    struct provider_verdict verdict = {0};

    if (!provider_find(links[which].type)->read_answer(selves[which], &answer, &verdict))
        return;
    if (strlen(verdict.id) >= PROVIDER_ID_MAX || !text_is_utf8(verdict.id, strlen(verdict.id)) ||
        strlen(verdict.error) >= PROVIDER_ERROR_MAX ||
        strspn(verdict.error, letters) != strlen(verdict.error) ||
        *channel_outcome_word(verdict.outcome) == '\0')
        abort();
    if (verdict.outcome == CHANNEL_ACCEPTED && (status < 200 || status > 299) &&
        links[which].type == CONF_CARRIER_TWILIO)
        abort();
}

static void must_be(bool held)
{
    if (!held)
        abort();
}

/* The text comes out of each pattern as it went in, and nothing else does. */
static void fill_all(const char *text)
{
    struct fill_values values = {.recipient = "+817000000001",
                                 .text = text,
                                 .reference = "1",
                                 .sender = "s",
                                 .callback = "c",
                                 .user = "u",
                                 .secret = "SECRET"};
    char *out =
        fill("{\"a\": [\"{{text}}\"], \"b\": {\"c\": \"{{recipient}}\"}}", FILL_JSON, &values);

    if (!text_is_utf8(text, strlen(text))) {
        must_be(out == NULL);
        return;
    }
    json_t *json = out != NULL ? json_loads(out, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *back = json_string_value(json_array_get(json_object_get(json, "a"), 0));
    must_be(json_object_size(json) == 2 && back != NULL && strcmp(back, text) == 0);
    json_decref(json);
    free(out);

    out = fill("a={{text}}&b={{recipient}}", FILL_FORM, &values);
    struct form *form = form_parse(out, strlen(out), 4);
    must_be(form != NULL && form_count(form) == 2);
    back = form_get_text(form, "a");
    must_be(back != NULL && strcmp(back, text) == 0);
    form_free(form);
    free(out);

    out = fill("{{text}}", FILL_HEADER, &values);
    for (const char *at = out; *at != '\0'; at++)
        must_be(*at > ' ' && *at <= '~' && *at != '"' && *at != '{');
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (selves[0] == NULL)
        open_links();
    if (size < 2)
        return 0;
    char *body = mem_strndup((const char *)data + 2, size - 2);

    read_answer(data[0] % MEM_COUNT(links), 100 + data[1] * 2, body, size - 2);
    fill_all(body);
    free(body);
    return 0;
}
