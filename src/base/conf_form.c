/* conf_form.c - whether a text of the configuration has the form that its option wants. It looks
 * nothing up. */
#include "base/conf_form.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/email.h"
#include "base/mem.h"

/* A registration link is the base, "/r/", the number of its row, '-' and the token. */
enum { LINK_UNITS_MAX = 80, LINK_TAIL_UNITS = 3 + 10 + 1 + 20 };

/* Each gives what is wrong, or NULL. */
typedef const char *form_check(const char *value);

static const char *check_address(const char *value)
{
    static const char wanted[] = "a numeric address and a port are wanted, such as 127.0.0.1:8470 "
                                 "or [::1]:8470";
    const char *colon = strrchr(value, ':');
    char host[64];
    unsigned char address[sizeof(struct in6_addr)];

    if (colon == NULL || colon == value)
        return wanted;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits < 1 || digits > 5 || colon[1 + digits] != '\0' ||
        strtol(colon + 1, NULL, 10) > 65535)
        return wanted;

    bool brackets = value[0] == '[' && colon[-1] == ']';
    size_t len = (size_t)(colon - value) - (brackets ? 2 : 0);
    if (len >= sizeof(host))
        return wanted;
    memcpy(host, value + (brackets ? 1 : 0), len);
    host[len] = '\0';
    return inet_pton(brackets ? AF_INET6 : AF_INET, host, address) == 1 ? NULL : wanted;
}

static const char *check_number(const char *value)
{
    size_t digits = *value == '+' ? strspn(value + 1, "0123456789") : 0;

    if (digits < 8 || digits > 15 || value[1] == '0' || value[1 + digits] != '\0')
        return "a telephone number with a plus sign and the country code is wanted, such as "
               "+817000000000";
    return NULL;
}

/* RFC 1123 section 2.1, or a numeric address; IPv6 in brackets. */
static const char *check_host(const char *value)
{
    static const char wanted[] = "a host and a port are wanted, such as smtp.example.jp:587";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const char *colon = strrchr(value, ':');
    bool brackets = *value == '[';
    size_t digits;

    if (*value == '\0')
        return NULL;
    if (colon == NULL || colon == value)
        return wanted;
    digits = strspn(colon + 1, "0123456789");
    if (digits < 1 || digits > 5 || colon[1 + digits] != '\0' || atoi(colon + 1) < 1 ||
        atoi(colon + 1) > 65535)
        return wanted;
    if (brackets)
        return check_address(value);
    return strspn(value, plain) == (size_t)(colon - value) && *value != '.' && *value != '-'
               ? NULL
               : wanted;
}

static const char *check_mailbox(const char *value)
{
    char address[EMAIL_MAX];

    if (*value == '\0' || email_parse(value, strlen(value), address))
        return NULL;
    return "an e-mail address is wanted, such as no-reply@my.example.jp";
}

static const char *url_host(const char *url)
{
    if (strncmp(url, "https://", 8) == 0)
        return url + 8;
    if (strncmp(url, "http://", 7) == 0)
        return url + 7;
    return NULL;
}

/* In an SMS of the GSM 7-bit alphabet (3GPP TS 23.038) these take two units each. */
static size_t sms_units(const char *text)
{
    size_t units = strlen(text);

    for (; *text != '\0'; text++)
        if (strchr("~[]", *text) != NULL)
            units++;
    return units;
}

static const char *check_url(const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
                                "%:/[]";
    const char *host = url_host(value);

    if (host == NULL)
        return "must start with https:// (or http:// in the sandbox)";
    if (*host == '\0' || *host == '/' || *host == ':')
        return "names no host";
    if (value[strspn(value, plain)] != '\0')
        return "holds a character that is not wanted there: letters, digits, and - . _ ~ % : / [ ] "
               "are";
    if (value[strlen(value) - 1] == '/')
        return "must not end with a slash";
    if (sms_units(value) + LINK_TAIL_UNITS > LINK_UNITS_MAX)
        return "is too long: a link in an SMS may have 80 units, 34 of them follow it, so 46 are "
               "left";
    return NULL;
}

static const char *check_origin(const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
                                "%:/[]";
    const char *host = url_host(value);

    if (*value == '\0')
        return NULL;
    if (host == NULL)
        return "must start with https:// (or, on the same host, http://)";
    if (*host == '\0' || *host == '/' || *host == ':')
        return "names no host";
    if (value[strspn(value, plain)] != '\0')
        return "holds a character that is not wanted there";
    if (value[strlen(value) - 1] == '/')
        return "must not end with a slash";
    return NULL;
}

const char *conf_form_fault(const struct conf_option *option, const char *value)
{
    static form_check *const checks[] = {
        [CONF_ADDRESS] = check_address, [CONF_URL] = check_url,   [CONF_NUMBER] = check_number,
        [CONF_ORIGIN] = check_origin,   [CONF_HOST] = check_host, [CONF_MAILBOX] = check_mailbox,
    };

    if (option->required && *value == '\0')
        return "must be set";
    if ((size_t)option->type >= MEM_COUNT(checks) || checks[option->type] == NULL)
        return NULL;
    return checks[option->type](value);
}
