/* answer.c - gives the schema's answer on as it is. It reads nothing of it but an id. */
#include "api/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "base/mem.h"

struct asked {
    struct request request;
    const char *location;
};

struct asked *asked_new(const struct request *request, const char *location)
{
    struct asked *asked = mem_new(1, sizeof(*asked));

    asked->request = *request;
    asked->location = location;
    return asked;
}

static void add_location(const struct asked *asked, const struct store_reply *reply)
{
    json_t *made = json_loads(reply->body, 0, NULL);
    const json_t *id = json_object_get(made, "id");
    char path[64];

    if (json_is_integer(id)) {
        snprintf(path, sizeof(path), "%s%lld", asked->location, (long long)json_integer_value(id));
        http_reply_header(asked->request.exchange, "Location", path);
    }
    json_decref(made);
}

void asked_on_reply(void *arg, enum db_outcome outcome, const struct store_reply *reply)
{
    struct asked *asked = arg;

    if (outcome == DB_OK && reply->status >= 200 && reply->status < 300) {
        if (asked->location != NULL && (reply->status == 201 || reply->status == 202))
            add_location(asked, reply);
        http_reply(asked->request.exchange, reply->status, "application/json", reply->body,
                   strlen(reply->body));
    } else {
        problem_answer_outcome(&asked->request, outcome, reply);
    }
    free(asked);
}

void asked_check(struct asked *asked, bool sent)
{
    static const struct store_reply nothing = {.sqlstate = "", .message = "", .extra = ""};

    if (!sent)
        asked_on_reply(asked, DB_UNAVAILABLE, &nothing);
}
