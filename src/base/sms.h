/*
 * sms.h - how an SMS is counted: encoding, units, segments (3GPP TS 23.038 and 23.040).
 */
#ifndef HERSYS_BASE_SMS_H
#define HERSYS_BASE_SMS_H

#include <stddef.h>

enum sms_encoding { SMS_GSM7, SMS_UCS2 };

struct sms_count {
    enum sms_encoding encoding;
    int units;    /* septets (extension characters are two) or UTF-16 units */
    int segments; /* 160/153 septets or 70/67 units; neither an escape nor a surrogate pair is split
                   */
};

/* Counts a UTF-8 text. GSM 7-bit default alphabet with extension table where every character is in
 * it, else UCS-2. Each byte that is no part of valid UTF-8 counts as U+FFFD. The empty text is one
 * segment, as it is when it is sent. */
struct sms_count sms_count(const char *text, size_t len);

#endif
