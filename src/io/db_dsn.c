/*
 * db_dsn.c - makes libpq's options for one attempt out of the connection string. It must not
 * connect, and must not let a piece of the connection string into an error: passwords stand in it.
 */
#include "io/db_dsn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void db_one_line(char *line, size_t size, const char *text)
{
    size_t len = 0;
    bool space = false;

    for (; *text != '\0' && len + 1 < size; text++) {
        if (strchr(" \t\r\n", *text) != NULL) {
            space = len > 0;
            continue;
        }
        if (space && len + 2 < size)
            line[len++] = ' ';
        space = false;
        line[len++] = *text;
    }
    if (*text != '\0') /* cut: not inside a character */
        while (len > 0 && ((unsigned char)line[len - 1] & 0x80) != 0)
            len--;
    line[len] = '\0';
}

/* libpq quotes what it could not read, and that may be the tail of a password with spaces and
 * quotes in it: so from the first quote to the last, but for the sign that it misses. */
static void redact_quoted(char *text)
{
    static const char missing[] = "missing \"=\"";
    size_t len = sizeof(missing) - 1;
    char *first = strchr(strncmp(text, missing, len) == 0 ? text + len : text, '"');
    const char *last = strrchr(text, '"');

    if (first != NULL && last > first)
        memmove(first + 1, last, strlen(last) + 1);
}

static const char *parsed_value(const PQconninfoOption *parsed, const char *keyword)
{
    for (; parsed->keyword != NULL; parsed++)
        if (strcmp(parsed->keyword, keyword) == 0)
            return parsed->val != NULL && *parsed->val != '\0' ? parsed->val : NULL;
    return NULL;
}

static int list_count(const char *list)
{
    int count = 1;

    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

/* "a,b,c" from its second is "b,c,a". */
static char *list_rotate(const char *list, int first)
{
    const char *start = list;

    for (int i = 0; i < first; i++)
        start = strchr(start, ',') + 1;
    if (start == list)
        return mem_strdup(list);
    return mem_printf("%s,%.*s", start, (int)(start - list - 1), list);
}

static void option_add(struct db_dsn *options, const char *keyword, const char *value, char *owned)
{
    options->keywords[options->count] = keyword;
    options->values[options->count] = owned != NULL ? owned : value;
    options->owned[options->count] = owned;
    options->count++;
}

/* In a URI the first '@' ends the password: where there is a second, a part of it is taken for the
 * host, and libpq would write it into every error. (At its start an '@' is an abstract socket.) */
static bool host_holds_password(const char *host)
{
    for (const char *c = host; c != NULL && *c != '\0'; c++)
        if (*c == '@' && c > host && c[-1] != ',')
            return true;
    return false;
}

static void rotate_hosts(struct db_dsn *options, const PQconninfoOption *parsed, int first)
{
    static const char *const lists[] = {"host", "hostaddr", "port"};
    const char *hosts = parsed_value(parsed, "hostaddr");

    if (hosts == NULL)
        hosts = parsed_value(parsed, "host");
    options->hosts = hosts != NULL ? list_count(hosts) : 1;
    first %= options->hosts;
    if (first == 0)
        return;
    for (size_t i = 0; i < MEM_COUNT(lists); i++) {
        const char *list = parsed_value(parsed, lists[i]);

        /* One port serves all hosts; lists of unequal length are libpq's to refuse. */
        if (list != NULL && list_count(list) == options->hosts)
            option_add(options, lists[i], NULL, list_rotate(list, first));
    }
}

/* A host that is switched off or cut off says nothing: without these the kernel would wait for it
 * for a quarter of an hour, or two hours where nothing is under way. They stand before "dbname":
 * the connection string may say otherwise. */
static const char *const defaults[][2] = {
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"}, /* milliseconds */
};

bool db_dsn_make(struct db_dsn *options, const char *dsn, const char *application, int first,
                 char *error, size_t size)
{
    char *reason = NULL;
    PQconninfoOption *parsed = PQconninfoParse(dsn, &reason);
    bool good = false;

    memset(options, 0, sizeof(*options));
    if (parsed == NULL) {
        if (reason != NULL)
            redact_quoted(reason);
        char *text = mem_printf("the connection string cannot be read (it is like dbname=hersys, "
                                "or a URI): %s",
                                reason != NULL ? reason : "out of memory");
        db_one_line(error, size, text);
        free(text);
        goto out;
    }
    if (host_holds_password(parsed_value(parsed, "host"))) {
        db_one_line(error, size,
                    "the connection string cannot be read: '@' in a host; in a password it is %40");
        goto out;
    }
    option_add(options, "fallback_application_name", NULL, mem_strdup(application));
    for (size_t i = 0; i < MEM_COUNT(defaults); i++)
        option_add(options, defaults[i][0], defaults[i][1], NULL);
    option_add(options, "dbname", dsn, NULL);
    /* What stands behind "dbname" goes before what its expansion says. */
    option_add(options, "client_encoding", "UTF8", NULL);
    rotate_hosts(options, parsed, first);
    good = true;
out:
    PQconninfoFree(parsed);
    PQfreemem(reason);
    return good;
}

void db_dsn_clear(struct db_dsn *options)
{
    for (int i = 0; i < options->count; i++)
        free(options->owned[i]);
    memset(options, 0, sizeof(*options));
}
