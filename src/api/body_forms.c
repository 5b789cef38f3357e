/* body_forms.c - what a single value of a body must be, and the form in which it is kept. It knows
 * no member by name. */
#include "api/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/email.h"
#include "base/mem.h"
#include "base/phone.h"
#include "base/text.h"
#include "flow/confirm.h"

enum { FORM_ADDRESS_MAX = 254, FORM_TYPED_MAX = 200 };

/* The text in NFKC, to be freed; NULL where it is no text, or no short one. */
static char *folded(const json_t *given)
{
    const char *text = json_string_value(given);

    if (text == NULL || json_string_length(given) > FORM_TYPED_MAX)
        return NULL;
    return text_nfkc(text, json_string_length(given));
}

/* ---------------------------------------------------------------- names */

static bool is_space(utf8proc_int32_t character)
{
    return utf8proc_category(character) == UTF8PROC_CATEGORY_ZS;
}

/* What a line of text may hold: no control characters, no line or paragraph separators, nothing
 * that turns the direction of what follows (Unicode 15, section 23.2). */
static bool is_writing(utf8proc_int32_t character)
{
    utf8proc_category_t category = utf8proc_category(character);

    return category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_ZL &&
           category != UTF8PROC_CATEGORY_ZP && !(character >= 0x202a && character <= 0x202e) &&
           !(character >= 0x2066 && character <= 0x2069);
}

static const char *check_name(const struct body_field *field, const json_t *given, json_t **value)
{
    static const char fault[] = "A line of text is wanted: not empty, without control characters.";
    const char *text = json_string_value(given);
    size_t len = json_string_length(given), at = 0, begin = 0, end = 0, count = 0, inner = 0;

    if (text == NULL)
        return "A text is wanted.";
    while (at < len) {
        utf8proc_int32_t character;
        utf8proc_ssize_t took = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                 (utf8proc_ssize_t)(len - at), &character);
        if (took <= 0 || !is_writing(character))
            return fault;
        if (is_space(character) && end == 0) {
            begin = at + (size_t)took; /* white space before it does not count */
        } else {
            count++;
            if (!is_space(character)) {
                end = at + (size_t)took;
                inner = count;
            }
        }
        at += (size_t)took;
    }
    if (end == 0)
        return fault;
    if (inner > field->max)
        return "It is too long.";
    *value = json_stringn(text + begin, end - begin);
    return NULL;
}

/* ---------------------------------------------------------------- dates */

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool body_is_date(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    int year, month, day;

    if (strlen(text) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    year = atoi(text);
    month = atoi(text + 5);
    day = atoi(text + 8);
    return year >= 1890 && year < 2150 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of_month(year, month);
}

static const char *check_date(const json_t *given, json_t **value)
{
    const char *text = json_string_value(given);

    if (text == NULL || json_string_length(given) != strlen(text) || !body_is_date(text))
        return "A date of the calendar is wanted, such as 2026-02-28.";
    *value = json_string(text);
    return NULL;
}

/* ---------------------------------------------------------------- words */

static const char *check_word(const json_t *given, const char *const *words, const char *fault,
                              json_t **value)
{
    const char *text = json_string_value(given);

    for (; text != NULL && *words != NULL; words++) {
        if (strcmp(*words, text) == 0) {
            *value = json_string(text);
            return NULL;
        }
    }
    return fault;
}

static const char *check_language(const json_t *given, json_t **value)
{
    static const char *const languages[] = {"ja", "en", "zh-Hans", "zh-Hant",
                                            "ko", "es", "pt",      NULL};

    return check_word(given, languages, "One of ja, en, zh-Hans, zh-Hant, ko, es, pt is wanted.",
                      value);
}

static const char *check_channel(const json_t *given, json_t **value)
{
    static const char *const channels[] = {"sms", "email", NULL};

    return check_word(given, channels, "sms or email is wanted.", value);
}

/* ---------------------------------------------------------------- addresses */

static const char *check_phone(const json_t *given, json_t **value)
{
    const char *text = json_string_value(given);
    char number[PHONE_MAX];
    enum phone_kind kind =
        text != NULL ? phone_parse(text, json_string_length(given), number) : PHONE_INVALID;

    if (kind != PHONE_MOBILE && kind != PHONE_FIXED)
        return "A telephone number is wanted, such as 090-1234-5678 or +819012345678.";
    *value = json_string(number);
    return NULL;
}

static const char *check_email(const json_t *given, json_t **value)
{
    const char *text = json_string_value(given);
    char address[EMAIL_MAX];

    if (text == NULL || !email_parse(text, json_string_length(given), address))
        return "An e-mail address is wanted, such as hanako@example.jp.";
    *value = json_string(address);
    return NULL;
}

/* Only that it is a text: the rest depends on the channel. */
static const char *check_address(const json_t *given, json_t **value)
{
    if (!json_is_string(given) || json_string_length(given) < 1 ||
        json_string_length(given) > FORM_ADDRESS_MAX)
        return "An e-mail address or a telephone number is wanted.";
    *value = json_string(json_string_value(given));
    return NULL;
}

static const char *check_client(const json_t *given, json_t **value)
{
    char name[CONFIRM_CLIENT_MAX];

    if (!json_is_string(given) || !confirm_client_name(json_string_value(given), name))
        return "An IP address is wanted.";
    *value = json_string(name);
    return NULL;
}

/* ---------------------------------------------------------------- digits and the like */

static const char *check_input_id(const json_t *given, json_t **value)
{
    char *text = folded(given);
    size_t len = text != NULL ? strlen(text) : 0;
    bool ok = len >= 6 && len <= 8 && strspn(text, "0123456789") == len;

    if (ok)
        *value = json_string(text);
    free(text);
    return ok ? NULL : "6 to 8 digits are wanted, as a text.";
}

static const char *check_passport(const json_t *given, json_t **value)
{
    char *text = folded(given);
    size_t len = text != NULL ? strlen(text) : 0;
    bool ok = len >= 1 && len <= 9;

    for (size_t i = 0; ok && i < len; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
        ok = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= '0' && text[i] <= '9');
    }
    if (ok)
        *value = json_string(text);
    free(text);
    return ok ? NULL : "1 to 9 capital letters and digits are wanted.";
}

static const char *check_code(const json_t *given, json_t **value)
{
    char code[SECRET_CODE_MAX];

    if (!json_is_string(given) || !confirm_read_code(json_string_value(given), code))
        return "6 to 8 digits are wanted, as a text.";
    *value = json_string(code);
    explicit_bzero(code, sizeof(code));
    return NULL;
}

static const char *check_bool(const json_t *given, json_t **value)
{
    if (!json_is_boolean(given))
        return "true or false is wanted.";
    *value = json_boolean(json_is_true(given));
    return NULL;
}

const char *body_check_value(const struct body_field *field, const json_t *given, json_t **value)
{
    switch (field->form) {
    case BODY_NAME:
        return check_name(field, given, value);
    case BODY_DATE:
        return check_date(given, value);
    case BODY_LANGUAGE:
        return check_language(given, value);
    case BODY_PHONE:
        return check_phone(given, value);
    case BODY_EMAIL:
        return check_email(given, value);
    case BODY_INPUT_ID:
        return check_input_id(given, value);
    case BODY_PASSPORT:
        return check_passport(given, value);
    case BODY_BOOL:
        return check_bool(given, value);
    case BODY_CHANNEL:
        return check_channel(given, value);
    case BODY_ADDRESS:
        return check_address(given, value);
    case BODY_CLIENT:
        return check_client(given, value);
    case BODY_CODE:
        return check_code(given, value);
    case BODY_PATIENT_IDS:
        break; /* body_check_ids() */
    }
    return "It cannot be read.";
}

/* ---------------------------------------------------------------- ids */

struct numbered {
    json_int_t id;
    int index;
};

static int compare_numbered(const void *one, const void *other)
{
    const struct numbered *a = one, *b = other;

    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* The place at which an id stands a second time. */
static int find_repeated(const json_t *ids)
{
    size_t count = json_array_size(ids);
    struct numbered *sorted = mem_new(count, sizeof(*sorted));
    int found = -1;

    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct numbered){json_integer_value(json_array_get(ids, i)), (int)i};
    qsort(sorted, count, sizeof(*sorted), compare_numbered);
    for (size_t i = 1; i < count && found < 0; i++)
        if (sorted[i].id == sorted[i - 1].id)
            found = sorted[i].index;
    free(sorted);
    return found;
}

int body_check_ids(const struct body_field *field, const json_t *given, const char **detail)
{
    size_t count = json_array_size(given); /* 0 also where it is no array */
    int repeated;

    if (count < 1 || count > field->max) {
        *detail = "A list of 1 to 5000 patient ids is wanted.";
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_array_get(given, i);

        if (!json_is_integer(id) || json_integer_value(id) < 1) {
            *detail = "The id of a patient is wanted: a whole number of at least 1.";
            return (int)i;
        }
    }
    repeated = find_repeated(given);
    if (repeated >= 0)
        *detail = "This patient is in the list twice.";
    return repeated;
}
