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
#include "flow/wording_kinds.h"

enum {
    FILE_MAX = 16384,
    MARK_MIN = 14, /* letters, or half as many characters of CJK */
};

/* ------------------------------------------------------------------ loading */

char *wording_path(const struct wording *wording, const char *folder, const char *name,
                   enum wording_medium medium, size_t language)
{
    return mem_printf("%s/%s%s/%s.%s", wording->directory, folder, name,
                      wording_languages[language].code, wording_endings[medium]);
}

/* The bytes of a file without its last newline; NULL after a report. `hint` is what to do where
 * there is none. */
static char *read_text(const char *path, const char *hint, size_t *len,
                       struct wording_faults *faults)
{
    FILE *file = fopen(path, "rbe");
    char *text;

    if (file == NULL) {
        wording_report(faults, "%s: %s; %s", path, strerror(errno), hint);
        return NULL;
    }
    text = mem_new(FILE_MAX, 1);
    *len = fread(text, 1, FILE_MAX, file);
    if (ferror(file) || *len == FILE_MAX) {
        wording_report(faults, "%s: %s", path,
                       ferror(file) ? "cannot be read; is it a file?"
                                    : "too big for a text; shorten it");
        free(text);
        text = NULL;
    } else if (*len > 0 && text[*len - 1] == '\n') {
        (*len)--;
    }
    fclose(file);
    return text;
}

static struct template *compile_text(const char *path, const char *text, size_t len,
                                     struct wording_faults *faults)
{
    char error[256];
    struct template *compiled = template_compile(text, len, error, sizeof(error));

    if (compiled == NULL)
        wording_report(faults, "%s: %s; see doc/translating.md for what may stand in {{ }}", path,
                       error);
    return compiled;
}

typedef bool form_check(const char *path, const char *text, size_t len,
                        struct wording_faults *faults);

/* A file that has passed the check of its form (NULL: any has). */
static struct template *load_text(const char *path, const char *hint, form_check *form,
                                  struct wording_faults *faults)
{
    size_t len = 0;
    char *text = read_text(path, hint, &len, faults);
    struct template *compiled = NULL;

    if (text != NULL && wording_check_bytes(path, text, len, faults) &&
        (form == NULL || form(path, text, len, faults)))
        compiled = compile_text(path, text, len, faults);
    free(text);
    return compiled;
}

static const char every_language[] = "every text exists in every language: write it there";

static const struct wording_partial *find_partial(const struct wording *wording,
                                                  enum wording_medium medium, const char *name)
{
    for (size_t i = 0; i < wording->partial_count; i++)
        if (wording->partials[i].medium == medium && strcmp(wording->partials[i].name, name) == 0)
            return &wording->partials[i];
    return NULL;
}

const struct template *wording_partial(const struct wording *wording, enum wording_medium medium,
                                       size_t language, const char *name)
{
    const struct wording_partial *partial = find_partial(wording, medium, name);

    return partial != NULL ? partial->texts[language] : NULL;
}

struct loader {
    struct wording *wording;
    struct wording_faults *faults;
    const char *path; /* of the text whose partials are loaded */
    enum wording_medium medium;
};

/* Loads a partial in every language when a text first uses it. Its name becomes part of a path. */
static void load_partial(void *arg, enum template_use use, const char *name)
{
    const struct loader *loader = arg;
    struct wording *wording = loader->wording;
    struct wording_partial *partial;

    if (use != TEMPLATE_PARTIAL || find_partial(wording, loader->medium, name) != NULL)
        return;
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name)) {
        wording_report(loader->faults,
                       "%s: partial '%s' cannot be; a name has a-z, 0-9 and _ alone", loader->path,
                       name);
        return;
    }
    wording->partials = mem_grow(wording->partials, wording->partial_count + 1, sizeof(*partial));
    partial = &wording->partials[wording->partial_count++];
    *partial = (struct wording_partial){.name = mem_strdup(name), .medium = loader->medium};
    for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
        char *path = wording_path(wording, "partials/", name, loader->medium, l);

        partial->texts[l] = load_text(path, every_language, NULL, loader->faults);
        free(path);
    }
}

static void load_partials_of(struct loader *loader, enum wording_medium medium,
                             const struct template *text, const char *path)
{
    loader->path = path;
    loader->medium = medium;
    if (text != NULL)
        template_each_tag(text, load_partial, loader);
}

static void load_kind(struct loader *loader, enum wording_medium medium, size_t kind)
{
    struct wording *wording = loader->wording;

    for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
        char *path = wording_path(wording, "", wording_kinds[kind].name, medium, l);
        struct template *text =
            load_text(path, every_language, medium == WORDING_MAIL ? wording_check_mail_form : NULL,
                      loader->faults);

        wording->texts[medium][kind][l] = text;
        load_partials_of(loader, medium, text, path);
        free(path);
    }
}

static void load_kinds(struct loader *loader)
{
    for (size_t k = 0; k < WORDING_KINDS; k++) {
        if (wording_kinds[k].has[WORDING_SMS])
            load_kind(loader, WORDING_SMS, k);
        if (wording_kinds[k].has[WORDING_MAIL])
            load_kind(loader, WORDING_MAIL, k);
    }
}

/* Partials of partials: the list grows while it is gone through, and moves. */
static void load_partials(struct loader *loader)
{
    const struct wording *wording = loader->wording;

    /* wording_example() needs it in any case. */
    loader->medium = WORDING_SMS;
    load_partial(loader, TEMPLATE_PARTIAL, "example");
    for (size_t p = 0; p < wording->partial_count; p++)
        for (size_t l = 0; l < WORDING_LANGUAGES; l++)
            load_partials_of(loader, wording->partials[p].medium, wording->partials[p].texts[l],
                             wording->partials[p].name);
}

static void load_layout(struct loader *loader)
{
    struct wording *wording = loader->wording;
    char *path = mem_printf("%s/%s", wording->directory, wording_layout.name);

    wording->layout = load_text(path, "the e-mails need it: take it from the distribution",
                                wording_check_layout_form, loader->faults);
    if (wording->layout != NULL)
        wording_check_layout(wording, path, loader->faults);
    free(path);
}

static void check_texts(const struct wording *wording, struct wording_faults *faults)
{
    for (size_t k = 0; k < WORDING_KINDS; k++)
        for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
            if (wording->texts[WORDING_SMS][k][l] != NULL)
                wording_check_text(wording, WORDING_SMS, k, l, faults);
            if (wording->texts[WORDING_MAIL][k][l] != NULL)
                wording_check_text(wording, WORDING_MAIL, k, l, faults);
        }
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

/* An SMS by which we could not be told from a patient could come back as a report: it is a fault.
 */
static void mark_texts(struct wording *wording, struct wording_faults *faults)
{
    for (size_t k = 0; k < WORDING_KINDS; k++) {
        for (size_t l = 0; l < WORDING_LANGUAGES; l++) {
            struct marker marker = {.wording = wording};
            char *path;

            if (wording->texts[WORDING_SMS][k][l] == NULL)
                continue;
            template_each_text(wording->texts[WORDING_SMS][k][l], mark_text, &marker);
            if (marker.found)
                continue;
            path = wording_path(wording, "", wording_kinds[k].name, WORDING_SMS, l);
            wording_report(faults,
                           "%s: no fixed part of it has %d letters (or %d characters of Chinese, "
                           "Japanese or Korean) in one piece; the text could not be told from a "
                           "patient's when it comes back",
                           path, MARK_MIN, MARK_MIN / 2);
            free(path);
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
    load_layout(&loader);
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
        for (size_t k = 0; k < WORDING_KINDS; k++) {
            template_free(wording->texts[WORDING_SMS][k][l]);
            template_free(wording->texts[WORDING_MAIL][k][l]);
        }
        for (size_t p = 0; p < wording->partial_count; p++)
            template_free(wording->partials[p].texts[l]);
    }
    for (size_t p = 0; p < wording->partial_count; p++)
        free(wording->partials[p].name);
    template_free(wording->layout);
    free(wording->partials);
    free(wording->marks);
    free(wording->directory);
    free(wording);
}

/* ------------------------------------------------------------------ rendering */

struct place {
    const struct wording *wording;
    enum wording_medium medium;
    size_t language;
};

static const struct template *give_partial(void *arg, const char *name)
{
    const struct place *place = arg;

    return wording_partial(place->wording, place->medium, place->language, name);
}

bool wording_render(const struct wording *wording, enum wording_medium medium, size_t kind,
                    size_t language, const json_t *params, char *out, size_t size)
{
    struct place place = {.wording = wording, .medium = medium, .language = language};

    return template_render(wording->texts[medium][kind][language], params, TEMPLATE_PLAIN,
                           give_partial, &place, out, size);
}

json_t *wording_begin(enum wording_medium medium, const char *kind, const char *language,
                      const json_t *params, size_t *k, size_t *l, const char **why)
{
    *why = NULL;
    if (!wording_find_kind(kind, k))
        *why = "unknown kind";
    else if (!wording_kinds[*k].has[medium])
        *why = medium == WORDING_SMS ? "no SMS of this kind" : "no mail of this kind";
    else if (!wording_find_language(language, l))
        *why = "unknown language";
    else
        return wording_checked_params(&wording_kinds[*k], medium, params, why);
    return NULL;
}

bool wording_render_sms(const struct wording *wording, const char *kind, const char *language,
                        const json_t *params, char out[WORDING_SMS_MAX], const char **why)
{
    size_t k, l;
    json_t *checked = wording_begin(WORDING_SMS, kind, language, params, &k, &l, why);
    bool ok;

    out[0] = '\0';
    if (checked == NULL)
        return false;
    ok = wording_render(wording, WORDING_SMS, k, l, checked, out, WORDING_SMS_MAX);
    if (!ok)
        *why = "text too long";
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
    struct place place = {.wording = wording, .medium = WORDING_SMS};

    out[0] = '\0';
    if (!wording_find_language(language, &place.language))
        return false;
    return template_render(wording_partial(wording, WORDING_SMS, place.language, "example"), NULL,
                           TEMPLATE_PLAIN, give_partial, &place, out, WORDING_SMS_MAX);
}
