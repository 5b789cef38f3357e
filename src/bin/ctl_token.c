/* ctl_token.c - hersysctl token: who may call the API. A secret is printed once, and stands nowhere
 * afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "bin/ctl.h"
#include "store/token.h"

enum { TOKEN_SCOPES_MAX = 8, TOKEN_DAYS = 90 };

/* ---------------------------------------------------------------- create */

struct creation {
    struct ctl_store db;
    char kid[SECRET_KID_MAX];
    char secret[SECRET_API_MAX];
};

static void create_on_token(void *arg, enum db_outcome outcome, const char *refusal,
                            const char *expires_at)
{
    struct creation *creation = arg;

    if (outcome == DB_OK) {
        printf("%s.%s\n", creation->kid, creation->secret);
        fprintf(stderr,
                "hersysctl: this token is not shown again; it ends at %s, or by: hersysctl token "
                "revoke %s\n",
                expires_at, creation->kid);
    } else if (refusal[0] != '\0') {
        fprintf(stderr, "hersysctl: not made: %s\n", refusal);
    } else {
        ctl_say_outcome(outcome);
    }
    ctl_store_end(&creation->db, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

static int create_token(struct ctl *ctl, struct store_new_token *token)
{
    struct creation creation = {.kid = ""};
    char by[100];
    int status = CTL_FAILED;

    if (!ctl_store_open(ctl, &creation.db))
        return CTL_FAILED;
    secret_new_api_token(creation.kid, creation.secret);
    token->kid = creation.kid;
    secret_sha256_bytes(creation.secret, strlen(creation.secret), token->secret_hash);
    if (store_token_create(creation.db.store, token, ctl_actor(by), create_on_token, &creation))
        status = ctl_store_wait(&creation.db);
    ctl_store_close(&creation.db);
    explicit_bzero(&creation, sizeof(creation));
    return status;
}

/* "links,patients" to its words, which point into `text`; false where there are too many. */
static bool split_scopes(char *text, const char *scopes[TOKEN_SCOPES_MAX + 1])
{
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (count == TOKEN_SCOPES_MAX)
            return false;
        scopes[count++] = word;
    }
    scopes[count] = NULL;
    return count > 0;
}

static bool read_days(const char *text, int *days)
{
    int64_t given;

    if (!ctl_read_id(text, "number of days", &given))
        return false;
    *days = given < 1000 ? (int)given : 1000; /* the schema says how many are too many */
    return true;
}

static int token_create(struct ctl *ctl)
{
    struct store_new_token token = {.days = TOKEN_DAYS};
    const char *scopes[TOKEN_SCOPES_MAX + 1] = {NULL};
    char *scope_text = NULL;
    bool ok = ctl->argc % 2 == 1;
    int status = CTL_USAGE;

    for (int i = 1; ok && i < ctl->argc; i += 2) {
        const char *option = ctl->argv[i];
        char *value = ctl->argv[i + 1];

        if (strcmp(option, "--centre") == 0)
            ok = ctl_read_id(value, "centre id", &token.centre_id);
        else if (strcmp(option, "--actor") == 0)
            token.actor = value;
        else if (strcmp(option, "--scope") == 0)
            scope_text = value;
        else if (strcmp(option, "--days") == 0)
            ok = read_days(value, &token.days);
        else
            ok = false;
    }
    if (!ok || token.centre_id == 0 || token.actor == NULL || scope_text == NULL)
        return CTL_USAGE;
    scope_text = mem_strdup(scope_text);
    token.scopes = scopes;
    if (split_scopes(scope_text, scopes))
        status = create_token(ctl, &token);
    free(scope_text);
    return status;
}

/* ---------------------------------------------------------------- list */

static void list_on_rows(void *arg, enum db_outcome outcome, const struct store_token_row *rows,
                         int count)
{
    if (outcome == DB_OK)
        printf("%-14s %7s %-8s %-22s %-11s %-32s %s\n", "kid", "centre", "state", "until", "used",
               "scopes", "actor");
    for (int i = 0; i < count; i++)
        printf("%-14s %7s %-8s %-22s %-11s %-32s %s\n", rows[i].kid, rows[i].centre_id,
               rows[i].state, rows[i].expires_at, rows[i].last_used_on, rows[i].scopes,
               rows[i].actor);
    ctl_say_outcome(outcome);
    ctl_store_end(arg, outcome == DB_OK ? CTL_DONE : CTL_FAILED);
}

static int token_list(struct ctl *ctl)
{
    struct ctl_store db;
    int status = CTL_FAILED;

    if (!ctl_store_open(ctl, &db))
        return CTL_FAILED;
    if (store_token_list(db.store, list_on_rows, &db))
        status = ctl_store_wait(&db);
    ctl_store_close(&db);
    return status;
}

/* ---------------------------------------------------------------- revoke */

static void revoke_on_count(void *arg, enum db_outcome outcome, int count)
{
    bool done = outcome == DB_OK && count == 1;

    if (done)
        puts("revoked");
    else if (outcome == DB_OK)
        fputs("hersysctl: there is no token of this name that is not revoked already\n", stderr);
    ctl_say_outcome(outcome);
    ctl_store_end(arg, done ? CTL_DONE : CTL_FAILED);
}

static int token_revoke(struct ctl *ctl, const char *kid)
{
    struct ctl_store db;
    char by[100];
    int status = CTL_FAILED;

    /* Where the whole token was pasted, its secret goes no further. */
    if (strspn(kid, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(kid) ||
        strlen(kid) >= SECRET_KID_MAX) {
        fputs("hersysctl: the name of a token is wanted, the part of it before the dot\n", stderr);
        return CTL_USAGE;
    }
    if (!ctl_store_open(ctl, &db))
        return CTL_FAILED;
    if (store_token_revoke(db.store, kid, ctl_actor(by), revoke_on_count, &db))
        status = ctl_store_wait(&db);
    ctl_store_close(&db);
    return status;
}

int ctl_token(struct ctl *ctl)
{
    if (ctl->argc >= 1 && strcmp(ctl->argv[0], "create") == 0)
        return token_create(ctl);
    if (ctl->argc == 1 && strcmp(ctl->argv[0], "list") == 0)
        return token_list(ctl);
    if (ctl->argc == 2 && strcmp(ctl->argv[0], "revoke") == 0)
        return token_revoke(ctl, ctl->argv[1]);
    return CTL_USAGE;
}
