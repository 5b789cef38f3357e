/* v1_patients.c - /v1/patients: registering those whom a centre follows, and correcting what is
 * known of them. */
#include <stdlib.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/query.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/v1.h"

enum { PATIENT_NAME_MAX = 60 };

#define PATIENT_FIELDS                                                                             \
    {.name = "input_id", .form = BODY_INPUT_ID, .required = true, .lasting = true},                \
        {.name = "family_name",                                                                    \
         .form = BODY_NAME,                                                                        \
         .required = true,                                                                         \
         .lasting = true,                                                                          \
         .max = PATIENT_NAME_MAX},                                                                 \
        {.name = "given_name",                                                                     \
         .form = BODY_NAME,                                                                        \
         .required = true,                                                                         \
         .lasting = true,                                                                          \
         .max = PATIENT_NAME_MAX},                                                                 \
        {.name = "date_of_birth", .form = BODY_DATE, .required = true, .lasting = true},           \
        {.name = "language", .form = BODY_LANGUAGE, .lasting = true},                              \
        {.name = "phone", .form = BODY_PHONE},                                                     \
        {.name = "phone_confirmed", .form = BODY_BOOL, .lasting = true},                           \
        {.name = "email", .form = BODY_EMAIL}, {.name = "onset_on", .form = BODY_DATE},            \
        {.name = "diagnosed_on", .form = BODY_DATE},                                               \
        {.name = "entered_japan_on", .form = BODY_DATE},                                           \
        {.name = "passport_number", .form = BODY_PASSPORT},                                        \
        {.name = "spo2_urgent", .form = BODY_SPO2}, {.name = "spo2_watch", .form = BODY_SPO2},     \
        {.name = "temperature_watch", .form = BODY_TEMPERATURE},                                   \
        {.name = "monitoring_from", .form = BODY_DATE, .lasting = true},                           \
    {                                                                                              \
        .name = "monitoring_until", .form = BODY_DATE, .lasting = true                             \
    }

static const struct body_field new_fields[] = {PATIENT_FIELDS};
static const struct body_field change_fields[] = {
    PATIENT_FIELDS,
    {.name = "ended", .form = BODY_BOOL, .lasting = true},
};

/* The values as the schema takes them; to be freed. */
static char *values_text(const struct body *body)
{
    char *text = json_dumps(body->values, JSON_COMPACT);

    if (text == NULL)
        log_fatal("out of memory");
    return text;
}

void v1_patient_create(struct api *api, const struct request *request)
{
    struct asked *asked;
    struct body body;
    char *text;

    if (!body_read(&body, request, BODY_JSON, new_fields, MEM_COUNT(new_fields)))
        return;
    text = values_text(&body);
    asked = asked_new(request, "/v1/patients/");
    asked_check(asked,
                store_v1_patient_create(api->store, &request->caller, text, asked_on_reply, asked));
    free(text);
    body_free(&body);
}

void v1_patient_change(struct api *api, const struct request *request)
{
    struct asked *asked;
    struct body body;
    char *text;

    if (!body_read(&body, request, BODY_MERGE_PATCH, change_fields, MEM_COUNT(change_fields)))
        return;
    text = values_text(&body);
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_patient_change(api->store, &request->caller, request->id, text,
                                               asked_on_reply, asked));
    free(text);
    body_free(&body);
}

void v1_patient_get(struct api *api, const struct request *request)
{
    struct asked *asked;

    if (!query_read(request, NULL, 0, NULL))
        return;
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_patient_get(api->store, &request->caller, request->id,
                                            asked_on_reply, asked));
}

void v1_patient_list(struct api *api, const struct request *request)
{
    enum { AFTER, LIMIT, PARAMS };
    static const struct query_param params[PARAMS] = {
        [AFTER] = {"after", QUERY_AFTER},
        [LIMIT] = {"limit", QUERY_LIMIT},
    };
    struct query_value values[PARAMS];
    struct asked *asked;

    if (!query_read(request, params, PARAMS, values))
        return;
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_patient_list(api->store, &request->caller, values[AFTER].number,
                                             values[LIMIT].number, asked_on_reply, asked));
}
