/* conf_form.c - whether a text of the configuration has the form that its option wants. It looks
 * nothing up. */
#include "base/conf_form.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/email.h"
#include "base/fill.h"
#include "base/mem.h"
#include "base/place.h"

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

/* ---- of carriers */

bool conf_form_is_here(const char *url)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};

    if (strncmp(url, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < MEM_COUNT(hosts); i++) {
        size_t len = strlen(hosts[i]);

        if (strncmp(url + 7, hosts[i], len) == 0 && strchr(":/?", url[7 + len]) != NULL)
            return true;
    }
    return false;
}

static const char *check_endpoint(const char *value)
{
    const char *host = url_host(value);
    size_t len = host != NULL ? strcspn(host, "/?#") : 0;

    if (*value == '\0')
        return NULL;
    if (host == NULL || (strncmp(value, "http://", 7) == 0 && !conf_form_is_here(value)))
        return "must start with https:// (or, where the carrier is on this host, http://localhost, "
               "http://127.0.0.1 or http://[::1])";
    if (len == 0 || *host == ':')
        return "names no host";
    if (memchr(host, '@', len) != NULL)
        return "holds a name or password, which belong to other options";
    return fill_fault(value, FILL_URL);
}

static const char *check_header_name(const char *value)
{
    char *place;
    const char *why;

    if (*value == '\0')
        return NULL;
    place = mem_printf("header:%s", value);
    why = place_fault(place, PLACE_HEADER);
    free(place);
    return why;
}

static const char *check_header(const char *value)
{
    static const char wanted[] = "a header is wanted, such as \"X-Client: {{user}}\"";
    const char *colon = strchr(value, ':');
    const char *why;
    char *name;

    if (colon == NULL || colon == value || colon[1] != ' ' || colon[2] == '\0')
        return wanted;
    name = mem_strndup(value, (size_t)(colon - value));
    why = check_header_name(name);
    free(name);
    return why != NULL ? why : fill_fault(colon + 2, FILL_HEADER);
}

static const char *check_state(const char *value)
{
    static const char *const states[] = {"delivered", "undelivered", "expired", "ignored"};
    const char *equals = strrchr(value, '=');

    for (size_t i = 0; equals != NULL && equals > value && i < MEM_COUNT(states); i++)
        if (strcmp(equals + 1, states[i]) == 0)
            return NULL;
    return "the carrier's word and what it means are wanted, such as \"DELIVRD=delivered\"; what "
           "it can mean: delivered, undelivered, expired, ignored";
}

static const char *check_account(const char *value)
{
    for (const char *at = value; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || *at == ':')
            return "only printable ASCII without blanks and colons is wanted there";
    return NULL;
}

/* One of the option's words. */
static const char *check_word(const struct conf_option *option, const char *value, char *room,
                              size_t size)
{
    size_t len = (size_t)snprintf(room, size, "one of");

    for (const char *const *word = option->words; *word != NULL; word++) {
        if (strcmp(*word, value) == 0)
            return NULL;
        if (len < size)
            len += (size_t)snprintf(room + len, size - len, " \"%s\"", *word);
    }
    if (len < size)
        snprintf(room + len, size - len, " is wanted");
    return room;
}

const char *conf_form_fault(const struct conf_option *option, const char *value, char *room,
                            size_t size)
{
    static form_check *const checks[] = {
        [CONF_ADDRESS] = check_address,   [CONF_URL] = check_url,
        [CONF_NUMBER] = check_number,     [CONF_ORIGIN] = check_origin,
        [CONF_HOST] = check_host,         [CONF_MAILBOX] = check_mailbox,
        [CONF_ENDPOINT] = check_endpoint, [CONF_HEADER_NAME] = check_header_name,
        [CONF_ACCOUNT] = check_account,   [CONF_HEADERS] = check_header,
        [CONF_STATES] = check_state,
    };

    if (option->required && *value == '\0')
        return "must be set";
    if (option->type == CONF_WORD)
        return check_word(option, value, room, size);
    if (option->type == CONF_PLACE)
        return *value == '\0' ? NULL : place_fault(value, option->places);
    if ((size_t)option->type >= MEM_COUNT(checks) || checks[option->type] == NULL)
        return NULL;
    return checks[option->type](value);
}
