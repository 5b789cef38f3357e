/*
 * wording_samples.c - every kind in every language with made-up values, for whoever proofreads. It
 * checks nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sms.h"
#include "flow/wording_kinds.h"

static void print_lines(FILE *out, const char *text)
{
    char *copy = mem_strdup(text), *rest = copy;

    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        fprintf(out, "%s%s\n", line[0] != '\0' ? "    " : "", line);
    free(copy);
}

static void print_sms(const struct wording *wording, size_t kind, size_t language,
                      const char *shape, const json_t *params, FILE *out)
{
    char text[WORDING_SMS_MAX];
    struct sms_count count;

    if (!wording_render(wording, WORDING_SMS, kind, language, params, text, sizeof(text)))
        return;
    count = sms_count(text, strlen(text));
    fprintf(out, "%s %s (%s): %d segment%s, %d %s\n", wording_kinds[kind].name,
            wording_languages[language].code, shape, count.segments, count.segments == 1 ? "" : "s",
            count.units, count.encoding == SMS_GSM7 ? "septets of GSM 7-bit" : "units of UCS-2");
    print_lines(out, text);
}

static void print_mail(const struct wording *wording, size_t kind, size_t language,
                       const char *shape, const json_t *params, FILE *out)
{
    struct wording_mail mail;
    const char *why;

    if (!wording_make_mail(wording, kind, language, params, &mail, &why))
        return;
    fprintf(out, "%s %s (%s): e-mail\n    Subject: %s\n\n", wording_kinds[kind].name,
            wording_languages[language].code, shape, mail.subject);
    print_lines(out, mail.text);
    wording_mail_free(&mail);
}

/* Prints the texts of one combination of flags and optional texts; false where it contradicts
 * itself. */
static bool print_sample(const struct wording *wording, size_t kind, size_t language,
                         const struct wording_shape *shape, unsigned bits, FILE *out)
{
    struct wording_shape small = *shape;
    json_t *params;

    if (small.entries > 2)
        small.entries = 2;
    params = wording_filled_params(&wording_kinds[kind], &small, WORDING_FILL_SAMPLE, bits);
    if (params == NULL)
        return false;
    if (out != NULL && wording_kinds[kind].has[WORDING_SMS])
        print_sms(wording, kind, language, shape->name, params, out);
    if (out != NULL && wording_kinds[kind].has[WORDING_MAIL])
        print_mail(wording, kind, language, shape->name, params, out);
    json_decref(params);
    return true;
}

/* The fewest texts in which every flag is once true and once false, and every optional text there
 * and not: each time the one that shows the most that is new. */
static void print_shape(const struct wording *wording, size_t kind, size_t language,
                        const struct wording_shape *shape, FILE *out)
{
    unsigned end = 1U << wording_count_bits(&wording_kinds[kind]);
    unsigned was_set = 0, was_clear = 0;
    bool first = true;

    for (;;) {
        unsigned best = 0;
        int best_new = first ? -1 : 0;

        for (unsigned bits = end; bits-- > 0;) {
            int count = __builtin_popcount(bits & ~was_set) +
                        __builtin_popcount(~bits & (end - 1) & ~was_clear);

            if (count > best_new && print_sample(wording, kind, language, shape, bits, NULL)) {
                best = bits;
                best_new = count;
            }
        }
        if (best_new <= 0 && !first)
            return;
        if (!print_sample(wording, kind, language, shape, best, out))
            return;
        was_set |= best;
        was_clear |= ~best & (end - 1);
        first = false;
    }
}

void wording_print_samples(const struct wording *wording, FILE *out)
{
    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (size_t l = 0; l < WORDING_LANGUAGES; l++)
            for (const struct wording_shape *shape = wording_kinds[k].shapes; shape->name != NULL;
                 shape++)
                print_shape(wording, k, l, shape, out);
}
