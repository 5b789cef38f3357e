/*
 * email.h - e-mail addresses: as people type them to the form in which we keep them.
 */
#ifndef HERSYS_BASE_EMAIL_H
#define HERSYS_BASE_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

enum { EMAIL_MAX = 255 }; /* bytes, NUL included (RFC 5321 section 4.5.3.1.3) */

/*
 * Reads an address as a person writes it: any width (NFKC), any case, spaces around it. `out` gets
 * it in lower case. False, and `out` empty, for anything that hersys.email_address (schema/0001)
 * does not take: no quoted local part, no address literal, nothing beyond ASCII (RFC 6531 is not
 * spoken), no control character anywhere.
 */
bool email_parse(const char *text, size_t len, char out[EMAIL_MAX])
    __attribute__((warn_unused_result));

#endif
