/*
 * wording.h - what is said, in which language: the table of message kinds and their texts.
 *
 * A kind is one thing that the gateway says ("reminder"). Its texts are files of the template
 * directory, one a language: KIND/LANGUAGE.sms, KIND/LANGUAGE.mail or both, and what they share in
 * partials/NAME/LANGUAGE.sms and .mail; mail.html is the page of every e-mail. The table
 * (wording_kinds.c) says for which a kind has texts, which placeholders, the greatest length of
 * each, and how many SMS segments its text may take; loading checks all of it, so that nothing is
 * found out at sending time.
 */
#ifndef HERSYS_FLOW_WORDING_H
#define HERSYS_FLOW_WORDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct wording;

enum { WORDING_SMS_MAX = 4096 }; /* bytes of a rendered SMS, NUL included */

/* Called for each fault: "templates/reminder/ko.sms: placeholder 'centr' is supplied by nothing;
 * ..." */
typedef void wording_fault_cb(void *arg, const char *fault);

/* Loads and checks every kind in every language. NULL after at least one fault; all are reported.
 */
struct wording *wording_load(const char *directory, wording_fault_cb *fault, void *arg)
    __attribute__((warn_unused_result));
void wording_free(struct wording *wording);

/* Renders one SMS. False for an unknown kind or language, for a kind that is for mail alone, and
 * for a parameter that is missing, contradictory, of a wrong type, or longer than its declared
 * length (no text of a patient is ever cut silently): then `why` points to a static word for the
 * log, never to data. What the kind has no placeholder for is ignored. Flags that follow from a
 * list ("family", "stored") are set here; a caller need not give them. */
bool wording_render_sms(const struct wording *wording, const char *kind, const char *language,
                        const json_t *params, char out[WORDING_SMS_MAX], const char **why)
    __attribute__((warn_unused_result));

/* An e-mail: the subject is one line of at most 78 letters, to be encoded by whoever sends it; the
 * two bodies say the same. No line of the text has more than 900 bytes. All UTF-8. */
struct wording_mail {
    char *subject;
    char *text; /* lines end with a line feed */
    char *html;
};

/* Renders one e-mail, with the same promises as wording_render_sms(); `why` is "no mail of this
 * kind" where the kind is for SMS alone. Its texts are to be freed with wording_mail_free(). */
bool wording_render_mail(const struct wording *wording, const char *kind, const char *language,
                         const json_t *params, struct wording_mail *mail, const char **why)
    __attribute__((warn_unused_result));
void wording_mail_free(struct wording_mail *mail);

/* The languages that every text exists in: "ja", "en", ...; NULL past the last. */
const char *wording_language(size_t index);

/* The reply that the texts of a language give as their example, "36.9 97 n"; for a household a
 * member's number and a space stand before it. False for an unknown language. */
bool wording_example(const struct wording *wording, const char *language, char out[WORDING_SMS_MAX])
    __attribute__((warn_unused_result));

/* Every kind in every language with made-up values, what each SMS costs, and the text part of each
 * e-mail, for proofreading. */
void wording_print_samples(const struct wording *wording, FILE *out);

/* Copies a message without the lines that hold an SMS of ours (one that was bounced, quoted or
 * forwarded; each text is known by its long fixed parts) to `rest`, which has room for `len`
 * bytes, and returns how many that are: `len` where nothing of it is ours. A message that holds a
 * text of ours is never a report. */
size_t wording_strip_ours(const struct wording *wording, const char *text, size_t len, char *rest);

#endif
