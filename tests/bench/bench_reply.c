/*
 * bench_reply.c - what reading a message costs, and that the cost grows no faster than the message.
 *
 * Prints nanoseconds a message for `36.9 97 N`, and for the worst inputs the cost of 2,000 bytes
 * over that of 100 bytes of the same. Exits with 1 where a promise of the contract is broken: 5
 * microseconds, 20 times.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reply/reply.h"

enum { SHORT = 100, LONG = 2000, ROUNDS = 9, PLAIN_MOST_NS = 5000, RATIO_MOST = 20 };

static const struct reply_rules rules;
static struct reply reply;

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The quickest of some rounds: what the machine does besides only adds. */
static double cost_ns(const char *message, size_t len, int times)
{
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        double each;

        for (int i = 0; i < times; i++)
            reply_parse(message, len, &rules, &reply);
        each = (now_ns() - begin) / times;
        if (round == 0 || each < best)
            best = each;
    }
    return best;
}

/* `len` bytes of one piece again and again, ending on a whole character. */
static size_t fill(char *message, size_t len, const char *piece)
{
    size_t at = 0;

    while (at + strlen(piece) <= len) {
        memcpy(message + at, piece, strlen(piece));
        at += strlen(piece);
    }
    return at;
}

static const char *const worst[] = {
    "7",
    "36 9 ",
    "36.9 97 n ",
    "2 ",
    ".",
    " ",
    ",",
    "\n",
    "-",
    "y ",
    "no ",
    "no cough or ",
    "s 97 ",
    "s ",
    "t ",
    "temp spo2 ",
    "my ",
    "is the ",
    "a b ",
    "Hanako and ",
    "Hanako 97 ",
    "36,97,",
    "36\n9\n",
    "n\n2 ",
    "2\n",
    "cough ",
    "cough, ",
    "help ",
    "36.9",
    "9:",
    "97% ",
    "\xC2\xBD",
    "\xE4\xBD\x93\xE6\xB8\xA9",                         /* 体温 */
    "\xE4\xBD\x93",                                     /* 体 */
    "\xE3\x81\xAF",                                     /* は */
    "\xE3\x81\x82\xE3\x82\x8A",                         /* あり */
    "\xE5\x92\xB3\xE3\x82\x82",                         /* 咳も */
    "\xE5\x92\xB3\xE3\x81\xAA\xE3\x81\x97",             /* 咳なし */
    "\xE3\x81\x8A\xE9\xA1\x98\xE3\x81\x84\xE3\x81\x97", /* お願いし */
    "\xED\x98\x88",                                     /* 혈 */
    "\xEA\xB8\xB0\xEC\xB9\xA8 ",                        /* 기침 */
    "\xEF\xBE\x80\xEF\xBE\x9E",                         /* half-width ダ */
    "\xE2\x91\xA0",                                     /* ① */
    "\xF0\x9F\x98\x80",                                 /* an emoji */
    "e\xCC\x81",                                        /* e and an accent apart */
    "\xCC\x81",
    "\xEF\xB7\xBA", /* one sign that NFKC makes eighteen letters of */
};

int main(void)
{
    static char message[LONG];
    double plain = cost_ns("36.9 97 N", 9, 20000);
    bool kept = plain < PLAIN_MOST_NS;
    double greatest = 0;

    printf("36.9 97 N: %.0f ns\n", plain);
    for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {
        size_t little = fill(message, SHORT, worst[i]);
        double short_ns = cost_ns(message, little, 1000);
        size_t much = fill(message, LONG, worst[i]);
        double long_ns = cost_ns(message, much, 50);
        /* As if both were filled to the last byte. */
        double ratio = (long_ns / (double)much * LONG) / (short_ns / (double)little * SHORT);

        printf("%7.0f ns %9.0f ns  x%5.1f  ", short_ns, long_ns, ratio);
        for (const char *at = worst[i]; *at != '\0'; at++)
            printf(*at == '\n' ? "\\n" : "%c", *at);
        printf("\n");
        if (ratio > greatest)
            greatest = ratio;
        kept = kept && ratio <= RATIO_MOST;
    }
    printf("2,000 bytes cost at most %.1f times what 100 bytes cost\n", greatest);
    return kept ? 0 : 1;
}
