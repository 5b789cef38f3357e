/*
 * wording.c - loads the texts of all kinds in all languages, and renders them. It holds no word of
 * a text itself, and chooses no language.
 */
#include "flow/wording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/sms.h"
#include "flow/wording_kinds.h"

enum {
    FILE_MAX = 16384,
    MARK_MIN = 14, /* letters, or half as many characters of CJK */
};

/* ------------------------------------------------------------------ loading */

/* The bytes of a file without its last newline; NULL after a report. */
static char *read_text(const char *path, size_t *len, struct wording_faults *faults)
{
    FILE *file = fopen(path, "rbe");
    char *text;

    if (file == NULL) {
        wording_report(faults, "%s: %s; every text exists in every language: write it there", path,
                       strerror(errno));
        return NULL;
    }
    text = mem_new(FILE_MAX, 1);
    *len = fread(text, 1, FILE_MAX, file);
    if (ferror(file) || *len == FILE_MAX) {
        wording_report(faults, "%s: %s", path,
                       ferror(file) ? "cannot be read; is it a file?"
                                    : "too big for an SMS; shorten it");
        free(text);
        text = NULL;
    } else if (*len > 0 && text[*len - 1] == '\n') {
        (*len)--;
    }
    fclose(file);
    return text;
}

static struct template *load_text(const char *path, struct wording_faults *faults)
{
    size_t len = 0;
    char *text = read_text(path, &len, faults);
    struct template *compiled = NULL;
    char error[256];

    if (text != NULL && wording_check_bytes(path, text, len, faults)) {
        compiled = template_compile(text, len, error, sizeof(error));
        if (compiled == NULL)
            wording_report(faults, "%s: %s; see doc/translating.md for what may stand in {{ }}",
                           path, error);
    }
    free(text);
    return compiled;
}

static const struct wording_partial *find_partial(const struct wording *wording, const char *name)
{
    for (size_t i = 0; i < wording->partial_count; i++)
        if (strcmp(wording->partials[i].name, name) == 0)
            return &wording->partials[i];
    return NULL;
}

const struct template *wording_partial(const struct wording *wording, size_t language,
                                       const char *name)
{
    const struct wording_partial *partial = find_partial(wording, name);

    return partial != NULL ? partial->texts[language] : NULL;
}

struct loader {
    struct wording *wording;
    struct wording_faults *faults;
    const char *path; /* of the text whose partials are loaded */
};

/* Loads a partial in every language when a text first uses it. Its name becomes part of a path. */
static void load_partial(void *arg, enum template_use use, const char *name)
{
    const struct loader *loader = arg;
    struct wording *wording = loader->wording;
    struct wording_partial *partial;

    if (use != TEMPLATE_PARTIAL || find_partial(wording, name) != NULL)
        return;
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name)) {
        wording_report(loader->faults,
                       "%s: partial '%s' cannot be; a name has a-z, 0-9 and _ alone", loader->path,
                       name);
        return;
    }
    wording->partials = mem_grow(wording->partials, wording->partial_count + 1, sizeof(*partial));
    partial = &wording->partials[wording->partial_count++];
    *partial = (struct wording_partial){.name = mem_strdup(name)};
    for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
        char *path = mem_printf("%s/partials/%s/%s.sms", wording->directory, name,
                                wording_languages[l].code);

        partial->texts[l] = load_text(path, loader->faults);
        free(path);
    }
}

static void load_partials_of(struct loader *loader, const struct template *text, const char *path)
{
    loader->path = path;
    if (text != NULL)
        template_each_tag(text, load_partial, loader);
}

static void load_kinds(struct loader *loader)
{
    struct wording *wording = loader->wording;

    for (size_t k = 0; k < WORDING_KINDS; k++) {
        for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
            char *path = mem_printf("%s/%s/%s.sms", wording->directory, wording_kinds[k].name,
                                    wording_languages[l].code);

            wording->texts[k][l] = load_text(path, loader->faults);
            load_partials_of(loader, wording->texts[k][l], path);
            free(path);
        }
    }
}

/* Partials of partials: the list grows while it is gone through. */
static void load_partials(struct loader *loader)
{
    load_partial(loader, TEMPLATE_PARTIAL, "example"); /* wording_example() needs it in any case */
    for (size_t p = 0; p < loader->wording->partial_count; p++)
        for (size_t l = 0; l < WORDING_LANGUAGES; l++)
            load_partials_of(loader, loader->wording->partials[p].texts[l],
                             loader->wording->partials[p].name);
}

static void check_texts(const struct wording *wording, struct wording_faults *faults)
{
    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (size_t l = 0; l < WORDING_LANGUAGES; l++)
            if (wording->texts[k][l] != NULL)
                wording_check_text(wording, k, l, faults);
}

struct marker {
    struct wording *wording;
    bool found;
};

/* How much a text says: its letters and digits; from U+0800 on, where CJK is, one says as much as
 * two. */
static int text_weight(const char *text, size_t len)
{
    int weight = 0;

    while (len > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t bytes =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c);
        utf8proc_category_t category;

        if (bytes <= 0)
            return weight; /* cannot be: wording_check_bytes() has seen to it */
        category = utf8proc_category(c);
        if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ND)
            weight += c >= 0x800 ? 2 : 1;
        text += bytes;
        len -= (size_t)bytes;
    }
    return weight;
}

/* What is shorter than MARK_MIN is a name or a label, which patients write themselves
 * ("산소포화도"): their report would be taken for a text of ours, and nobody would hear of it. */
static void mark_text(void *arg, const char *text, size_t len)
{
    struct marker *marker = arg;
    struct wording *wording = marker->wording;

    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (text_weight(text, len) < MARK_MIN)
        return;
    wording->marks = mem_grow(wording->marks, wording->mark_count + 1, sizeof(*wording->marks));
    wording->marks[wording->mark_count++] = (struct wording_mark){.text = text, .len = len};
    marker->found = true;
}

/* A text by which we could not be told from a patient could come back as a report: it is a fault.
 */
static void mark_texts(struct wording *wording, struct wording_faults *faults)
{
    for (size_t k = 0; k < WORDING_KINDS; k++) {
        for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
            struct marker marker = {.wording = wording};

            if (wording->texts[k][l] == NULL)
                continue;
            template_each_text(wording->texts[k][l], mark_text, &marker);
            if (!marker.found)
                wording_report(faults,
                               "%s/%s/%s.sms: no fixed part of it has %d letters (or %d characters "
                               "of Chinese, Japanese or Korean) in one piece; the text could not "
                               "be told from a patient's when it comes back",
                               wording->directory, wording_kinds[k].name, wording_languages[l].code,
                               MARK_MIN, MARK_MIN / 2);
        }
    }
}

struct wording *wording_load(const char *directory, wording_fault_cb *fault, void *arg)
{
    struct wording *wording = mem_new(1, sizeof(*wording));
    struct wording_faults faults = {.cb = fault, .arg = arg};
    struct loader loader = {.wording = wording, .faults = &faults};

    wording->directory = mem_strdup(directory);
    load_kinds(&loader);
    load_partials(&loader);
    check_texts(wording, &faults);
    if (faults.count == 0)
        mark_texts(wording, &faults);
    if (faults.count == 0)
        return wording;
    wording_free(wording);
    return NULL;
}

void wording_free(struct wording *wording)
{
    if (wording == NULL)
        return;
    for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
        for (size_t k = 0; k < WORDING_KINDS; k++)
            template_free(wording->texts[k][l]);
        for (size_t p = 0; p < wording->partial_count; p++)
            template_free(wording->partials[p].texts[l]);
    }
    for (size_t p = 0; p < wording->partial_count; p++)
        free(wording->partials[p].name);
    free(wording->partials);
    free(wording->marks);
    free(wording->directory);
    free(wording);
}

/* ------------------------------------------------------------------ rendering */

struct place {
    const struct wording *wording;
    size_t language;
};

static const struct template *give_partial(void *arg, const char *name)
{
    const struct place *place = arg;

    return wording_partial(place->wording, place->language, name);
}

bool wording_render(const struct wording *wording, size_t kind, size_t language,
                    const json_t *params, char out[WORDING_SMS_MAX])
{
    struct place place = {.wording = wording, .language = language};

    return template_render(wording->texts[kind][language], params, TEMPLATE_PLAIN, give_partial,
                           &place, out, WORDING_SMS_MAX);
}

static bool find_kind(const char *name, size_t *kind)
{
    for (*kind = 0; *kind < WORDING_KINDS; (*kind)++)
        if (strcmp(wording_kinds[*kind].name, name) == 0)
            return true;
    return false;
}

static bool find_language(const char *code, size_t *language)
{
    for (*language = 0; *language < WORDING_LANGUAGES; (*language)++)
        if (strcmp(wording_languages[*language].code, code) == 0)
            return true;
    return false;
}

bool wording_render_sms(const struct wording *wording, const char *kind, const char *language,
                        const json_t *params, char out[WORDING_SMS_MAX], const char **why)
{
    json_t *checked = NULL;
    size_t k, l;
    bool ok = false;

    out[0] = '\0';
    *why = NULL;
    if (!find_kind(kind, &k))
        *why = "unknown kind";
    else if (!find_language(language, &l))
        *why = "unknown language";
    else
        checked = wording_checked_params(&wording_kinds[k], params, why);
    if (checked != NULL) {
        ok = wording_render(wording, k, l, checked, out);
        if (!ok)
            *why = "text too long";
    }
    json_decref(checked);
    return ok;
}

static bool line_is_ours(const struct wording *wording, const char *line, size_t len)
{
    for (size_t m = 0; m < wording->mark_count; m++)
        if (memmem(line, len, wording->marks[m].text, wording->marks[m].len) != NULL)
            return true;
    return false;
}

size_t wording_strip_ours(const struct wording *wording, const char *text, size_t len, char *rest)
{
    size_t kept = 0, next;

    for (size_t begin = 0; begin < len; begin = next) {
        const char *newline = memchr(text + begin, '\n', len - begin);

        next = newline != NULL ? (size_t)(newline - text) + 1 : len;
        /* No mark is shorter: thousands of empty lines cost nothing. */
        if (next - begin >= MARK_MIN && line_is_ours(wording, text + begin, next - begin))
            continue;
        memcpy(rest + kept, text + begin, next - begin);
        kept += next - begin;
    }
    return kept;
}

const char *wording_language(size_t index)
{
    return index < WORDING_LANGUAGES ? wording_languages[index].code : NULL;
}

bool wording_example(const struct wording *wording, const char *language, char out[WORDING_SMS_MAX])
{
    struct place place = {.wording = wording};

    out[0] = '\0';
    if (!find_language(language, &place.language))
        return false;
    return template_render(wording_partial(wording, place.language, "example"), NULL,
                           TEMPLATE_PLAIN, give_partial, &place, out, WORDING_SMS_MAX);
}

/* ------------------------------------------------------------------ samples */

static void print_text(FILE *out, const char *kind, const char *language, const char *shape,
                       const char *text)
{
    struct sms_count count = sms_count(text, strlen(text));
    char *copy = mem_strdup(text), *rest = copy;

    fprintf(out, "%s %s (%s): %d segment%s, %d %s\n", kind, language, shape, count.segments,
            count.segments == 1 ? "" : "s", count.units,
            count.encoding == SMS_GSM7 ? "septets of GSM 7-bit" : "units of UCS-2");
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        fprintf(out, "    %s\n", line);
    free(copy);
}

/* Prints the text of one combination of flags and optional texts; false where it contradicts
 * itself. */
static bool print_sample(const struct wording *wording, size_t kind, size_t language,
                         const struct wording_shape *shape, unsigned bits, FILE *out)
{
    struct wording_shape small = *shape;
    char text[WORDING_SMS_MAX];
    json_t *params;

    if (small.entries > 2)
        small.entries = 2;
    params = wording_filled_params(&wording_kinds[kind], &small, WORDING_FILL_SAMPLE, bits);
    if (params == NULL)
        return false;
    if (out != NULL && wording_render(wording, kind, language, params, text))
        print_text(out, wording_kinds[kind].name, wording_languages[language].code, shape->name,
                   text);
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
