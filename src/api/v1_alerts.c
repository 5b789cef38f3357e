/* v1_alerts.c - /v1/alerts: what somebody has to look at, and that somebody did. */
#include "api/answer.h"
#include "api/body.h"
#include "api/query.h"
#include "base/mem.h"
#include "store/v1.h"

void v1_alerts_list(struct api *api, const struct request *request)
{
    enum { STATE, AFTER, LIMIT, PARAMS };
    static const struct query_param params[PARAMS] = {
        [STATE] = {"state", QUERY_OPEN_OR_ALL},
        [AFTER] = {"after", QUERY_AFTER},
        [LIMIT] = {"limit", QUERY_LIMIT},
    };
    struct query_value values[PARAMS];
    struct asked *asked;

    if (!query_read(request, params, PARAMS, values))
        return;
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_alerts_list(api->store, &request->caller, values[STATE].text,
                                            values[AFTER].number, values[LIMIT].number,
                                            asked_on_reply, asked));
}

typedef bool settle_call(struct store *store, const struct store_caller *caller, int64_t id,
                         store_reply_cb *cb, void *arg);

static void settle(struct api *api, const struct request *request, settle_call *call)
{
    struct asked *asked;
    struct body body;

    if (!body_read(&body, request, BODY_EMPTY_OBJECT, NULL, 0))
        return;
    body_free(&body);
    asked = asked_new(request, NULL);
    asked_check(asked, call(api->store, &request->caller, request->id, asked_on_reply, asked));
}

void v1_alert_seen(struct api *api, const struct request *request)
{
    settle(api, request, store_v1_alert_seen);
}

void v1_alert_close(struct api *api, const struct request *request)
{
    settle(api, request, store_v1_alert_close);
}
