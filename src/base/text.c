/* text.c - UTF-8 checks and NFKC, by utf8proc. It judges no content and knows no language. */
#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

bool text_is_utf8(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        utf8proc_int32_t character;
        utf8proc_ssize_t took = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                 (utf8proc_ssize_t)(len - at), &character);
        if (took <= 0)
            return false;
        at += (size_t)took;
    }
    return true;
}

bool text_is_line(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return text_is_utf8(text, strlen(text));
}

char *text_nfkc(const char *text, size_t len)
{
    utf8proc_uint8_t *folded = NULL;

    if (memchr(text, '\0', len) != NULL || !text_is_utf8(text, len))
        return NULL;
    utf8proc_ssize_t got =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &folded,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);

    return got < 0 ? NULL : (char *)folded;
}
