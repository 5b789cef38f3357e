/*
 * wording_kinds.c - the table of message kinds, and the languages. Data only; lengths are UCS-2
 * units.
 */
#include "flow/wording_kinds.h"

#include <string.h>

const char *const wording_endings[WORDING_MEDIA] = {[WORDING_SMS] = "sms", [WORDING_MAIL] = "mail"};

const struct wording_language wording_languages[WORDING_LANGUAGES] = {
    {.code = "ja"},
    {.code = "en", .gsm7 = true},
    {.code = "zh-Hans"},
    {.code = "zh-Hant"},
    {.code = "ko", .keep_words = true},
    {.code = "es", .gsm7 = true},
    {.code = "pt", .gsm7 = true},
};

#define CENTRE                                                                                     \
    {                                                                                              \
        .name = "centre", .max = 12, .sample = { "見本区保健所", NULL }                            \
    }
#define CENTRE_PHONE                                                                               \
    {                                                                                              \
        .name = "centre_phone", .max = 15, .plain = true, .show = WORDING_AS_PHONE, .sample = {    \
            "03-0000-0000",                                                                        \
            NULL                                                                                   \
        }                                                                                          \
    }

/* The number of the household's member who is spoken of, so that the example carries it. */
#define MEMBER                                                                                     \
    {                                                                                              \
        .name = "member", .max = 1, .plain = true, .optional = true, .sample = { "2", NULL }       \
    }

/* Names are absent where the number is not confirmed. */
static const struct wording_field members[] = {
    {.name = "number", .max = 1, .plain = true, .sample = {"1", "2"}},
    {.name = "name", .max = 10, .optional = true, .sample = {"花子", "太郎"}},
    {0},
};

static const struct wording_field reports[] = {
    {.name = "member", .max = 1, .plain = true, .optional = true, .sample = {"1", "2"}},
    {.name = "name", .max = 10, .optional = true, .sample = {"花子", "太郎"}},
    {.name = "temperature", .max = 5, .plain = true, .sample = {"36.9", "38.1"}},
    {.name = "spo2", .max = 3, .plain = true, .optional = true, .sample = {"97", "88"}},
    {.name = "no", .type = WORDING_FLAG, .choice = 1},
    {.name = "yes", .type = WORDING_FLAG, .choice = 1},
    {0},
};

#define MEMBERS                                                                                    \
    {                                                                                              \
        .name = "members", .type = WORDING_LIST, .max = 9, .fields = members                       \
    }
#define REPORTS                                                                                    \
    {                                                                                              \
        .name = "reports", .type = WORDING_LIST, .max = 9, .fields = reports                       \
    }

/* Where the staff looks; absent where the configuration names no console. */
#define CONSOLE                                                                                    \
    {                                                                                              \
        .name = "console", .max = 80, .plain = true, .optional = true, .show = WORDING_AS_LINK,    \
        .sample = {                                                                                \
            "https://console.example.jp",                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

/* By e-mail, to whom SMS does not reach, it asks to call. */
#define REMINDER_FIELDS                                                                            \
    {                                                                                              \
        CENTRE, {.name = "due", .max = 5, .plain = true, .sample = {"08:30", NULL}},               \
            {.name = "family", .type = WORDING_FLAG, .follows = "members"},                        \
            {.name = "member", /* the first of them, for the example of the SMS */                 \
             .max = 1,                                                                             \
             .plain = true,                                                                        \
             .optional = true,                                                                     \
             .unused = true,                                                                       \
             .sample = {"1", NULL}},                                                               \
            {.name = "members",                                                                    \
             .type = WORDING_LIST,                                                                 \
             .max = 9,                                                                             \
             .optional = true,                                                                     \
             .fields = members},                                                                   \
            {.name = "centre_phone",                                                               \
             .max = 15,                                                                            \
             .plain = true,                                                                        \
             .mail_only = true,                                                                    \
             .show = WORDING_AS_PHONE,                                                             \
             .sample = {"03-0000-0000", NULL}},                                                    \
    }

static const struct wording_field alerts[] = {
    {.name = "alert", .max = 19, .plain = true, .sample = {"1024", "1025"}},
    {.name = "patient", .max = 19, .plain = true, .optional = true, .sample = {"2048", "2049"}},
    {0},
};

const struct wording_kind wording_kinds[WORDING_KINDS] = {
    {
        .name = "registration_link",
        .has = {[WORDING_SMS] = true, [WORDING_MAIL] = true},
        .fields = {CENTRE,
                   {.name = "url",
                    .max = 80,
                    .plain = true,
                    .show = WORDING_AS_LINK,
                    .sample = {"https://my.example.jp/r/0123456789abcdefghij", NULL}},
                   {.name = "input_id", .max = 8, .plain = true, .sample = {"00000000", NULL}},
                   CENTRE_PHONE},
        .shapes = {{"a link", 0, 4}},
    },
    {
        /* The SMS says no number to call: what nobody may be told comes first, and it has one
         * segment. */
        .name = "confirmation_code",
        .has = {[WORDING_SMS] = true, [WORDING_MAIL] = true},
        .fields = {CENTRE,
                   {.name = "centre_phone",
                    .max = 15,
                    .plain = true,
                    .mail_only = true,
                    .show = WORDING_AS_PHONE,
                    .sample = {"03-0000-0000", NULL}},
                   {.name = "code",
                    .max = 8,
                    .plain = true,
                    .show = WORDING_AS_CODE,
                    .sample = {"012345", NULL}},
                   {.name = "minutes", .max = 2, .plain = true, .sample = {"30", NULL}}},
        .shapes = {{"a code", 0, 1}},
    },
    {
        .name = "reminder",
        .has = {[WORDING_SMS] = true, [WORDING_MAIL] = true},
        .fields = REMINDER_FIELDS,
        .shapes = {{"one patient", 0, 1}, {"a family", 9, 3}},
    },
    {
        /* A reminder again, to those who have not answered. */
        .name = "nudge",
        .has = {[WORDING_SMS] = true, [WORDING_MAIL] = true},
        .fields = REMINDER_FIELDS,
        .shapes = {{"one patient", 0, 1}, {"a family", 9, 3}},
    },
    {
        .name = "report_stored",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE,
                   REPORTS,
                   {.name = "replaced", .type = WORDING_FLAG}, /* in place of an earlier one */
                   {.name = "needs_review", .type = WORDING_FLAG},
                   {.name = "how_to_stop", .type = WORDING_FLAG}, /* a word of it may have asked */
                   CENTRE_PHONE},
        .shapes = {{"one report", 1, 4}, {"a family", 9, 7}},
    },
    {
        /* Nobody saves on this one: what to do stands in full. */
        .name = "report_urgent",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE,
                   {.name = "stored", .type = WORDING_FLAG, .follows = "reports"},
                   {.name = "reports",
                    .type = WORDING_LIST,
                    .max = 9,
                    .optional = true,
                    .fields = reports},
                   {.name = "needs_review", .type = WORDING_FLAG, .unused = true},
                   CENTRE_PHONE},
        .shapes = {{"no report", 0, 3}, {"one report", 1, 3}, {"a family", 9, 7}},
    },
    {
        .name = "incomplete",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE,
                   {.name = "missing_temperature", .type = WORDING_FLAG, .some = 1},
                   {.name = "missing_spo2", .type = WORDING_FLAG, .some = 1},
                   {.name = "missing_symptoms", .type = WORDING_FLAG, .some = 1},
                   {.name = "again", .type = WORDING_FLAG}, /* nothing is remembered: send all */
                   MEMBER},
        .shapes = {{"one report", 0, 2}},
    },
    {
        .name = "out_of_range",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE,
                   {.name = "temperature", .type = WORDING_FLAG, .choice = 1},
                   {.name = "spo2", .type = WORDING_FLAG, .choice = 1},
                   {.name = "value", .max = 16, .plain = true, .sample = {"79.9", NULL}},
                   MEMBER},
        .shapes = {{"one value", 0, 2}},
    },
    {
        .name = "ambiguous",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, {.name = "conflict", .type = WORDING_FLAG}, MEMBER},
        .shapes = {{"one message", 0, 2}},
    },
    {
        .name = "which_member",
        .has = {[WORDING_SMS] = true},
        /* Send all of it again, or just the number or the name. */
        .fields = {CENTRE, {.name = "again", .type = WORDING_FLAG}, MEMBERS},
        .shapes = {{"a family", 9, 4}},
    },
    {
        .name = "not_understood",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, CENTRE_PHONE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        /* Nobody knows the language: the Japanese text says it in English as well. */
        .name = "unknown_sender",
        .has = {[WORDING_SMS] = true},
        .fields = {{0}},
        .shapes = {{"one message", 0, 3}},
    },
    {
        .name = "not_watched",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, CENTRE_PHONE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        /* Which report was taken back. */
        .name = "undone",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, REPORTS},
        .shapes = {{"one report", 1, 2}, {"a family", 9, 6}},
    },
    {
        .name = "nothing_to_undo",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, CENTRE_PHONE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        /* The answer to "a wrong value". */
        .name = "correct_how",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, MEMBER},
        .shapes = {{"one message", 0, 2}},
    },
    {
        /* "cancel", and there is a report that it could mean. */
        .name = "cancel_which",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        .name = "wrong_which",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        /* To a stranger: no word about anybody. */
        .name = "wrong_number",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, CENTRE_PHONE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        .name = "stopped",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, CENTRE_PHONE},
        .shapes = {{"one message", 0, 3}},
    },
    {
        .name = "started",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        .name = "help",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE, CENTRE_PHONE},
        .shapes = {{"one message", 0, 4}},
    },
    {
        .name = "language_changed",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE},
        .shapes = {{"one message", 0, 2}},
    },
    {
        .name = "code_confirmed",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE},
        .shapes = {{"one message", 0, 1}},
    },
    {
        .name = "code_wrong",
        .has = {[WORDING_SMS] = true},
        .fields = {CENTRE},
        .shapes = {{"one message", 0, 1}},
    },
    {
        .name = "monitoring_ended",
        .has = {[WORDING_SMS] = true, [WORDING_MAIL] = true},
        .fields = {CENTRE,
                   MEMBER,
                   {.name = "name", .max = 10, .optional = true, .sample = {"花子", NULL}},
                   CENTRE_PHONE},
        .shapes = {{"one patient", 0, 3}},
    },
    {
        /* To the centre's staff: numbers of our own, no name, no telephone, no value. */
        .name = "alert_urgent",
        .has = {[WORDING_SMS] = true, [WORDING_MAIL] = true},
        .fields = {CENTRE,
                   {.name = "alert", .max = 19, .plain = true, .sample = {"1024", NULL}},
                   {.name = "patient",
                    .max = 19,
                    .plain = true,
                    .optional = true,
                    .sample = {"2048", NULL}},
                   {.name = "again", .type = WORDING_FLAG}, /* nobody has looked yet */
                   CONSOLE},
        .shapes = {{"one alert", 0, 4}},
    },
    {
        .name = "alert_digest",
        .has = {[WORDING_MAIL] = true},
        .fields =
            {CENTRE,
             {.name = "count", .max = 6, .plain = true, .sample = {"2", NULL}},
             {.name = "alerts", .type = WORDING_LIST, .max = 50, .fields = alerts},
             {.name = "more", .max = 6, .plain = true, .optional = true, .sample = {"7", NULL}},
             CONSOLE},
        .shapes = {{"one alert", 1, 0}, {"many alerts", 50, 0}},
    },
    {
        .name = "call_list",
        .has = {[WORDING_MAIL] = true},
        .fields = {CENTRE,
                   {.name = "day", .max = 10, .plain = true, .sample = {"2026-02-01", NULL}},
                   {.name = "count", .max = 6, .plain = true, .sample = {"3", NULL}},
                   CONSOLE},
        .shapes = {{"one list", 0, 0}},
    },
};

/* ------------------------------------------------------------------ the layout of the e-mails */

static const struct wording_field layout_parts[] = {
    {.name = "text", .optional = true},
    {.name = "phone", .optional = true},
    {.name = "tel", .optional = true},
    {0},
};

static const struct wording_field layout_lines[] = {
    {.name = "code", .optional = true},
    {.name = "link", .optional = true},
    {.name = "parts", .type = WORDING_LIST, .fields = layout_parts},
    {.name = "first", .type = WORDING_FLAG}, /* of its paragraph */
    {.name = "more", .type = WORDING_FLAG},  /* another line of it follows */
    {.name = "last", .type = WORDING_FLAG},
    {0},
};

const struct wording_kind wording_layout = {
    .name = "mail.html",
    .fields = {{.name = "language"},
               {.name = "subject"},
               {.name = "keep_words", .type = WORDING_FLAG, .unused = true},
               {.name = "lines", .type = WORDING_LIST, .fields = layout_lines}},
};

/* ------------------------------------------------------------------ looking up */

const struct wording_field *wording_find_field(const struct wording_field *fields, const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

bool wording_find_kind(const char *name, size_t *kind)
{
    for (*kind = 0; *kind < WORDING_KINDS; (*kind)++)
        if (strcmp(wording_kinds[*kind].name, name) == 0)
            return true;
    return false;
}

bool wording_find_language(const char *code, size_t *language)
{
    for (*language = 0; *language < WORDING_LANGUAGES; (*language)++)
        if (strcmp(wording_languages[*language].code, code) == 0)
            return true;
    return false;
}
