/* bearer.c - reads tokens and idempotency keys, and lets nobody in without the database's word. The
 * secret itself goes no further than here: its SHA-256 does. */
#include "api/bearer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/problem.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

_Static_assert((int)STORE_KID_MAX == (int)SECRET_KID_MAX, "a token's name");
_Static_assert((int)STORE_HASH_BYTES == (int)SECRET_HASH_BYTES, "SHA-256");

enum { KID_MIN = 8, SECRET_DIGITS = SECRET_API_MAX - 1 };

struct admission {
    struct api *api;
    struct request request;
    const char *path;
    route_handler *handler;
};

/* ---------------------------------------------------------------- the headers */

enum token { TOKEN_READ, TOKEN_NONE, TOKEN_MALFORMED };

/* "Bearer KID.SECRET", to the letter. */
static enum token read_token(const struct http_exchange *exchange, struct store_caller *caller)
{
    static const char kid_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char secret_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz01234"
                                         "56789-_";
    const char *value = http_header(exchange, "Authorization");
    size_t len;

    if (value == NULL)
        return TOKEN_NONE;
    if (http_header_count(exchange, "Authorization") != 1 || strncasecmp(value, "Bearer ", 7) != 0)
        return TOKEN_MALFORMED;
    value += 7;
    len = strspn(value, kid_letters);
    if (len < KID_MIN || len >= STORE_KID_MAX || value[len] != '.' ||
        strspn(value + len + 1, secret_letters) != SECRET_DIGITS ||
        value[len + 1 + SECRET_DIGITS] != '\0')
        return TOKEN_MALFORMED;
    memcpy(caller->kid, value, len);
    caller->kid[len] = '\0';
    secret_sha256_bytes(value + len + 1, SECRET_DIGITS, caller->secret_hash);
    return TOKEN_READ;
}

/* What an idempotency key stands for: method, path and body. */
static void hash_request(const struct http_exchange *exchange, uint8_t hash[STORE_HASH_BYTES])
{
    size_t body_len, head_len;
    const char *body = http_body(exchange, &body_len);
    char *head = mem_printf("%s %s\n", http_method(exchange), http_path(exchange));

    head_len = strlen(head);
    head = mem_grow(head, head_len + body_len, 1);
    if (body_len > 0)
        memcpy(head + head_len, body, body_len);
    secret_sha256_bytes(head, head_len + body_len, hash);
    free(head);
}

static bool is_write(const struct http_exchange *exchange)
{
    return strcmp(http_method(exchange), "POST") == 0 ||
           strcmp(http_method(exchange), "PATCH") == 0;
}

/* False where the header is there and cannot be a key. */
static bool read_idempotency_key(const struct http_exchange *exchange, struct store_caller *caller)
{
    const char *key = http_header(exchange, "Idempotency-Key");
    size_t len = 0;

    if (key == NULL || !is_write(exchange))
        return true;
    while (key[len] >= ' ' && key[len] <= '~')
        len++;
    if (len < 1 || len >= STORE_KEY_MAX || key[len] != '\0' ||
        http_header_count(exchange, "Idempotency-Key") != 1)
        return false;
    memcpy(caller->idempotency_key, key, len + 1);
    hash_request(exchange, caller->request_hash);
    return true;
}

/* ---------------------------------------------------------------- admission */

static void log_refused(const char *path, const char *reason)
{
    log_warning("api_refused", LOG_STR("path", path), LOG_STR("reason", reason));
}

static void admit_on_reply(void *arg, enum db_outcome outcome, const struct store_reply *reply)
{
    struct admission *admission = arg;

    if (outcome == DB_OK && reply->status == 200) {
        admission->handler(admission->api, &admission->request);
    } else {
        if (outcome == DB_ERROR && strcmp(reply->sqlstate, "HS005") == 0)
            log_refused(admission->path, "token_not_valid");
        else if (outcome == DB_ERROR && strcmp(reply->sqlstate, "HS006") == 0)
            log_refused(admission->path, "scope_missing");
        /* A question that was lost has changed nothing. */
        problem_answer_outcome(&admission->request, outcome == DB_LOST ? DB_UNAVAILABLE : outcome,
                               reply);
    }
    free(admission);
}

void bearer_admit(struct api *api, const struct request *request, const char *path,
                  const char *scope, route_handler *handler)
{
    static const struct store_reply nothing = {.sqlstate = "", .message = "", .extra = ""};
    struct admission *admission = mem_new(1, sizeof(*admission));
    struct store_caller *caller = &admission->request.caller;
    enum token token;

    *admission =
        (struct admission){.api = api, .request = *request, .path = path, .handler = handler};
    *caller = (struct store_caller){.scope = scope};
    token = read_token(request->exchange, caller);
    if (scope == NULL) {
        problem_answer(request->exchange, PROBLEM_SCOPE, "No token opens this path.", NULL);
    } else if (token != TOKEN_READ) {
        log_refused(path, token == TOKEN_NONE ? "token_missing" : "token_malformed");
        problem_answer_unauthorized(request->exchange, token == TOKEN_MALFORMED);
    } else if (!read_idempotency_key(request->exchange, caller)) {
        problem_answer(request->exchange, PROBLEM_MALFORMED,
                       "Idempotency-Key has to be there once, with 1 to 100 printable ASCII "
                       "characters.",
                       NULL);
    } else if (store_call_admit(api->store, caller, admit_on_reply, admission)) {
        return;
    } else {
        problem_answer_outcome(request, DB_UNAVAILABLE, &nothing);
    }
    free(admission);
}
