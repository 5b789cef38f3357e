/*
 * fuzz_reply.c - whatever bytes arrive, the parser keeps its promises.
 *
 * libFuzzer target (tests/fuzz/run). The promises: every stored value lies in its range and stands
 * in the message where reply_explain() says; what a report holds, typed in the canonical form, is
 * that report; no cutting or doubling makes a report of values that the message does not hold; the
 * JSON is whole.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reply/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES_MAX = 2560, SLOWEST_MS = 200 };

static const struct reply_rules rules;
static struct reply_piece pieces[PIECES_MAX];
static char json[REPLY_JSON_MAX];

static void check(bool kept, const char *promise)
{
    if (kept)
        return;
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

/* The digits of a piece, where all of it is ASCII; false where it is not. */
static bool digits_of(const char *bytes, const struct reply_piece *piece, char *digits, size_t size)
{
    size_t len = 0;

    for (size_t at = piece->begin; at < piece->end; at++) {
        if ((unsigned char)bytes[at] >= 0x80)
            return false;
        if (isdigit((unsigned char)bytes[at]) && len + 1 < size)
            digits[len++] = bytes[at];
    }
    digits[len] = '\0';
    return true;
}

/* Whether some piece read as `reading` holds the digits `wanted`, or cannot be compared. */
static bool held(const char *bytes, size_t count, enum reply_reading reading, const char *wanted)
{
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        char digits[64];

        if (pieces[i].reading != reading)
            continue;
        found = found || !digits_of(bytes, &pieces[i], digits, sizeof(digits)) ||
                strncmp(digits, wanted, strlen(wanted)) == 0;
    }
    return found;
}

static bool read_as(size_t count, enum reply_reading one, enum reply_reading other)
{
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].reading == one || pieces[i].reading == other)
            return true;
    }
    return false;
}

static void check_values(const char *bytes, size_t count, const struct reply_values *values)
{
    char wanted[16];

    check(values->has[REPLY_TEMPERATURE] && values->has[REPLY_SYMPTOMS], "a report is complete");
    check(values->temperature_centi >= 3400 && values->temperature_centi <= 4200, "a temperature "
                                                                                  "lies between 34 "
                                                                                  "and 42");
    /* Fahrenheit is another number; of Celsius the whole degrees stand there. */
    snprintf(wanted, sizeof(wanted), "%d", values->temperature_centi / 100);
    check(held(bytes, count, REPLY_READ_TEMPERATURE, wanted) ||
              held(bytes, count, REPLY_READ_TEMPERATURE, "9") ||
              held(bytes, count, REPLY_READ_TEMPERATURE, "10"),
          "a temperature stands in the message");
    if (values->has[REPLY_SPO2]) {
        check(values->spo2 >= 50 && values->spo2 <= 100, "an SpO2 lies between 50 and 100");
        snprintf(wanted, sizeof(wanted), "%d", values->spo2);
        check(held(bytes, count, REPLY_READ_SPO2, wanted), "an SpO2 stands in the message");
    }
    check(values->symptoms ? read_as(count, REPLY_READ_YES, REPLY_READ_SYMPTOM)
                           : read_as(count, REPLY_READ_NO, REPLY_READ_NO),
          "an answer stands in the message");
    check(values->member[0] == '\0' || read_as(count, REPLY_READ_MEMBER, REPLY_READ_MEMBER),
          "a member stands in the message");
}

static void check_canonical(const struct reply_values *values)
{
    static struct reply again;
    char text[64];
    int len = snprintf(text, sizeof(text), "%.1s %d.%02d ",
                       isdigit((unsigned char)values->member[0]) ? values->member : "",
                       values->temperature_centi / 100, values->temperature_centi % 100);

    if (!values->has[REPLY_SPO2] && values->temperature_centi % 100 >= 50 &&
        values->temperature_centi % 10 != 0)
        return; /* 36.97 without an SpO2 is asked about */
    if (values->temperature_centi % 10 == 0)
        len -= 2;
    if (values->temperature_centi % 10 == 0)
        text[len++] = ' ';
    if (values->has[REPLY_SPO2])
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%d ", values->spo2);
    text[len++] = values->symptoms ? 'Y' : 'N';
    reply_parse(text, (size_t)len, &rules, &again);
    check(again.outcome == REPLY_REPORT && again.count == 1, "the canonical form is a report");
    check(again.reports[0].temperature_centi == values->temperature_centi &&
              again.reports[0].has[REPLY_SPO2] == values->has[REPLY_SPO2] &&
              again.reports[0].spo2 == values->spo2 &&
              again.reports[0].symptoms == values->symptoms,
          "the canonical form is the same report");
}

static void check_pieces(const char *bytes, size_t len, size_t count)
{
    size_t last = 0;

    (void)bytes;
    for (size_t i = 0; i < count; i++) {
        check(pieces[i].begin < pieces[i].end && pieces[i].end <= len, "a piece lies in the "
                                                                       "message");
        check(pieces[i].begin >= last, "pieces stand in order");
        last = pieces[i].begin;
    }
}

static void check_json(const struct reply *reply)
{
    size_t len = reply_format_json(reply, json, sizeof(json));

    check(len > 2 && len < sizeof(json) - 1 && json[0] == '{' && json[len - 1] == '}' &&
              strlen(json) == len,
          "the JSON is whole");
}

static void run(const char *bytes, size_t len)
{
    static struct reply reply;
    struct timespec begin, end;
    size_t count;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    count = reply_explain(bytes, len, &rules, &reply, pieces, PIECES_MAX);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    check((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 < SLOWEST_MS,
          "a message takes no time");
    check_pieces(bytes, len, count);
    check_json(&reply);
    if (reply.outcome != REPLY_REPORT)
        return;
    check(len <= REPLY_INPUT_MAX, "a cut message is no report");
    check(reply.count >= 1 && reply.count <= REPLY_REPORTS_MAX, "a report holds reports");
    for (int i = 0; i < reply.count; i++) {
        check_values(bytes, count, &reply.reports[i]);
        check_canonical(&reply.reports[i]);
        check(reply.count == 1 || reply.reports[i].member[0] != '\0', "of several each has a "
                                                                      "member");
    }
}

static void run_copy(const uint8_t *first, size_t first_len, const uint8_t *second,
                     size_t second_len)
{
    char *copy = malloc(first_len + second_len + 1);

    if (copy == NULL)
        return;
    memcpy(copy, first, first_len);
    memcpy(copy + first_len, second, second_len);
    run(copy, first_len + second_len);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cut = size > 0 ? data[size / 2] % (size + 1) : 0;

    if (size > 3 * REPLY_INPUT_MAX)
        return 0;
    run_copy(data, size, data, 0);
    run_copy(data, cut, data, 0);
    run_copy(data + cut, size - cut, data, 0);
    run_copy(data, size, data, size);
    return 0;
}
