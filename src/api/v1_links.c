/* v1_links.c - /v1/links and /v1/batches: registration links for patients, what became of them, and
 * the second person's word on a batch that is held. */
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/query.h"
#include "base/mem.h"
#include "flow/register.h"
#include "store/v1.h"

void v1_links_send(struct api *api, const struct request *request)
{
    static const struct body_field fields[] = {
        {.name = "patients", .form = BODY_PATIENTS, .required = true, .max = REGISTER_PATIENTS_MAX},
        {.name = "channel", .form = BODY_CHANNEL, .required = true},
    };
    struct store_link_patient *patients;
    const json_t *given;
    struct asked *asked;
    struct body body;
    size_t count;

    if (!body_read(&body, request, BODY_JSON, fields, MEM_COUNT(fields)))
        return;
    given = json_object_get(body.values, "patients");
    count = json_array_size(given);
    patients = mem_new(count, sizeof(*patients));
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(given, i);

        patients[i] = (struct store_link_patient){
            .id = json_integer_value(json_object_get(item, "patient")),
            .phone = json_string_value(json_object_get(item, "phone")),
            .input_id = json_string_value(json_object_get(item, "input_id")),
        };
    }
    asked = asked_new(request, "/v1/batches/");
    asked_check(asked, register_send_batch(api->store, api->keyring, &request->caller,
                                           &(struct register_batch){
                                               .patients = patients,
                                               .count = count,
                                               .channel = body_text(&body, "channel"),
                                           },
                                           asked_on_reply, asked));
    free(patients);
    body_free(&body);
}

typedef bool call_of_id(struct store *store, const struct store_caller *caller, int64_t id,
                        store_reply_cb *cb, void *arg);

static void look_at(struct api *api, const struct request *request, call_of_id *call)
{
    struct asked *asked;

    if (!query_read(request, NULL, 0, NULL))
        return;
    asked = asked_new(request, NULL);
    asked_check(asked, call(api->store, &request->caller, request->id, asked_on_reply, asked));
}

static void decide(struct api *api, const struct request *request, call_of_id *call)
{
    struct asked *asked;
    struct body body;

    if (!body_read(&body, request, BODY_EMPTY_OBJECT, NULL, 0))
        return;
    body_free(&body);
    asked = asked_new(request, NULL);
    asked_check(asked, call(api->store, &request->caller, request->id, asked_on_reply, asked));
}

void v1_link_get(struct api *api, const struct request *request)
{
    look_at(api, request, store_v1_link_get);
}

void v1_batch_get(struct api *api, const struct request *request)
{
    look_at(api, request, store_v1_batch_get);
}

void v1_batch_release(struct api *api, const struct request *request)
{
    decide(api, request, store_v1_batch_release);
}

void v1_batch_cancel(struct api *api, const struct request *request)
{
    decide(api, request, store_v1_batch_cancel);
}
