/* email.c - reads e-mail addresses. It asks no name server. */
#include "base/email.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { LOCAL_MAX = 64, LABEL_MAX = 63, TYPED_MAX = 1024 };

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

static bool is_local_part(const char *text, size_t len)
{
    static const char allowed[] = LETTERS DIGITS ".!#$%&'*+/=?^_`{|}~-";

    return len >= 1 && len <= LOCAL_MAX && strspn(text, allowed) == len;
}

/* Labels of letters, digits and hyphens inside (RFC 1123 section 2.1). */
static bool is_domain(const char *text)
{
    for (;;) {
        size_t len = strspn(text, LETTERS DIGITS "-");

        if (len < 1 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
            return false;
        if (text[len] == '\0')
            return true;
        if (text[len] != '.')
            return false;
        text += len + 1;
    }
}

/* In the form of NFKC, without the white space around it; NULL where it is no text. */
static char *folded(const char *text, size_t len)
{
    utf8proc_uint8_t *out = NULL;
    char *start, *trimmed;
    size_t end;

    if (len > TYPED_MAX || memchr(text, '\0', len) != NULL ||
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &out,
                     UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE) < 0)
        return NULL;
    start = (char *)out + strspn((const char *)out, " ");
    end = strlen(start);
    while (end > 0 && start[end - 1] == ' ')
        end--;
    trimmed = strndup(start, end);
    free(out);
    return trimmed;
}

bool email_parse(const char *text, size_t len, char out[EMAIL_MAX])
{
    char *address = folded(text, len), *at;
    bool ok;

    out[0] = '\0';
    if (address == NULL)
        return false;
    for (char *c = address; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    at = strchr(address, '@');
    ok = strlen(address) < EMAIL_MAX && at != NULL &&
         is_local_part(address, (size_t)(at - address)) && is_domain(at + 1);
    if (ok)
        memcpy(out, address, strlen(address) + 1);
    free(address);
    return ok;
}
