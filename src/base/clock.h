/*
 * clock.h - the machine's clocks, in one place. The time of the domain is the database's
 * (hersys.clock_now()).
 */
#ifndef HERSYS_BASE_CLOCK_H
#define HERSYS_BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_MAX = 32 }; /* bytes, NUL included */

/* The time of day in UTC with milliseconds (RFC 3339): "2026-02-01T07:30:00.123Z". */
void clock_utc_text(char text[CLOCK_TEXT_MAX]);

/* Seconds that never go back, and go on while the machine sleeps: for leases and time-outs. */
int64_t clock_elapsed_s(void);

/* Milliseconds that never go back, and stand still while the machine sleeps: for deadlines on the
 * wire. */
int64_t clock_elapsed_ms(void);

#endif
