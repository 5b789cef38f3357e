/* v1_reports.c - /v1/reports and /v1/unreported: reading out what patients reported, and who did
 * not. */
#include "api/answer.h"
#include "api/problem.h"
#include "api/query.h"
#include "store/v1.h"

void v1_reports_list(struct api *api, const struct request *request)
{
    enum { AFTER, LIMIT, PARAMS };
    static const struct query_param params[PARAMS] = {
        [AFTER] = {"after", QUERY_CURSOR},
        [LIMIT] = {"limit", QUERY_LIMIT},
    };
    struct query_value values[PARAMS];
    struct asked *asked;

    if (!query_read(request, params, PARAMS, values))
        return;
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_reports_list(api->store, &request->caller, values[AFTER].text,
                                             values[AFTER].number, values[LIMIT].number,
                                             asked_on_reply, asked));
}

void v1_unreported(struct api *api, const struct request *request)
{
    enum { SLOT, DAY, AFTER, LIMIT, PARAMS };
    static const struct query_param params[PARAMS] = {
        [SLOT] = {"slot", QUERY_ID},
        [DAY] = {"day", QUERY_DATE},
        [AFTER] = {"after", QUERY_AFTER},
        [LIMIT] = {"limit", QUERY_LIMIT},
    };
    struct query_value values[PARAMS];
    struct asked *asked;

    if (!query_read(request, params, PARAMS, values))
        return;
    if (values[DAY].given && !values[SLOT].given) {
        problem_answer_parameter(request->exchange, "slot", "A day is asked for with its slot.");
        return;
    }
    asked = asked_new(request, NULL);
    asked_check(asked, store_v1_unreported(api->store, &request->caller, values[SLOT].number,
                                           values[DAY].given ? values[DAY].text : NULL,
                                           values[AFTER].number, values[LIMIT].number,
                                           asked_on_reply, asked));
}
