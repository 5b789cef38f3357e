/*
 * wording_check.c - what was loaded against the table of kinds: placeholders, letters, and the
 * greatest length. It reports every fault, says what to do about it, and mends none.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/sms.h"
#include "flow/wording_kinds.h"

enum {
    DEPTH_MAX = TEMPLATE_SECTIONS_MAX * 8,
    PARTIALS_DEPTH_MAX = 8,
    USED_MAX = 256,
};

void wording_report(struct wording_faults *faults, const char *format, ...)
{
    char fault[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(fault, sizeof(fault), format, args);
    va_end(args);
    faults->count++;
    faults->cb(faults->arg, fault);
}

/* ------------------------------------------------------------------ bytes */

bool wording_check_bytes(const char *path, const char *text, size_t len,
                         struct wording_faults *faults)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t left = (utf8proc_ssize_t)len;
    int line = 1;

    if (len == 0) {
        wording_report(faults, "%s: empty; write the text there", path);
        return false;
    }
    while (left > 0) {
        int32_t c;
        utf8proc_ssize_t bytes = utf8proc_iterate(at, left, &c);

        if (bytes <= 0) {
            wording_report(faults, "%s:%d: not UTF-8; save the file as UTF-8", path, line);
            return false;
        }
        if (c == '\r' || c == 0xfeff) {
            wording_report(faults, "%s:%d: %s; save the file without", path, line,
                           c == '\r' ? "line ends of Windows (CR)" : "a byte order mark");
            return false;
        }
        if (c != '\n' && (c < 0x20 || (c >= 0x7f && c < 0xa0))) {
            wording_report(faults, "%s:%d: the control character U+%04X; take it out", path, line,
                           (unsigned)c);
            return false;
        }
        line += c == '\n';
        at += bytes;
        left -= bytes;
    }
    return true;
}

/* ------------------------------------------------------------------ placeholders */

struct walk {
    const struct wording *wording;
    const struct wording_kind *kind;
    enum wording_medium medium;
    size_t language;
    struct wording_faults *faults;
    const char *path; /* of the text or partial whose tags are walked */
    int partials;     /* how deep in partials */
    /* The names that are in reach: the kind's, then those of each list whose section is open; NULL
     * for a section that brings none. */
    const struct wording_field *scopes[DEPTH_MAX];
    size_t depth;
    const struct wording_field *used[USED_MAX];
    size_t used_count;
};

static const struct wording_field *find_in_scopes(const struct walk *walk, const char *name)
{
    const struct wording_field *field = NULL;

    for (size_t i = walk->depth; i > 0 && field == NULL; i--)
        if (walk->scopes[i - 1] != NULL)
            field = wording_find_field(walk->scopes[i - 1], name);
    return field;
}

static bool is_used(const struct walk *walk, const struct wording_field *field)
{
    for (size_t i = 0; i < walk->used_count; i++)
        if (walk->used[i] == field)
            return true;
    return false;
}

static void use(struct walk *walk, const struct wording_field *field)
{
    if (!is_used(walk, field) && walk->used_count < USED_MAX)
        walk->used[walk->used_count++] = field;
}

/* "centre, members (number, name)" */
static void list_names(const struct wording_field *fields, char *list, size_t size)
{
    size_t len = 0;

    for (const struct wording_field *field = fields; field->name != NULL && len < size; field++) {
        char inner[200] = "";

        if (field->type == WORDING_LIST)
            list_names(field->fields, inner, sizeof(inner));
        len +=
            (size_t)snprintf(list + len, size - len, "%s%s%s%s%s", len > 0 ? ", " : "", field->name,
                             inner[0] != '\0' ? " (" : "", inner, inner[0] != '\0' ? ")" : "");
    }
}

static void report_unknown(struct walk *walk, const char *name)
{
    char names[400] = "nothing";

    list_names(walk->kind->fields, names, sizeof(names));
    wording_report(walk->faults, "%s: placeholder '%s' is supplied by nothing; '%s' is given: %s",
                   walk->path, name, walk->kind->name, names);
}

static void check_value_tag(struct walk *walk, const char *name)
{
    const struct wording_field *field = find_in_scopes(walk, name);

    if (field == NULL) {
        report_unknown(walk, name);
        return;
    }
    use(walk, field);
    if (field->type != WORDING_TEXT)
        wording_report(walk->faults, "%s: '%s' is %s, not a text; write {{#%s}}...{{/%s}}",
                       walk->path, name, field->type == WORDING_LIST ? "a list" : "yes or no", name,
                       name);
}

static void open_scope(struct walk *walk, enum template_use tag, const char *name)
{
    const struct wording_field *field = find_in_scopes(walk, name);

    if (field == NULL)
        report_unknown(walk, name);
    else
        use(walk, field);
    if (walk->depth < DEPTH_MAX)
        walk->scopes[walk->depth++] =
            field != NULL && tag == TEMPLATE_SECTION ? field->fields : NULL;
}

static void walk_template(struct walk *walk, const struct template *text, const char *path);

static void check_partial_tag(struct walk *walk, const char *name)
{
    const struct template *partial =
        wording_partial(walk->wording, walk->medium, walk->language, name);
    char *path;

    if (partial == NULL) /* the loader has reported it */
        return;
    if (walk->partials == PARTIALS_DEPTH_MAX) {
        wording_report(walk->faults,
                       "%s: partials nest deeper than %d; does '%s' include itself? Take that out",
                       walk->path, PARTIALS_DEPTH_MAX, name);
        return;
    }
    path = wording_path(walk->wording, "partials/", name, walk->medium, walk->language);
    walk->partials++;
    walk_template(walk, partial, path);
    walk->partials--;
    free(path);
}

static void check_tag(void *arg, enum template_use tag, const char *name)
{
    struct walk *walk = arg;

    switch (tag) {
    case TEMPLATE_NAME:
        check_value_tag(walk, name);
        break;
    case TEMPLATE_SECTION:
    case TEMPLATE_INVERTED:
        open_scope(walk, tag, name);
        break;
    case TEMPLATE_END:
        walk->depth--;
        break;
    case TEMPLATE_PARTIAL:
        check_partial_tag(walk, name);
        break;
    }
}

static void walk_template(struct walk *walk, const struct template *text, const char *path)
{
    const char *outer = walk->path;

    walk->path = path;
    template_each_tag(text, check_tag, walk);
    walk->path = outer;
}

static void check_all_used(struct walk *walk, const struct wording_field *fields, const char *path,
                           const char *list)
{
    for (const struct wording_field *field = fields; field->name != NULL; field++) {
        bool needed = !field->unused && (!field->mail_only || walk->medium == WORDING_MAIL);

        if (needed && !is_used(walk, field))
            wording_report(walk->faults,
                           "%s: placeholder '%s%s%s' is not used; every language tells the same: "
                           "put it in",
                           path, list, list[0] != '\0' ? "." : "", field->name);
        if (field->type == WORDING_LIST && is_used(walk, field))
            check_all_used(walk, field->fields, path, field->name);
    }
}

/* ------------------------------------------------------------------ letters and length */

struct worst {
    struct sms_count count;
    bool too_big;
    char letter[8]; /* the first one that GSM 7-bit lacks */
};

static void find_letter(const char *text, char letter[8])
{
    size_t left = strlen(text);

    while (left > 0) {
        int32_t c;
        utf8proc_ssize_t bytes =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)left, &c);

        if (bytes <= 0)
            return;
        if (sms_count(text, (size_t)bytes).encoding != SMS_GSM7) {
            snprintf(letter, 8, "%.*s", (int)bytes, text);
            return;
        }
        text += bytes;
        left -= (size_t)bytes;
    }
}

/* Every branch of every section, and every optional text there and not there. */
static struct worst find_worst(const struct wording *wording, size_t kind, size_t language,
                               const struct wording_shape *shape, enum wording_fill fill)
{
    struct worst worst = {.count = {.segments = 0}};
    unsigned end = 1U << wording_count_bits(&wording_kinds[kind]);
    char text[WORDING_SMS_MAX];

    for (unsigned bits = 0; bits < end; bits++) {
        json_t *params = wording_filled_params(&wording_kinds[kind], shape, fill, bits);
        struct sms_count count;

        if (params == NULL)
            continue;
        if (!wording_render(wording, WORDING_SMS, kind, language, params, text, sizeof(text)))
            worst.too_big = true;
        json_decref(params);
        count = sms_count(text, strlen(text));
        if (count.segments > worst.count.segments ||
            (count.segments == worst.count.segments && count.units > worst.count.units))
            worst.count = count;
        if (worst.letter[0] == '\0')
            find_letter(text, worst.letter);
    }
    return worst;
}

static int units_of(enum sms_encoding encoding, int segments)
{
    if (encoding == SMS_GSM7)
        return segments == 1 ? 160 : segments * 153;
    return segments == 1 ? 70 : segments * 67;
}

static void check_length(const struct wording *wording, size_t kind, size_t language,
                         const struct wording_shape *shape, const char *path,
                         struct wording_faults *faults)
{
    struct worst worst = find_worst(wording, kind, language, shape, WORDING_FILL_WORST);

    if (worst.too_big)
        wording_report(faults, "%s: longer than %d bytes; shorten it", path, WORDING_SMS_MAX - 1);
    else if (worst.count.segments > shape->segments)
        wording_report(faults,
                       "%s: too long for '%s': up to %d units (%d SMS segments) with every "
                       "placeholder at its "
                       "greatest length, where %d units are paid for; shorten it",
                       path, shape->name, worst.count.units, worst.count.segments,
                       units_of(worst.count.encoding, shape->segments));
}

static void check_letters(const struct wording *wording, size_t kind, size_t language,
                          const char *path, struct wording_faults *faults)
{
    struct worst worst = {.letter = ""};

    for (const struct wording_shape *shape = wording_kinds[kind].shapes;
         shape->name != NULL && worst.letter[0] == '\0'; shape++)
        worst = find_worst(wording, kind, language, shape, WORDING_FILL_PLAIN);
    if (worst.letter[0] != '\0')
        wording_report(faults,
                       "%s: '%s' is not in the GSM 7-bit alphabet, and would more than halve what "
                       "fits into a segment; "
                       "choose another word or letter",
                       path, worst.letter);
}

/* ------------------------------------------------------------------ a text */

/* Its placeholders: known, and none left out. */
static bool check_placeholders(struct walk *walk, const struct template *text, const char *path)
{
    size_t before = walk->faults->count;

    walk->scopes[0] = walk->kind->fields;
    walk->depth = 1;
    walk_template(walk, text, path);
    check_all_used(walk, walk->kind->fields, path, "");
    return walk->faults->count == before;
}

static void check_sms(const struct wording *wording, size_t kind, size_t language, const char *path,
                      struct wording_faults *faults)
{
    for (const struct wording_shape *shape = wording_kinds[kind].shapes; shape->name != NULL;
         shape++)
        check_length(wording, kind, language, shape, path, faults);
    if (wording_languages[language].gsm7)
        check_letters(wording, kind, language, path, faults);
}

void wording_check_text(const struct wording *wording, enum wording_medium medium, size_t kind,
                        size_t language, struct wording_faults *faults)
{
    struct walk *walk = mem_new(1, sizeof(*walk));
    char *path = wording_path(wording, "", wording_kinds[kind].name, medium, language);

    *walk = (struct walk){
        .wording = wording,
        .kind = &wording_kinds[kind],
        .medium = medium,
        .language = language,
        .faults = faults,
    };
    /* What a text with such faults would cost says nothing. */
    if (check_placeholders(walk, wording->texts[medium][kind][language], path)) {
        switch (medium) {
        case WORDING_SMS:
            check_sms(wording, kind, language, path, faults);
            break;
        case WORDING_MAIL:
            wording_check_mail(wording, kind, language, path, faults);
            break;
        }
    }
    free(path);
    free(walk);
}

void wording_check_layout(const struct wording *wording, const char *path,
                          struct wording_faults *faults)
{
    struct walk *walk = mem_new(1, sizeof(*walk));

    *walk = (struct walk){
        .wording = wording,
        .kind = &wording_layout,
        .medium = WORDING_MAIL,
        .faults = faults,
    };
    (void)check_placeholders(walk, wording->layout, path);
    free(walk);
}
