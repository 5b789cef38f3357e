/* confirm.c - confirmation codes. It never stores a code, and logs neither code nor address. */
#include "flow/confirm.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

_Static_assert((int)STORE_SALT_BYTES == (int)SECRET_SALT_BYTES, "the row keeps the salt that the "
                                                                "code is made with");
_Static_assert((int)STORE_HASH_BYTES == (int)SECRET_HASH_BYTES, "what is counted has its name");

enum { CODE_MIN = 6, CODE_MAX = 8, CODE_TYPED_MAX = 100 };

/* ---------------------------------------------------------------- what people and portals write */

bool confirm_client_name(const char *address, char name[CONFIRM_CLIENT_MAX])
{
    char prefix[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return inet_ntop(AF_INET, &v4, name, CONFIRM_CLIENT_MAX) != NULL;
    if (inet_pton(AF_INET6, address, &v6) != 1)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        return inet_ntop(AF_INET, &v6.s6_addr[12], name, CONFIRM_CLIENT_MAX) != NULL;
    memset(&v6.s6_addr[8], 0, 8);
    if (inet_ntop(AF_INET6, &v6, prefix, sizeof(prefix)) == NULL)
        return false;
    snprintf(name, CONFIRM_CLIENT_MAX, "%s/64", prefix);
    return true;
}

/* How many bytes of white space or hyphen begin here: what people put between digits. */
static size_t separator(const char *text)
{
    static const char *const separators[] = {
        " ",           "\t", "-", "\xe2\x80\x90", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x88\x92",
        "\xe3\x83\xbc"}; /* ‐ – — − ー */

    for (size_t i = 0; i < MEM_COUNT(separators); i++)
        if (strncmp(text, separators[i], strlen(separators[i])) == 0)
            return strlen(separators[i]);
    return 0;
}

bool confirm_read_code(const char *typed, char code[SECRET_CODE_MAX])
{
    char *text = strlen(typed) <= CODE_TYPED_MAX ? text_nfkc(typed, strlen(typed)) : NULL;
    size_t digits = 0;
    bool ok = text != NULL;

    for (const char *at = text; ok && *at != '\0';) {
        size_t skip = separator(at);

        if (skip == 0) {
            ok = *at >= '0' && *at <= '9' && digits < CODE_MAX;
            if (ok)
                code[digits++] = *at;
            skip = 1;
        }
        at += skip;
    }
    code[digits] = '\0';
    free(text);
    return ok && digits >= CODE_MIN;
}

/* ---------------------------------------------------------------- asking, sending */

bool confirm_code(const struct keyring *keyring, const struct store_claim *claim,
                  char code[SECRET_CODE_MAX])
{
    return secret_mint_code(keyring, claim->code.key_id, claim->code.salt, claim->code.generation,
                            claim->recipient, claim->code_digits, code);
}

bool confirm_send(struct store *store, const struct keyring *keyring,
                  const struct store_caller *caller, const struct confirm_request *request,
                  store_reply_cb *cb, void *arg)
{
    struct store_code_request asked = {
        .channel = request->channel,
        .recipient = request->address,
        .language = request->language,
        .digits = request->digits,
        .key_id = keyring_current(keyring, SECRET_CODE),
        .has_client = request->client != NULL,
    };

    secret_random(asked.salt, sizeof(asked.salt));
    secret_counter_name(keyring, "address", request->address, asked.address_name);
    if (request->client != NULL)
        secret_counter_name(keyring, "client", request->client, asked.client_name);
    return store_v1_code_request(store, caller, &asked, cb, arg);
}

/* ---------------------------------------------------------------- a try */

struct verify {
    struct store *store;
    const struct keyring *const *keyring;
    struct store_caller caller;
    int64_t id;
    char code[SECRET_CODE_MAX];
    confirm_cb *cb;
    void *arg;
};

static void verify_end(struct verify *verify, enum confirm_verdict verdict, int attempts_left,
                       enum db_outcome outcome, const struct store_reply *reply)
{
    verify->cb(verify->arg, verdict, attempts_left, outcome, reply);
    explicit_bzero(verify, sizeof(*verify));
    free(verify);
}

static void consume_on_reply(void *arg, enum db_outcome outcome, const struct store_reply *reply)
{
    verify_end(arg, CONFIRM_DONE, 0, outcome, reply);
}

/* The same request again, whose answer may have been lost: the code is used up already, so that
 * consuming it can do nothing but give the answer that its idempotency key stands for. */
static bool was_done_before(const struct verify *verify, enum db_outcome outcome,
                            const struct store_reply *refusal)
{
    return outcome == DB_ERROR && verify->caller.idempotency_key[0] != '\0' &&
           strcmp(refusal->message, "verified already") == 0;
}

static void try_on_result(void *arg, enum db_outcome outcome, const struct store_code_try *tried,
                          const struct store_reply *refusal)
{
    struct verify *verify = arg;
    char code[SECRET_CODE_MAX];
    bool same;

    if (tried == NULL) {
        if (!was_done_before(verify, outcome, refusal) ||
            !store_v1_code_consume(verify->store, &verify->caller, verify->id, consume_on_reply,
                                   verify))
            verify_end(verify, CONFIRM_DONE, 0, outcome, refusal);
        return;
    }
    if (!secret_mint_code(*verify->keyring, tried->mint.key_id, tried->mint.salt,
                          tried->mint.generation, tried->recipient, tried->digits, code)) {
        log_error("code_key_missing", LOG_INT("code", verify->id));
        verify_end(verify, CONFIRM_KEY_GONE, tried->attempts_left, outcome, refusal);
        return;
    }
    same = secret_same(code, verify->code);
    explicit_bzero(code, sizeof(code));
    if (!same)
        verify_end(verify, CONFIRM_WRONG, tried->attempts_left, outcome, refusal);
    else if (!store_v1_code_consume(verify->store, &verify->caller, verify->id, consume_on_reply,
                                    verify))
        verify_end(verify, CONFIRM_DONE, 0, DB_UNAVAILABLE, refusal);
}

bool confirm_verify(struct store *store, const struct keyring *const *keyring,
                    const struct store_caller *caller, int64_t id, const char *code, confirm_cb *cb,
                    void *arg)
{
    struct verify *verify = mem_new(1, sizeof(*verify));

    *verify = (struct verify){
        .store = store, .keyring = keyring, .caller = *caller, .id = id, .cb = cb, .arg = arg};
    snprintf(verify->code, sizeof(verify->code), "%s", code);
    if (store_v1_code_try(store, caller, id, try_on_result, verify))
        return true;
    free(verify);
    return false;
}

/* ---------------------------------------------------------------- a code that comes by SMS */

bool confirm_same(const struct keyring *keyring, const struct store_inbound_code *asked,
                  const char *digits)
{
    char code[SECRET_CODE_MAX];
    bool same;

    if (!secret_mint_code(keyring, asked->mint.key_id, asked->mint.salt, asked->mint.generation,
                          asked->recipient, asked->digits, code)) {
        log_error("code_key_missing", LOG_INT("code", asked->id));
        return false;
    }
    same = secret_same(code, digits);
    explicit_bzero(code, sizeof(code));
    return same;
}
