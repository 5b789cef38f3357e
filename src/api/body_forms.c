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

/* The ranges are those of a report's values (schema/0004_reports.sql). */
static const char *check_spo2(const json_t *given, json_t **value)
{
    if (!json_is_integer(given) || json_integer_value(given) < 50 ||
        json_integer_value(given) > 100)
        return "A whole number from 50 to 100 is wanted.";
    *value = json_integer(json_integer_value(given));
    return NULL;
}

static const char *check_temperature(const json_t *given, json_t **value)
{
    if (!json_is_number(given) || json_number_value(given) < 34 || json_number_value(given) > 42)
        return "A number from 34 to 42 is wanted.";
    *value = json_real(json_number_value(given));
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
    case BODY_SPO2:
        return check_spo2(given, value);
    case BODY_TEMPERATURE:
        return check_temperature(given, value);
    case BODY_CHANNEL:
        return check_channel(given, value);
    case BODY_ADDRESS:
        return check_address(given, value);
    case BODY_CLIENT:
        return check_client(given, value);
    case BODY_CODE:
        return check_code(given, value);
    case BODY_PATIENTS:
        break; /* body_check_patients() */
    }
    return "It cannot be read.";
}

/* ---------------------------------------------------------------- patients */

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

/* The place at which a patient stands a second time; -1 where none does. */
static int find_repeated(const json_t *patients)
{
    size_t count = json_array_size(patients);
    struct numbered *sorted = mem_new(count, sizeof(*sorted));
    int found = -1;

    for (size_t i = 0; i < count; i++) {
        const json_t *patient = json_array_get(patients, i);

        sorted[i] =
            (struct numbered){json_integer_value(json_object_get(patient, "patient")), (int)i};
    }
    qsort(sorted, count, sizeof(*sorted), compare_numbered);
    for (size_t i = 1; i < count && found < 0; i++)
        if (sorted[i].id == sorted[i - 1].id)
            found = sorted[i].index;
    free(sorted);
    return found;
}

static const char *check_id(const json_t *given, json_t **value)
{
    if (!json_is_integer(given) || json_integer_value(given) < 1)
        return "The id of a patient is wanted: a whole number of at least 1.";
    *value = json_integer(json_integer_value(given));
    return NULL;
}

/* Adds one member of a patient to `patient`; says in words what is wrong. */
static const char *take_member(json_t *patient, const char *name, const json_t *given)
{
    json_t *value = NULL;
    const char *fault;

    if (strcmp(name, "patient") == 0)
        fault = check_id(given, &value);
    else if (json_is_null(given))
        return NULL;
    else if (strcmp(name, "phone") == 0)
        fault = check_phone(given, &value);
    else if (strcmp(name, "input_id") == 0)
        fault = check_input_id(given, &value);
    else
        fault = "There is no such member.";
    if (value != NULL)
        json_object_set_new(patient, name, value);
    return fault;
}

static bool take_patient(json_t *patient, const json_t *given, struct body_list_fault *fault)
{
    const char *name;
    json_t *member;

    if (!json_is_object(given)) {
        fault->detail = take_member(patient, "patient", given);
        return fault->detail == NULL;
    }
    json_object_foreach((json_t *)given, name, member)
    {
        fault->member = name;
        fault->detail = take_member(patient, name, member);
        if (fault->detail != NULL)
            return false;
    }
    fault->member = "patient";
    if (json_object_get(patient, "patient") == NULL)
        fault->detail = "It has to be there.";
    return fault->detail == NULL;
}

static bool take_patients(json_t *patients, const json_t *given, struct body_list_fault *fault)
{
    for (size_t i = 0; i < json_array_size(given); i++) {
        json_t *patient = json_object();

        json_array_append_new(patients, patient);
        *fault = (struct body_list_fault){.index = (int)i};
        if (!take_patient(patient, json_array_get(given, i), fault))
            return false;
    }
    *fault = (struct body_list_fault){.index = find_repeated(patients)};
    if (fault->index >= 0)
        fault->detail = "This patient is in the list twice.";
    return fault->detail == NULL;
}

bool body_check_patients(const struct body_field *field, const json_t *given, json_t **value,
                         struct body_list_fault *fault)
{
    size_t count = json_array_size(given); /* 0 also where it is no array */
    json_t *patients;

    *fault = (struct body_list_fault){.index = -1};
    if (count < 1 || count > field->max) {
        fault->detail = "A list of 1 to 5000 patients is wanted.";
        return false;
    }
    patients = json_array();
    if (!take_patients(patients, given, fault)) {
        json_decref(patients);
        return false;
    }
    *value = patients;
    return true;
}
