/* ctl_sandbox.c - hersysctl sandbox: looks at the sandbox's telephones and answers from one of
 * them, over the daemon's HTTP. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/form.h"
#include "base/log.h"
#include "base/mem.h"
#include "bin/ctl.h"
#include "io/http_client.h"

enum { CTL_HTTP_TIMEOUT_MS = 60000, CTL_REPLY_MAX = 1 << 20, CTL_ANSWER_MAX = 64 << 20 };

/* One request and its answer. */
struct request {
    struct event_base *base;
    bool done;
    int status;
    char *body;
    char *error;
};

static void request_on_answer(void *arg, const struct http_answer *answer)
{
    struct request *request = arg;

    request->done = true;
    request->status = answer->status;
    request->body = mem_strndup(answer->body, answer->len);
    request->error = mem_strdup(answer->error);
}

static void print_refusal(const struct request *request)
{
    json_t *problem = json_loads(request->body, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));

    fprintf(stderr, "hersysctl: the daemon refused it with status %d%s%s\n", request->status,
            detail != NULL ? ": " : "", detail != NULL ? detail : "");
    json_decref(problem);
}

/* True for a 200; otherwise it has said what happened. */
static bool request_run(struct request *request, const struct ctl *ctl, const char *method,
                        const char *path, const char *form, size_t len)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    char *url = mem_printf("http://%s%s", ctl->conf->http.listen, path);
    struct http_client *client;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    *request = (struct request){.base = event_base_new()};
    if (request->base == NULL)
        log_fatal("the event loop cannot be made");
    client = http_client_new(request->base, CTL_ANSWER_MAX);
    http_client_send(client,
                     &(struct http_call){.method = method,
                                         .url = url,
                                         .headers = form != NULL ? headers : NULL,
                                         .body = form,
                                         .len = len,
                                         .timeout_ms = CTL_HTTP_TIMEOUT_MS,
                                         .allow_http = true},
                     request_on_answer, request);
    while (!request->done && event_base_loop(request->base, EVLOOP_ONCE) == 0)
        ;
    http_client_free(client);
    event_base_free(request->base);
    curl_global_cleanup();
    free(url);
    if (request->status == 200)
        return true;
    if (request->status == 0)
        fprintf(stderr, "hersysctl: the daemon does not answer at %s: %s\n", ctl->conf->http.listen,
                request->error);
    else if (request->status == 404)
        fputs("hersysctl: the daemon runs without the sandbox (sandbox.enabled)\n", stderr);
    else if (request->status == 503)
        fputs("hersysctl: the gateway takes nothing now (is its database up?); nothing was "
              "stored\n",
              stderr);
    else
        print_refusal(request);
    return false;
}

static void request_end(struct request *request)
{
    free(request->body);
    free(request->error);
}

/* ---------------------------------------------------------------- inbox */

static void print_message(const json_t *message)
{
    const char *direction = json_string_value(json_object_get(message, "direction"));
    const char *phone = json_string_value(json_object_get(message, "phone"));
    const char *mailbox = json_string_value(json_object_get(message, "mailbox"));
    const char *subject = json_string_value(json_object_get(message, "subject"));
    const char *text = json_string_value(json_object_get(message, "text"));
    const char *at = json_string_value(json_object_get(message, "at"));

    if (direction == NULL || (phone == NULL && mailbox == NULL) || text == NULL || at == NULL)
        return;
    printf("%s  %s %s\n", at, phone != NULL ? phone : mailbox,
           strcmp(direction, "out") == 0 ? "got" : "wrote");
    if (subject != NULL)
        printf("    %s\n    \n", subject);
    for (const char *line = text; line != NULL;
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL)
        printf("    %.*s\n", (int)strcspn(line, "\n"), line);
}

static int sandbox_inbox(const struct ctl *ctl, const char *address, bool as_json)
{
    struct request request;
    char path[512] = "/sandbox/messages?";
    size_t index, len = strlen(path);
    json_t *list, *message;
    int status = CTL_FAILED;

    if (address != NULL &&
        !form_append(path, sizeof(path), &len, "address", address, strlen(address)))
        return CTL_USAGE;
    if (!request_run(&request, ctl, "GET", path, NULL, 0)) {
        request_end(&request);
        return CTL_FAILED;
    }
    list = json_loads(request.body, 0, NULL);
    if (json_is_array(list)) {
        status = CTL_DONE;
        if (as_json)
            puts(request.body);
        else if (json_array_size(list) == 0)
            puts("(no message)");
        else
            json_array_foreach(list, index, message) print_message(message);
    } else {
        fputs("hersysctl: the daemon's answer cannot be read\n", stderr);
    }
    json_decref(list);
    request_end(&request);
    return status;
}

/* ---------------------------------------------------------------- reply */

static int sandbox_send_reply(const struct ctl *ctl, const char *phone, const char *text,
                              size_t text_len)
{
    struct request request;
    char *form = mem_new(CTL_REPLY_MAX, 1);
    size_t len = 0;
    int status = CTL_FAILED;

    if (!form_append(form, CTL_REPLY_MAX, &len, "from", phone, strlen(phone)) ||
        !form_append(form, CTL_REPLY_MAX, &len, "text", text, text_len)) {
        fputs("hersysctl: the text is too long\n", stderr);
    } else {
        if (request_run(&request, ctl, "POST", "/sandbox/replies", form, len)) {
            puts("stored");
            status = CTL_DONE;
        }
        request_end(&request);
    }
    free(form);
    return status;
}

static int sandbox_reply_from_input(const struct ctl *ctl, const char *phone)
{
    char *text = mem_new(CTL_REPLY_MAX, 1);
    size_t len = fread(text, 1, CTL_REPLY_MAX, stdin);
    int status;

    if (len > 0 && text[len - 1] == '\n')
        len--;
    status = sandbox_send_reply(ctl, phone, text, len);
    free(text);
    return status;
}

static int sandbox_run_inbox(struct ctl *ctl)
{
    bool as_json = ctl->argc > 1 && strcmp(ctl->argv[ctl->argc - 1], "--json") == 0;
    int argc = ctl->argc - (as_json ? 1 : 0);

    if (argc > 2)
        return CTL_USAGE;
    if (!ctl_read_conf(ctl))
        return CTL_FAILED;
    return sandbox_inbox(ctl, argc == 2 ? ctl->argv[1] : NULL, as_json);
}

static int sandbox_run_reply(struct ctl *ctl)
{
    if (ctl->argc < 2 || ctl->argc > 3)
        return CTL_USAGE;
    if (!ctl_read_conf(ctl))
        return CTL_FAILED;
    if (ctl->argc == 2)
        return sandbox_reply_from_input(ctl, ctl->argv[1]);
    return sandbox_send_reply(ctl, ctl->argv[1], ctl->argv[2], strlen(ctl->argv[2]));
}

int ctl_sandbox(struct ctl *ctl)
{
    if (ctl->argc > 0 && strcmp(ctl->argv[0], "inbox") == 0)
        return sandbox_run_inbox(ctl);
    if (ctl->argc > 0 && strcmp(ctl->argv[0], "reply") == 0)
        return sandbox_run_reply(ctl);
    return CTL_USAGE;
}
