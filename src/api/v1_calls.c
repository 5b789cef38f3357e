/* v1_calls.c - /v1/calls: whom the centre has to call, and that it did. */
#include "api/answer.h"
#include "api/body.h"
#include "api/query.h"
#include "store/v1.h"

void v1_calls_list(struct api *api, const struct request *request)
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
    asked_check(asked, store_v1_calls_list(api->store, &request->caller, values[AFTER].number,
                                           values[LIMIT].number, asked_on_reply, asked));
}

void v1_call_close(struct api *api, const struct request *request)
{
    struct asked *asked;
    struct body body;

    if (!body_read(&body, request, BODY_EMPTY_OBJECT, NULL, 0))
        return;
    body_free(&body);
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_call_close(api->store, &request->caller, request->id,
                                           asked_on_reply, asked));
}
