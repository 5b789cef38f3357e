/* v1_codes.c - /v1/codes: confirmation codes for whoever shows that an address is theirs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/query.h"
#include "base/email.h"
#include "base/mem.h"
#include "base/phone.h"
#include "flow/confirm.h"

/* ---------------------------------------------------------------- asking for one */

/* What the address must be depends on the channel. */
static void read_address(struct body *body, char address[EMAIL_MAX])
{
    const char *channel = body_text(body, "channel"), *given = body_text(body, "address");
    char number[PHONE_MAX];

    address[0] = '\0';
    if (channel == NULL || given == NULL)
        return;
    if (strcmp(channel, "email") == 0) {
        if (!email_parse(given, strlen(given), address))
            body_add_fault(body, "address",
                           "An e-mail address is wanted, such as hanako@example.jp.");
    } else if (phone_parse(given, strlen(given), number) == PHONE_MOBILE) {
        snprintf(address, EMAIL_MAX, "%s", number);
    } else {
        body_add_fault(body, "address",
                       "A mobile number is wanted, such as 090-1234-5678 or +819012345678.");
    }
}

void v1_code_request(struct api *api, const struct request *request)
{
    static const struct body_field fields[] = {
        {.name = "channel", .form = BODY_CHANNEL, .required = true},
        {.name = "address", .form = BODY_ADDRESS, .required = true},
        {.name = "language", .form = BODY_LANGUAGE, .required = true},
        {.name = "client", .form = BODY_CLIENT},
    };
    char address[EMAIL_MAX];
    struct asked *asked;
    struct body body;

    if (!body_open(&body, request, BODY_JSON))
        return;
    body_read_fields(&body, fields, MEM_COUNT(fields));
    read_address(&body, address);
    if (!body_is_good(&body))
        return;
    asked = asked_new(request, "/v1/codes/");
    asked_check(asked, confirm_send(api->store, api->keyring, &request->caller,
                                    &(struct confirm_request){
                                        .channel = body_text(&body, "channel"),
                                        .address = address,
                                        .language = body_text(&body, "language"),
                                        .client = body_text(&body, "client"),
                                        .digits = api->code_digits,
                                    },
                                    asked_on_reply, asked));
    body_free(&body);
}

void v1_code_get(struct api *api, const struct request *request)
{
    struct asked *asked;

    if (!query_read(request, NULL, 0, NULL))
        return;
    asked = asked_new(request, NULL);
    asked_check(
        asked, store_v1_code_get(api->store, &request->caller, request->id, asked_on_reply, asked));
}

/* ---------------------------------------------------------------- trying one */

static void verify_on_verdict(void *arg, enum confirm_verdict verdict, int attempts_left,
                              enum db_outcome outcome, const struct store_reply *reply)
{
    struct request *request = arg;

    switch (verdict) {
    case CONFIRM_DONE:
        asked_on_reply(asked_new(request, NULL), outcome, reply);
        break;
    case CONFIRM_WRONG:
        problem_answer(request->exchange, PROBLEM_WRONG_CODE,
                       attempts_left > 0 ? "This is not the code."
                                         : "This is not the code, and it takes no more tries.",
                       json_pack("{s:s, s:i}", "pointer", "/code", "attempts_left", attempts_left));
        break;
    case CONFIRM_KEY_GONE:
        problem_answer(request->exchange, PROBLEM_NOT_POSSIBLE,
                       "The code cannot be checked any more. Ask for a new one.", NULL);
        break;
    }
    free(request);
}

void v1_code_verify(struct api *api, const struct request *request)
{
    static const struct body_field fields[] = {
        {.name = "code", .form = BODY_CODE, .required = true},
    };
    struct request *waiting;
    struct body body;

    if (!body_read(&body, request, BODY_JSON, fields, MEM_COUNT(fields)))
        return;
    waiting = mem_dup(request, sizeof(*request));
    if (!confirm_verify(api->store, &api->keyring, &request->caller, request->id,
                        body_text(&body, "code"), verify_on_verdict, waiting)) {
        asked_check(asked_new(request, NULL), false);
        free(waiting);
    }
    body_free(&body);
}
