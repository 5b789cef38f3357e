/*
 * wording.h - what is said, in which language: the table of message kinds and their texts.
 *
 * A kind is one thing that the gateway says ("reminder"). Its texts are files of the template directory, one a language.
 * The table says which placeholders a kind has, the greatest length of each, and how many SMS segments its text may
 * take; loading checks all of it, so that nothing is found out at sending time.
 */
#ifndef HERSYS_FLOW_WORDING_H
#define HERSYS_FLOW_WORDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct wording;

enum { WORDING_SMS_MAX = 4096 }; /* bytes of a rendered SMS, NUL included */

/* Called for each fault: "templates/reminder/ko.sms: placeholder 'centr' is supplied by nothing". */
typedef void wording_fault_cb(void *arg, const char *fault);

/* Loads and checks every kind in every language. NULL after at least one fault. */
struct wording *wording_load(const char *directory, wording_fault_cb *fault, void *arg)
    __attribute__((warn_unused_result));
void wording_free(struct wording *wording);

/* Renders one SMS. False for an unknown kind or language, a parameter that is missing, or longer than its declared length
 * (no text of a patient is ever cut silently): then `why` points to a static word for the log. */
bool wording_render_sms(const struct wording *wording, const char *kind, const char *language,
                        const json_t *params, char out[WORDING_SMS_MAX], const char **why)
    __attribute__((warn_unused_result));

#endif
