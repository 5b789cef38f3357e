/* clock.c - reads the machine's clocks. It decides nothing by them. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

void clock_utc_text(char text[CLOCK_TEXT_MAX])
{
    struct timespec now;
    struct tm utc;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, CLOCK_TEXT_MAX - len, ".%03ldZ", now.tv_nsec / 1000000);
}

int64_t clock_elapsed_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

int64_t clock_elapsed_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
