/* provider_generic.c - any carrier with an HTTP API, as its configuration describes it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/fill.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/place.h"
#include "base/secret.h"
#include "base/secret_file.h"
#include "channel/provider.h"

struct generic {
    const struct conf_carrier *conf;
    char *secret;         /* NULL where there is none */
    char *webhook_secret; /* NULL where there is none */
    char *webhook_basic;  /* base64 of name and password; NULL unless webhook_auth is basic */
    char *authorization;  /* the header; NULL where there is none */
    char *callback;
};

static bool is(const char *value, const char *word)
{
    return strcmp(value, word) == 0;
}

/* ---------------------------------------------------------------- opening */

static void generic_close(void *self)
{
    struct generic *generic = self;

    if (generic == NULL)
        return;
    secret_file_free(generic->secret);
    secret_file_free(generic->webhook_secret);
    secret_file_free(generic->webhook_basic);
    secret_file_free(generic->authorization);
    free(generic->callback);
    free(generic);
}

/* The secret of a file, or none where no file is named. */
static bool read_secret(const char *path, char **secret, char *error, size_t size)
{
    if (*path == '\0')
        return true;
    *secret = secret_file_read(path, error, size);
    return *secret != NULL;
}

/* RFC 7617: base64 of "user:password". */
static char *basic_credentials(const char *user, const char *password)
{
    char *pair = mem_printf("%s:%s", user, password);
    char *encoded = base64_encode(pair, strlen(pair));

    secret_file_free(pair);
    return encoded;
}

static void make_authorization(struct generic *generic)
{
    const struct conf_carrier *conf = generic->conf;

    if (is(conf->auth, "bearer")) {
        generic->authorization = mem_printf("Authorization: Bearer %s", generic->secret);
    } else if (is(conf->auth, "basic")) {
        char *encoded = basic_credentials(conf->user, generic->secret);

        generic->authorization = mem_printf("Authorization: Basic %s", encoded);
        secret_file_free(encoded);
    }
    if (is(conf->webhook_auth, "basic"))
        generic->webhook_basic = basic_credentials(conf->webhook_user, generic->webhook_secret);
}

static void *generic_open(const struct conf_carrier *conf, const char *public_url, char *error,
                          size_t size)
{
    struct generic *generic = mem_new(1, sizeof(*generic));

    generic->conf = conf;
    generic->callback = mem_printf("%s/webhooks/%s/receipt", public_url, conf->name);
    if (read_secret(conf->secret_file, &generic->secret, error, size) &&
        read_secret(conf->webhook_secret_file, &generic->webhook_secret, error, size)) {
        make_authorization(generic);
        return generic;
    }
    generic_close(generic);
    return NULL;
}

static struct provider_traits generic_traits(const void *self)
{
    const struct conf_carrier *conf = ((const struct generic *)self)->conf;

    return (struct provider_traits){
        .idempotent = conf->idempotent,
        .promises_id = *conf->id_at != '\0',
        .error_is_vague = is(conf->server_error, "unknown"),
    };
}

/* ---------------------------------------------------------------- submit */

/* The number as the carrier wants it; false where there is no such form of it. */
static bool write_number(const char *format, const char *e164, char number[PROVIDER_ADDRESS_MAX])
{
    if (strlen(e164) >= PROVIDER_ADDRESS_MAX - 1 || *e164 != '+')
        return false;
    if (is(format, "e164"))
        snprintf(number, PROVIDER_ADDRESS_MAX, "%s", e164);
    else if (is(format, "digits"))
        snprintf(number, PROVIDER_ADDRESS_MAX, "%s", e164 + 1);
    else if (strncmp(e164, "+81", 3) == 0)
        snprintf(number, PROVIDER_ADDRESS_MAX, "0%s", e164 + 3);
    else
        return false;
    return true;
}

static bool has_header(const struct conf_carrier *conf, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < conf->headers.count; i++)
        if (strncasecmp(conf->headers.items[i], name, len) == 0 &&
            conf->headers.items[i][len] == ':')
            return true;
    return false;
}

static bool build_headers(const struct generic *generic, const struct fill_values *values,
                          struct provider_request *request)
{
    const struct conf_carrier *conf = generic->conf;

    if (is(conf->body_type, "json") && !has_header(conf, "Content-Type"))
        provider_request_header(request, mem_strdup("Content-Type: application/json"));
    if (is(conf->body_type, "form") && !has_header(conf, "Content-Type"))
        provider_request_header(request, mem_strdup("Content-Type: "
                                                    "application/x-www-form-urlencoded"));
    if (generic->authorization != NULL)
        provider_request_header(request, mem_strdup(generic->authorization));
    for (size_t i = 0; i < conf->headers.count; i++) {
        const char *header = conf->headers.items[i];
        size_t name = strcspn(header, ":");
        char *value = fill(header + name + 2, FILL_HEADER, values);

        if (value == NULL)
            return false;
        provider_request_header(request, mem_printf("%.*s: %s", (int)name, header, value));
        secret_file_free(value);
    }
    return true;
}

static bool generic_build(const void *self, const struct channel_message *message,
                          struct provider_request *request, const char **why)
{
    const struct generic *generic = self;
    const struct conf_carrier *conf = generic->conf;
    char number[PROVIDER_ADDRESS_MAX], reference[24];
    struct fill_values values = {
        .recipient = number,
        .text = message->text,
        .reference = reference,
        .sender = conf->from,
        .callback = generic->callback,
        .user = conf->user,
        .secret = generic->secret != NULL ? generic->secret : "",
    };

    snprintf(reference, sizeof(reference), "%lld", (long long)message->id);
    *why = "number_format";
    if (!write_number(conf->number_format, message->recipient, number))
        return false;
    *why = "not_utf8";
    request->method = conf->method;
    request->url = fill(conf->url, FILL_URL, &values);
    if (request->url == NULL || !build_headers(generic, &values, request))
        return false;
    if (is(conf->body_type, "none"))
        return true;
    request->body = fill(conf->body, is(conf->body_type, "json") ? FILL_JSON : FILL_FORM, &values);
    request->len = request->body != NULL ? strlen(request->body) : 0;
    return request->body != NULL;
}

/* ---------------------------------------------------------------- its answer */

static const char *answer_header(void *arg, const char *name)
{
    return http_answer_header(arg, name);
}

static bool rule_holds(const struct conf_rule *rule, const struct http_answer *answer,
                       struct place_reader *reader)
{
    size_t len = 0;
    const char *value;

    if (rule->status != NULL &&
        (answer->status < rule->status_from || answer->status > rule->status_to))
        return false;
    if (rule->at == NULL && rule->contains == NULL)
        return true;
    value = place_get(reader, rule->at != NULL ? rule->at : "body", &len);
    if (value == NULL)
        return false;
    if (rule->equals != NULL &&
        (strlen(rule->equals) != len || memcmp(rule->equals, value, len) != 0))
        return false;
    return rule->contains == NULL ||
           memmem(value, len, rule->contains, strlen(rule->contains)) != NULL;
}

static enum channel_outcome outcome_of_word(const char *word)
{
    for (int outcome = 0; outcome < CHANNEL_OUTCOMES; outcome++)
        if (is(channel_outcome_word((enum channel_outcome)outcome), word))
            return (enum channel_outcome)outcome;
    log_fatal("a rule was read without its check");
}

static bool generic_read_answer(const void *self, const struct http_answer *answer,
                                struct provider_verdict *verdict)
{
    const struct conf_carrier *conf = ((const struct generic *)self)->conf;
    struct place_source source = {
        .body = answer->body,
        .len = answer->len,
        .query = "",
        .header = answer_header,
        .arg = (void *)answer, /* only read */
    };
    struct place_reader *reader = place_reader_new(&source);
    const struct conf_rule *rule = NULL;

    for (size_t i = 0; rule == NULL && i < conf->rules.count; i++)
        if (rule_holds(&conf->rules.items[i], answer, reader))
            rule = &conf->rules.items[i];
    if (rule != NULL) {
        verdict->outcome = outcome_of_word(rule->outcome);
        if (*conf->id_at == '\0' ||
            !place_copy_text(reader, conf->id_at, verdict->id, sizeof(verdict->id)))
            verdict->id[0] = '\0';
        if (rule->error != NULL)
            provider_copy_error(verdict->error, rule->error);
        else if (*conf->error_at != '\0' && verdict->outcome != CHANNEL_ACCEPTED)
            provider_copy_error(verdict->error, place_get_text(reader, conf->error_at));
    }
    place_reader_free(reader);
    return rule != NULL;
}

/* ---------------------------------------------------------------- who brings it */

static bool generic_takes(const void *self, enum provider_event event, const char *method)
{
    const struct conf_carrier *conf = ((const struct generic *)self)->conf;

    switch (event) {
    case PROVIDER_MESSAGE:
        return is(conf->reply_method, method);
    case PROVIDER_RECEIPT:
        return is(conf->receipt_method, method);
    }
    return false;
}

/* What stands in the header behind the prefix; NULL where nothing does. */
static const char *given_in_header(const struct conf_carrier *conf,
                                   const struct provider_webhook *webhook)
{
    const char *value = webhook->header(webhook->arg, conf->webhook_header);
    size_t prefix = strlen(conf->webhook_prefix);

    if (value == NULL || strncmp(value, conf->webhook_prefix, prefix) != 0 || value[prefix] == '\0')
        return NULL;
    return value + prefix;
}

/* To be freed by the caller. */
static char *write_mac(const char *encoding, const uint8_t *mac, size_t len)
{
    char *text;

    if (is(encoding, "base64"))
        return base64_encode(mac, len);
    text = mem_new(2 * len + 1, 1);
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", mac[i]);
    return text;
}

static enum provider_check verify_hmac(const struct generic *generic,
                                       const struct provider_webhook *webhook)
{
    const struct conf_carrier *conf = generic->conf;
    const char *given = given_in_header(conf, webhook);
    uint8_t mac[SECRET_HASH_BYTES];
    char *expected, *wanted;
    size_t len;
    bool same;

    if (given == NULL)
        return PROVIDER_UNSIGNED;
    len = secret_hmac(is(conf->webhook_hash, "sha1") ? SECRET_SHA1 : SECRET_SHA256,
                      generic->webhook_secret, strlen(generic->webhook_secret), webhook->body,
                      webhook->len, mac);
    expected = write_mac(conf->webhook_encoding, mac, len);
    wanted = mem_strdup(given);
    for (char *at = wanted; is(conf->webhook_encoding, "hex") && *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    same = secret_same(wanted, expected);
    free(wanted);
    free(expected);
    return same ? PROVIDER_GENUINE : PROVIDER_FORGED;
}

static enum provider_check compare(const char *given, const char *secret)
{
    if (given == NULL)
        return PROVIDER_UNSIGNED;
    return secret_same(given, secret) ? PROVIDER_GENUINE : PROVIDER_FORGED;
}

static enum provider_check verify_basic(const struct generic *generic,
                                        const struct provider_webhook *webhook)
{
    const char *value = webhook->header(webhook->arg, "Authorization");

    if (value == NULL || strncasecmp(value, "Basic ", 6) != 0)
        return PROVIDER_UNSIGNED;
    return compare(value + 6 + strspn(value + 6, " "), generic->webhook_basic);
}

static struct place_reader *read_request(const struct provider_webhook *webhook)
{
    struct place_source source = {
        .body = webhook->body,
        .len = webhook->len,
        .query = webhook->query,
        .header = webhook->header,
        .arg = webhook->arg,
    };

    return place_reader_new(&source);
}

static enum provider_check verify_query(const struct generic *generic,
                                        const struct provider_webhook *webhook)
{
    struct place_reader *reader = read_request(webhook);
    char *place = mem_printf("query:%s", generic->conf->webhook_query);
    enum provider_check check = compare(place_get_text(reader, place), generic->webhook_secret);

    free(place);
    place_reader_free(reader);
    return check;
}

static enum provider_check generic_verify(const void *self, const struct provider_webhook *webhook)
{
    const struct generic *generic = self;
    const struct conf_carrier *conf = generic->conf;

    if (generic->webhook_secret == NULL)
        return PROVIDER_UNSIGNED;
    if (is(conf->webhook_auth, "hmac"))
        return verify_hmac(generic, webhook);
    if (is(conf->webhook_auth, "header"))
        return compare(given_in_header(conf, webhook), generic->webhook_secret);
    if (is(conf->webhook_auth, "basic"))
        return verify_basic(generic, webhook);
    if (is(conf->webhook_auth, "query"))
        return verify_query(generic, webhook);
    return PROVIDER_UNSIGNED;
}

/* ---------------------------------------------------------------- what it brings */

static bool generic_read_message(const void *self, const struct provider_webhook *webhook,
                                 struct provider_inbound *message, const char **why)
{
    const struct conf_carrier *conf = ((const struct generic *)self)->conf;
    struct place_reader *reader = read_request(webhook);
    const char *text = place_get(reader, conf->reply_text_at, &message->len);
    bool ok = text != NULL &&
              place_copy_text(reader, conf->reply_id_at, message->id, PROVIDER_ID_MAX) &&
              place_copy_text(reader, conf->reply_from_at, message->sender, PROVIDER_ADDRESS_MAX);

    if (ok && *conf->reply_to_at != '\0')
        ok = place_copy_text(reader, conf->reply_to_at, message->recipient, PROVIDER_ADDRESS_MAX);
    else if (ok)
        snprintf(message->recipient, PROVIDER_ADDRESS_MAX, "%s", conf->from);
    *why = "The message's name, sender, recipient and text have to stand where they are "
           "configured.";
    if (ok)
        message->text = mem_strndup(text, message->len);
    place_reader_free(reader);
    return ok;
}

/* The entry of a word of the carrier, or that of the star, which is every other; NULL where there
 * is neither. */
static const char *find_state_entry(const struct conf_texts *states, const char *word)
{
    const char *others = NULL;
    size_t len = strlen(word);

    for (size_t i = 0; i < states->count; i++) {
        const char *entry = states->items[i];

        if ((size_t)(strrchr(entry, '=') - entry) == len && strncmp(entry, word, len) == 0)
            return entry;
        if (strncmp(entry, "*=", 2) == 0)
            others = entry;
    }
    return others;
}

static bool find_state(const struct conf_texts *states, const char *word,
                       enum provider_state *state)
{
    const char *entry = find_state_entry(states, word);

    if (entry == NULL)
        return false;
    for (*state = PROVIDER_DELIVERED; *state < PROVIDER_IGNORED; (*state)++)
        if (is(provider_state_word(*state), strrchr(entry, '=') + 1))
            break;
    return true;
}

static bool generic_read_receipt(const void *self, const struct provider_webhook *webhook,
                                 struct provider_receipt *receipt, const char **why)
{
    const struct conf_carrier *conf = ((const struct generic *)self)->conf;
    struct place_reader *reader = read_request(webhook);
    const char *word = place_get_text(reader, conf->receipt_state_at);
    bool ok = word != NULL && find_state(&conf->receipt_states, word, &receipt->state) &&
              place_copy_text(reader, conf->receipt_id_at, receipt->id, PROVIDER_ID_MAX);

    *why = "The message's name and a known state have to stand where they are configured.";
    if (ok && *conf->receipt_error_at != '\0' && receipt->state != PROVIDER_DELIVERED)
        provider_copy_error(receipt->error, place_get_text(reader, conf->receipt_error_at));
    place_reader_free(reader);
    return ok;
}

static struct provider_answer generic_answer(const void *self)
{
    const struct conf_carrier *conf = ((const struct generic *)self)->conf;

    return (struct provider_answer){.type = conf->webhook_answer_type,
                                    .body = conf->webhook_answer};
}

const struct provider provider_generic = {
    .type = "generic",
    .open = generic_open,
    .close = generic_close,
    .traits = generic_traits,
    .build = generic_build,
    .read_answer = generic_read_answer,
    .takes = generic_takes,
    .verify = generic_verify,
    .read_message = generic_read_message,
    .read_receipt = generic_read_receipt,
    .answer = generic_answer,
};
