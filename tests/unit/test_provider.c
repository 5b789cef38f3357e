/* test_provider.c - providers as tables: a message and the exact request for it, a canned answer
 * and what it says, a webhook and what is read out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/conf.h"
#include "base/mem.h"
#include "base/place.h"
#include "base/secret.h"
#include "channel/provider.h"
#include "channel/sms_http.h"
#include "folder.h"

#define PUBLIC_URL "https://gateway.example.jp"
#define ACCOUNT    "AC0123456789abcdef0123456789abcdef"

/* ---- links from configurations */

static struct conf *conf;
static const struct provider *provider;
static void *self;

static void on_fault(void *arg, const char *fault)
{
    (void)arg;
    fail_msg("%s", fault);
}

static void open_link(const char *link)
{
    char *text = mem_printf("links: { base_url = \"https://my.example.jp\"; };\n"
                            "http: { public_url = \"" PUBLIC_URL "\"; };\n"
                            "carriers: { x: { %s }; };\n",
                            link);
    char error[512];

    folder_write("x.conf", text, strlen(text), 0600);
    folder_write("secret", "p\"w=1\n", 6, 0600);
    free(text);
    conf = conf_load(folder_path("x.conf"), on_fault, NULL);
    assert_non_null(conf);
    provider = provider_find(conf->carriers->items[0].type);
    self = provider->open(&conf->carriers->items[0], conf->http.public_url, error, sizeof(error));
    if (self == NULL)
        fail_msg("%s", error);
}

static void close_link(void)
{
    provider->close(self);
    conf_free(conf);
}

/* ---- requests */

static const struct channel_message message = {
    .id = 42,
    .recipient = "+817000000001",
    .text = "「36.9」 & \"97\"\nN",
    .language = "ja",
};

#define TWILIO  "type = \"twilio\"; account_sid = \"" ACCOUNT "\"; auth_token_file = \"secret\"; "
#define GENERIC "type = \"generic\"; rules = ( { status = \"2xx\"; outcome = \"accepted\"; } ); "

static const struct {
    const char *link, *wanted; /* method, url, headers and body, a line each */
} requests[] = {
    {TWILIO "from = \"+817000000000\";",
     "POST\nhttps://api.twilio.com/2010-04-01/Accounts/" ACCOUNT "/Messages.json\n"
     "Content-Type: application/x-www-form-urlencoded\nAccept: application/json\n"
     "Authorization: Basic "
     "QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpwInc9MQ==\n"
     "To=%2B817000000001&From=%2B817000000000&Body=%E3%80%8C36.9%E3%80%8D+%26+%2297%22%0AN&"
     "StatusCallback=https%3A%2F%2Fgateway.example.jp%2Fwebhooks%2Fx%2Freceipt%23rc%3D5%26rp%"
     "3Dall"},
    {GENERIC "url = \"https://s.example/m\"; body = \"{\\\"t\\\": \\\"{{text}}\\\", \\\"r\\\": "
             "\\\"{{recipient}}\\\"}\";",
     "POST\nhttps://s.example/m\nContent-Type: application/json\n"
     "{\"t\":\"「36.9」 & \\\"97\\\"\\nN\",\"r\":\"+817000000001\"}"},
    {GENERIC "url = \"https://s.example/m\"; body_type = \"form\"; number_format = \"national\"; "
             "body = \"u={{user}}&p={{secret}}&r={{recipient}}&t={{text}}\"; user = \"me\"; "
             "secret_file = \"secret\";",
     "POST\nhttps://s.example/m\nContent-Type: application/x-www-form-urlencoded\n"
     "u=me&p=p%22w%3D1&r=07000000001&t=%E3%80%8C36.9%E3%80%8D%20%26%20%2297%22%0AN"},
    {GENERIC "url = \"https://s.example/m?to={{recipient}}&text={{text}}\"; method = \"GET\"; "
             "body_type = \"none\"; number_format = \"digits\"; auth = \"basic\"; user = \"me\"; "
             "secret_file = \"secret\";",
     "GET\nhttps://s.example/"
     "m?to=817000000001&text=%E3%80%8C36.9%E3%80%8D%20%26%20%2297%22%0AN\n"
     "Authorization: Basic bWU6cCJ3PTE=\n"},
    {GENERIC "url = \"https://s.example/m\"; method = \"PUT\"; auth = \"bearer\"; secret_file = "
             "\"secret\"; from = \"HERSYS\"; "
             "headers = ( \"Idempotency-Key: {{reference}}\", \"X-From: {{sender}}\", "
             "\"Content-Type: text/json\" ); idempotent = true; "
             "body = \"[\\\"{{recipient}}\\\", \\\"{{text}}\\\"]\";",
     "PUT\nhttps://s.example/m\nAuthorization: Bearer p\"w=1\nIdempotency-Key: 42\nX-From: "
     "HERSYS\nContent-Type: text/json\n[\"+817000000001\",\"「36.9」 & \\\"97\\\"\\nN\"]"},
};

static char *written(const struct provider_request *request)
{
    char *text = mem_printf("%s\n%s\n", request->method, request->url), *more;

    for (size_t i = 0; i < request->header_count; i++) {
        more = mem_printf("%s%s\n", text, request->headers[i]);
        free(text);
        text = more;
    }
    more = mem_printf("%s%s", text, request->body != NULL ? request->body : "");
    free(text);
    if (request->body != NULL)
        assert_int_equal(strlen(request->body), request->len);
    return more;
}

static void test_a_message_becomes_exactly_this_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(requests); i++) {
        struct provider_request request = {0};
        const char *why = NULL;
        char *text;

        open_link(requests[i].link);
        assert_true(provider->build(self, &message, &request, &why));
        text = written(&request);
        assert_string_equal(text, requests[i].wanted);
        free(text);
        provider_request_free(&request);
        close_link();
    }
}

static void test_a_number_that_has_no_such_form_goes_to_nobody(void **state)
{
    struct channel_message abroad = message;
    struct provider_request request = {0};
    const char *why = NULL;

    (void)state;
    abroad.recipient = "+821000000000";
    open_link(GENERIC "url = \"https://s.example/m?a={{recipient}}{{text}}\"; method = \"GET\"; "
                      "body_type = \"none\"; number_format = \"national\";");
    assert_false(provider->build(self, &abroad, &request, &why));
    assert_string_equal(why, "number_format");
    provider_request_free(&request);
    close_link();
}

/* ---- answers */

static struct provider_verdict judge(const struct http_answer *answer, int *pause_s)
{
    struct provider_verdict verdict;

    sms_http_judge(provider, self, answer, &verdict, pause_s);
    return verdict;
}

static struct http_answer answered(int status, const char *body)
{
    return (struct http_answer){.outcome = HTTP_ANSWERED,
                                .status = status,
                                .body = body,
                                .len = strlen(body),
                                .retry_after_s = -1,
                                .error = "",
                                .header = "Location\0/m/7\0X-Id\0h-9\0"};
}

struct answer_case {
    int status;
    const char *body;
    enum channel_outcome outcome;
    const char *id, *error;
};

static void judge_all(const struct answer_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct http_answer answer = answered(cases[i].status, cases[i].body);
        int pause_s;
        struct provider_verdict verdict = judge(&answer, &pause_s);

        if (verdict.outcome != cases[i].outcome)
            fail_msg("%d %s: %s", cases[i].status, cases[i].body,
                     channel_outcome_word(verdict.outcome));
        assert_string_equal(verdict.error, cases[i].error);
        if (verdict.outcome == CHANNEL_ACCEPTED)
            assert_string_equal(verdict.id, cases[i].id);
    }
}

static void test_what_twilio_answers_is_judged_by_its_codes(void **state)
{
    static const struct answer_case cases[] = {
        {201, "{\"sid\": \"SM1\", \"status\": \"queued\"}", CHANNEL_ACCEPTED, "SM1", ""},
        {200, "{\"sid\": \"SM1\"}", CHANNEL_ACCEPTED, "SM1", ""},
        {201, "{\"sid\": null}", CHANNEL_UNKNOWN, "", "no_id"},
        {201, "{\"sid\": \"\"}", CHANNEL_UNKNOWN, "", "no_id"},
        {201, "<html>", CHANNEL_UNKNOWN, "", "no_id"},
        {201, "", CHANNEL_UNKNOWN, "", "no_id"},
        {400, "{\"code\": 21211}", CHANNEL_REJECTED, "", "invalid_number"},
        {400, "{\"code\": 21614}", CHANNEL_REJECTED, "", "no_mobile_number"},
        {400, "{\"code\": 21408}", CHANNEL_REJECTED, "", "region_not_permitted"},
        {400, "{\"code\": 21610}", CHANNEL_OPTED_OUT, "", "opted_out"},
        {400, "{\"code\": 21611}", CHANNEL_THROTTLED, "", "queue_full"},
        {400, "{\"code\": 14107}", CHANNEL_THROTTLED, "", "rate_limit"},
        {429, "{\"code\": 20429}", CHANNEL_THROTTLED, "", "rate_limit"},
        {400, "{\"code\": 30003}", CHANNEL_RETRY, "", "unreachable"},
        {400, "{\"code\": 30005}", CHANNEL_REJECTED, "", "unknown_number"},
        {400, "{\"code\": 30006}", CHANNEL_REJECTED, "", "landline"},
        {401, "{\"code\": 20003}", CHANNEL_LINK_DOWN, "", "auth_refused"},
        {400, "{\"code\": 21606}", CHANNEL_LINK_DOWN, "", "sender_invalid"},
        {400, "{\"code\": 21999}", CHANNEL_REJECTED, "", "twilio_21999"},
        {400, "{\"code\": 20999}", CHANNEL_LINK_DOWN, "", "twilio_20999"},
        {400, "{\"code\": \"21610; DROP\"}", CHANNEL_REJECTED, "", "http_400"},
        {400, "{\"code\": -21610}", CHANNEL_REJECTED, "", "http_400"},
        {400, "", CHANNEL_REJECTED, "", "http_400"},
        {429, "", CHANNEL_THROTTLED, "", "http_429"},
        {500, "{\"code\": 20500}", CHANNEL_UNKNOWN, "", "http_500"},
        {503, "", CHANNEL_UNKNOWN, "", "http_503"},
    };

    (void)state;
    open_link(TWILIO "from = \"+817000000000\";");
    judge_all(cases, MEM_COUNT(cases));
    close_link();
}

/* What no rule says, and what rules say of the status, places and texts of an answer. */
static void test_what_a_carrier_answers_is_judged_by_its_rules_and_then_by_ours(void **state)
{
    static const struct answer_case cases[] = {
        {200, "{\"r\": {\"0\": {\"code\": 0, \"id\": 77}}}", CHANNEL_ACCEPTED, "77", ""},
        {200, "{\"r\": [{\"code\": 0, \"id\": \"a-1\"}]}", CHANNEL_ACCEPTED, "a-1", ""},
        {200, "{\"r\": [{\"code\": \"0\"}]}", CHANNEL_UNKNOWN, "", "no_id"},
        {200, "{\"r\": [{\"code\": 0, \"id\": \"\"}]}", CHANNEL_UNKNOWN, "", "no_id"},
        {200, "{\"r\": [{\"code\": 0, \"id\": 1.5}]}", CHANNEL_UNKNOWN, "", "no_id"},
        {200, "{\"r\": [{\"code\": 12}]}", CHANNEL_REJECTED, "", "dead_number"},
        {200, "{\"r\": [{\"code\": 13, \"why\": \"E_7\"}]}", CHANNEL_RETRY, "", "E_7"},
        {200, "{\"r\": [{\"code\": 13, \"why\": \"+81 70\"}]}", CHANNEL_RETRY, "", ""},
        {403, "you are blocked", CHANNEL_OPTED_OUT, "", ""},
        {404, "you are blocked", CHANNEL_LINK_DOWN, "", "http_404"},
        {200, "hold on, busy", CHANNEL_THROTTLED, "", "busy"},
        {200, "hm", CHANNEL_UNKNOWN, "", "not_understood"},
        {200, "", CHANNEL_UNKNOWN, "", "not_understood"},
        {204, "", CHANNEL_UNKNOWN, "", "not_understood"},
        {301, "", CHANNEL_LINK_DOWN, "", "http_301"},
        {400, "", CHANNEL_REJECTED, "", "http_400"},
        {401, "", CHANNEL_LINK_DOWN, "", "auth_refused"},
        {402, "", CHANNEL_LINK_DOWN, "", "http_402"},
        {403, "", CHANNEL_LINK_DOWN, "", "auth_refused"},
        {405, "", CHANNEL_LINK_DOWN, "", "http_405"},
        {408, "", CHANNEL_RETRY, "", "http_408"},
        {413, "", CHANNEL_REJECTED, "", "http_413"},
        {422, "", CHANNEL_REJECTED, "", "http_422"},
        {429, "", CHANNEL_THROTTLED, "", "http_429"},
        {500, "", CHANNEL_RETRY, "", "http_500"},
        {502, "", CHANNEL_UNKNOWN, "", "http_502"},
        {503, "", CHANNEL_RETRY, "", "http_503"},
        {504, "", CHANNEL_UNKNOWN, "", "http_504"},
    };

    (void)state;
    open_link("type = \"generic\"; url = \"https://s.example/m?a={{recipient}}&b={{text}}\"; "
              "method = \"GET\"; body_type = \"none\"; id_at = \"json:r.0.id\"; "
              "error_at = \"json:r.0.why\"; rules = ("
              "{ status = \"200\"; at = \"json:r.0.code\"; equals = \"0\"; outcome = "
              "\"accepted\"; },"
              "{ at = \"json:r.0.code\"; equals = \"12\"; outcome = \"rejected\"; error = "
              "\"dead_number\"; },"
              "{ at = \"json:r.0.code\"; outcome = \"retry\"; },"
              "{ status = \"403\"; contains = \"blocked\"; outcome = \"opted_out\"; },"
              "{ status = \"2xx\"; contains = \"busy\"; outcome = \"throttled\"; error = "
              "\"busy\"; } );");
    judge_all(cases, MEM_COUNT(cases));
    close_link();
}

static void test_the_carriers_name_of_a_message_may_stand_in_many_places(void **state)
{
    static const struct {
        const char *at, *body, *id;
    } cases[] = {
        {"header:location", "", "/m/7"},
        {"header:X-ID", "", "h-9"},
        {"header:X-Other", "", ""},
        {"body", "  77\r\n", "77"},
        {"body", " \n", ""},
        {"body:OK ID=*", "x OK ID=abc-1\r\nnext", "abc-1"},
        {"body:<id>*</id>", "<r><id> 9 </id></r>", "9"},
        {"body:<id>*</id>", "<r><id>9", ""},
        {"form:id", "a=b&id=4%2D2", "4-2"},
        {"form:id", "id=1&id=2", ""},
        {"json:a.b.1", "{\"a\": {\"b\": [\"x\", true]}}", "true"},
        {"json:a.b.9", "{\"a\": {\"b\": [\"x\"]}}", ""},
        {"json:a", "{\"a\": {\"b\": 1}}", ""},
        {"json:a", "{\"a\": \"x\\u0000y\"}", ""},
        {"json:a", "{\"a\": \"x\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *link = mem_printf(GENERIC "url = \"https://s.example/m?a={{recipient}}&b={{text}}\"; "
                                        "method = "
                                        "\"GET\"; body_type = \"none\"; id_at = \"%s\";",
                                cases[i].at);
        struct http_answer answer = answered(200, cases[i].body);
        int pause_s;

        open_link(link);
        struct provider_verdict verdict = judge(&answer, &pause_s);
        assert_int_equal(verdict.outcome,
                         *cases[i].id != '\0' ? CHANNEL_ACCEPTED : CHANNEL_UNKNOWN);
        if (*cases[i].id != '\0')
            assert_string_equal(verdict.id, cases[i].id);
        close_link();
        free(link);
    }
}

static void test_the_wire_is_judged_once_for_all(void **state)
{
    static const char *const links[] = {
        TWILIO "from = \"+817000000000\";",
        GENERIC "url = \"https://s.example/m?{{recipient}}{{text}}\"; method = \"GET\"; body_type "
                "= \"none\";",
        GENERIC "url = \"https://s.example/m?{{recipient}}{{text}}{{reference}}\"; method = "
                "\"GET\"; body_type = \"none\"; idempotent = true;",
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(links); i++) {
        struct http_answer none = {.body = "", .retry_after_s = -1, .error = "Timeout was reached"};
        struct provider_verdict verdict;
        int pause_s;

        open_link(links[i]);
        none.outcome = HTTP_NOT_SENT;
        verdict = judge(&none, &pause_s);
        assert_int_equal(verdict.outcome, CHANNEL_LINK_DOWN);
        assert_string_equal(verdict.error, "not_reached");
        none.outcome = HTTP_BROKEN;
        verdict = judge(&none, &pause_s);
        assert_int_equal(verdict.outcome, i == 2 ? CHANNEL_RETRY : CHANNEL_UNKNOWN);
        assert_string_equal(verdict.error, "wire_broke");
        close_link();
    }
}

static void test_what_the_carrier_asks_to_wait_is_passed_on(void **state)
{
    static const struct {
        int status, retry_after_s;
        enum channel_outcome outcome;
        int pause_s;
    } cases[] = {
        {429, 7, CHANNEL_THROTTLED, 7},   {429, -1, CHANNEL_THROTTLED, 0},
        {503, 9, CHANNEL_THROTTLED, 9},   {503, 0, CHANNEL_THROTTLED, 0},
        {401, 60, CHANNEL_LINK_DOWN, 60}, {500, 60, CHANNEL_UNKNOWN, 0},
    };

    (void)state;
    open_link(TWILIO "from = \"+817000000000\";");
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct http_answer answer = answered(cases[i].status, "");
        int pause_s;

        answer.retry_after_s = cases[i].retry_after_s;
        assert_int_equal(judge(&answer, &pause_s).outcome, cases[i].outcome);
        assert_int_equal(pause_s, cases[i].pause_s);
    }
    close_link();
}

/* ---- webhooks */

struct header {
    const char *name, *value;
};

static const char *find_header(void *arg, const char *name)
{
    for (const struct header *header = arg; header->name != NULL; header++)
        if (strcasecmp(header->name, name) == 0)
            return header->value;
    return NULL;
}

static struct provider_webhook webhook(const char *query, const char *body, struct header *headers)
{
    return (struct provider_webhook){
        .method = "POST",
        .path = "/webhooks/x/message",
        .query = query,
        .body = body,
        .len = strlen(body),
        .header = find_header,
        .arg = headers,
    };
}

/* The example of Twilio's documentation of signatures: its token, address, parameters and result.
 */
static void test_the_signature_of_twilios_documentation_is_genuine(void **state)
{
    struct header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"},
        {"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
        {NULL, NULL},
    };
    struct provider_webhook request = webhook("foo=1&bar=2",
                                              "Digits=1234&To=%2B18005551212&From=%2B14158675309&"
                                              "Caller=%2B14158675309&"
                                              "CallSid=CA1234567890ABCDE",
                                              headers);
    struct conf_carrier carrier = {0};
    char error[512];
    void *twilio;

    (void)state;
    folder_write("token", "12345\n", 6, 0600);
    carrier = (struct conf_carrier){.name = "x",
                                    .type = CONF_CARRIER_TWILIO,
                                    .account_sid = ACCOUNT,
                                    .auth_token_file = folder_path("token"),
                                    .api_key_sid = "",
                                    .api_url = "https://api.twilio.com",
                                    .connection_overrides = "rc=5"};
    twilio = provider_twilio.open(&carrier, "https://mycompany.com", error, sizeof(error));
    assert_non_null(twilio);
    request.path = "/myapp.php";
    assert_int_equal(provider_twilio.verify(twilio, &request), PROVIDER_GENUINE);
    request.path = "/myapp.PHP";
    assert_int_equal(provider_twilio.verify(twilio, &request), PROVIDER_FORGED);
    provider_twilio.close(twilio);
}

#define HOOKED                                                                                     \
    GENERIC "url = \"https://s.example/m?a={{recipient}}&b={{text}}\"; method = \"GET\"; "         \
            "body_type = \"none\"; from = \"+817000000000\"; id_at = \"body\"; "                   \
            "reply_method = \"POST\"; reply_id_at = \"form:id\"; reply_from_at = \"form:from\"; "  \
            "reply_text_at = \"form:text\"; receipt_method = \"POST\"; "                           \
            "receipt_id_at = \"form:id\"; receipt_state_at = \"form:state\"; "                     \
            "receipt_states = ( \"*=ignored\", \"0=delivered\", \"1=undelivered\", "               \
            "\"A=B=expired\" ); webhook_secret_file = \"secret\"; "

static const char hook_body[] = "id=a&from=817000000001&text=36.9";

static const struct {
    const char *link, *query, *name, *value;
    enum provider_check check;
} checks[] = {
    {"webhook_auth = \"header\"; webhook_header = \"X-Token\";", "", "x-token", "p\"w=1",
     PROVIDER_GENUINE},
    {"webhook_auth = \"header\"; webhook_header = \"X-Token\";", "", "x-token", "p\"w=2",
     PROVIDER_FORGED},
    {"webhook_auth = \"header\"; webhook_header = \"X-Token\";", "", "x-token", "p\"w=11",
     PROVIDER_FORGED},
    {"webhook_auth = \"header\"; webhook_header = \"X-Token\";", "", "x-other", "p\"w=1",
     PROVIDER_UNSIGNED},
    {"webhook_auth = \"header\"; webhook_header = \"Authorization\"; webhook_prefix = \"Token \";",
     "", "authorization", "Token p\"w=1", PROVIDER_GENUINE},
    {"webhook_auth = \"basic\"; webhook_user = \"me\";", "", "authorization",
     "basic bWU6cCJ3PTE=", PROVIDER_GENUINE},
    {"webhook_auth = \"basic\"; webhook_user = \"me\";", "", "authorization",
     "Basic bWU6cCJ3PTI=", PROVIDER_FORGED},
    {"webhook_auth = \"basic\"; webhook_user = \"me\";", "", "authorization",
     "Bearer bWU6cCJ3PTE=", PROVIDER_UNSIGNED},
    {"webhook_auth = \"query\"; webhook_query = \"token\";", "a=b&token=p%22w%3D1", "x", "y",
     PROVIDER_GENUINE},
    {"webhook_auth = \"query\"; webhook_query = \"token\";", "token=p%22w%3D2", "x", "y",
     PROVIDER_FORGED},
    {"webhook_auth = \"query\"; webhook_query = \"token\";", "token=p%22w%3D1&token=p%22w%3D1", "x",
     "y", PROVIDER_UNSIGNED},
    {"webhook_auth = \"query\"; webhook_query = \"token\";", "", "x", "y", PROVIDER_UNSIGNED},
};

static void test_what_a_carrier_brings_is_proved_in_the_configured_way_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEM_COUNT(checks); i++) {
        char *link = mem_printf(HOOKED "%s", checks[i].link);
        struct header headers[] = {{checks[i].name, checks[i].value}, {NULL, NULL}};
        struct provider_webhook request = webhook(checks[i].query, hook_body, headers);

        open_link(link);
        if (provider->verify(self, &request) != checks[i].check)
            fail_msg("case %zu", i);
        close_link();
        free(link);
    }
}

static void test_a_signature_of_the_body_is_read_in_hex_and_base64_with_either_hash(void **state)
{
    static const struct {
        enum secret_hash hash;
        const char *hash_word, *encoding;
    } cases[] = {{SECRET_SHA1, "sha1", "hex"},
                 {SECRET_SHA1, "sha1", "base64"},
                 {SECRET_SHA256, "sha256", "hex"},
                 {SECRET_SHA256, "sha256", "base64"}};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char *link = mem_printf(HOOKED "webhook_auth = \"hmac\"; webhook_header = \"X-Sig\"; "
                                       "webhook_hash = \"%s\"; webhook_encoding = \"%s\";",
                                cases[i].hash_word, cases[i].encoding);
        uint8_t mac[SECRET_HASH_BYTES];
        size_t len = secret_hmac(cases[i].hash, "p\"w=1", 5, hook_body, strlen(hook_body), mac);
        char hex[65] = "", *base64 = base64_encode(mac, len);

        for (size_t k = 0; k < len; k++)
            snprintf(hex + 2 * k, 3, "%02X", mac[k]); /* in either case */
        bool is_hex = strcmp(cases[i].encoding, "hex") == 0;
        struct header headers[] = {{"X-Sig", is_hex ? hex : base64}, {NULL, NULL}};
        struct provider_webhook request = webhook("", hook_body, headers);

        open_link(link);
        assert_int_equal(provider->verify(self, &request), PROVIDER_GENUINE);
        request.body = "id=b";
        request.len = 4;
        assert_int_equal(provider->verify(self, &request), PROVIDER_FORGED);
        headers[0].value = is_hex ? base64 : hex;
        assert_int_equal(provider->verify(self, &request), PROVIDER_FORGED);
        close_link();
        free(base64);
        free(link);
    }
}

static void test_receipts_say_what_the_configured_words_mean(void **state)
{
    static const struct {
        const char *body;
        bool ok;
        enum provider_state state;
    } cases[] = {
        {"id=a&state=0", true, PROVIDER_DELIVERED},
        {"id=a&state=1", true, PROVIDER_UNDELIVERED},
        {"id=a&state=A%3DB", true, PROVIDER_EXPIRED},
        {"id=a&state=x", true, PROVIDER_IGNORED},
        {"id=a&state=", false, PROVIDER_IGNORED},
        {"state=0", false, PROVIDER_IGNORED},
        {"id=&state=0", false, PROVIDER_IGNORED},
        {"id=a&id=b&state=0", false, PROVIDER_IGNORED},
        {"id=%ff&state=0", false, PROVIDER_IGNORED},
        {"id=%zz&state=0", false, PROVIDER_IGNORED},
    };
    struct header headers[] = {{NULL, NULL}};

    (void)state;
    open_link(HOOKED "webhook_auth = \"query\"; webhook_query = \"t\";");
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct provider_webhook request = webhook("", cases[i].body, headers);
        struct provider_receipt receipt = {0};
        const char *why = NULL;

        assert_int_equal(provider->read_receipt(self, &request, &receipt, &why), cases[i].ok);
        if (cases[i].ok) {
            assert_int_equal(receipt.state, cases[i].state);
            assert_string_equal(receipt.id, "a");
        } else {
            assert_non_null(why);
        }
    }
    close_link();
}

static void test_a_reply_is_taken_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *body, *text; /* NULL: refused */
        size_t len;
    } cases[] = {
        {"id=a&from=1&text=36.9+97", "36.9 97", 7},
        {"id=a&from=1&text=", "", 0},
        {"id=a&from=1&text=a%00b%ff", "a\0b\xff", 4},
        {"id=a&from=1", NULL, 0},
        {"id=a&text=x", NULL, 0},
        {"from=1&text=x", NULL, 0},
        {"id=a&from=1&text=x&text=y", NULL, 0},
        {"", NULL, 0},
    };
    struct header headers[] = {{NULL, NULL}};

    (void)state;
    open_link(HOOKED "webhook_auth = \"query\"; webhook_query = \"t\";");
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct provider_webhook request = webhook("", cases[i].body, headers);
        struct provider_inbound inbound = {0};
        const char *why = NULL;

        assert_int_equal(provider->read_message(self, &request, &inbound, &why),
                         cases[i].text != NULL);
        if (cases[i].text != NULL) {
            assert_int_equal(inbound.len, cases[i].len);
            assert_memory_equal(inbound.text, cases[i].text, cases[i].len);
            assert_string_equal(inbound.sender, "1");
            assert_string_equal(inbound.recipient, "+817000000000");
        }
        free(inbound.text);
    }
    close_link();
}

static void test_an_error_that_may_be_a_number_or_a_text_is_kept_by_nobody(void **state)
{
    static const char *const cases[][2] = {
        {"21610", "21610"},
        {"E-1.22_b", "E-1.22_b"},
        {"12345678", "12345678"},
        {"817000000001", ""},
        {"to-817000000001", ""},
        {"number unknown", ""},
        {"番号", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char error[PROVIDER_ERROR_MAX];

        provider_copy_error(error, cases[i][0]);
        assert_string_equal(error, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_becomes_exactly_this_request),
        cmocka_unit_test(test_a_number_that_has_no_such_form_goes_to_nobody),
        cmocka_unit_test(test_what_twilio_answers_is_judged_by_its_codes),
        cmocka_unit_test(test_what_a_carrier_answers_is_judged_by_its_rules_and_then_by_ours),
        cmocka_unit_test(test_the_carriers_name_of_a_message_may_stand_in_many_places),
        cmocka_unit_test(test_the_wire_is_judged_once_for_all),
        cmocka_unit_test(test_what_the_carrier_asks_to_wait_is_passed_on),
        cmocka_unit_test(test_an_error_that_may_be_a_number_or_a_text_is_kept_by_nobody),
        cmocka_unit_test(test_the_signature_of_twilios_documentation_is_genuine),
        cmocka_unit_test(test_what_a_carrier_brings_is_proved_in_the_configured_way_and_no_other),
        cmocka_unit_test(test_a_signature_of_the_body_is_read_in_hex_and_base64_with_either_hash),
        cmocka_unit_test(test_receipts_say_what_the_configured_words_mean),
        cmocka_unit_test(test_a_reply_is_taken_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
