/* provider.c - what all providers share. */
#include "channel/provider.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

const struct provider *provider_find(enum conf_carrier_type type)
{
    switch (type) {
    case CONF_CARRIER_TWILIO:
        return &provider_twilio;
    case CONF_CARRIER_GENERIC:
        return &provider_generic;
    }
    return NULL;
}

void provider_request_free(struct provider_request *request)
{
    free(request->url);
    for (size_t i = 0; i < request->header_count; i++)
        free(request->headers[i]);
    if (request->body != NULL) /* it may hold a password */
        explicit_bzero(request->body, request->len);
    free(request->body);
    *request = (struct provider_request){0};
}

void provider_request_header(struct provider_request *request, char *header)
{
    if (request->header_count == PROVIDER_HEADERS_MAX)
        log_fatal("a provider sends too many headers");
    request->headers[request->header_count++] = header;
}

/* As many digits in one piece as no carrier's code has, and a telephone number may. */
static bool has_number(const char *code)
{
    for (size_t len; *code != '\0'; code += len > 0 ? len : 1) {
        len = strspn(code, "0123456789");
        if (len > PROVIDER_ERROR_DIGITS_MAX)
            return true;
    }
    return false;
}

void provider_copy_error(char error[PROVIDER_ERROR_MAX], const char *code)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_-.";
    size_t len = code != NULL ? strlen(code) : 0;

    error[0] = '\0';
    if (len > 0 && len < PROVIDER_ERROR_MAX && strspn(code, letters) == len && !has_number(code))
        memcpy(error, code, len + 1);
}

bool provider_is_form(const struct provider_webhook *webhook)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = webhook->header(webhook->arg, "Content-Type");
    size_t len = sizeof(form) - 1;

    return type != NULL && strncasecmp(type, form, len) == 0 &&
           (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

const char *provider_check_word(enum provider_check check)
{
    switch (check) {
    case PROVIDER_GENUINE:
        return "genuine";
    case PROVIDER_UNSIGNED:
        return "unsigned";
    case PROVIDER_FORGED:
        return "bad_signature";
    case PROVIDER_WRONG_TYPE:
        return "wrong_type";
    }
    return "";
}

const char *provider_state_word(enum provider_state state)
{
    switch (state) {
    case PROVIDER_DELIVERED:
        return "delivered";
    case PROVIDER_UNDELIVERED:
        return "undelivered";
    case PROVIDER_EXPIRED:
        return "expired";
    case PROVIDER_IGNORED:
        return "ignored";
    }
    return "";
}
