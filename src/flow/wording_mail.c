/*
 * wording_mail.c - makes an e-mail: the subject, and two bodies from the same rendered words, as
 * they are and in the one layout, templates/mail.html. It holds no word and no markup itself.
 *
 * Nothing is escaped in the words; all of them pass the layout as values, and there everything is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/wording_kinds.h"

enum {
    MAIL_WORDS_MAX = 16384, /* bytes, NUL included */
    MAIL_HTML_MAX = 131072,
    TEL_MAX = 32,
};

static const char subject_name[] = "Subject: ";

/* ------------------------------------------------------------------ the words */

/* Parts "Subject: ...", an empty line, and the text. */
static bool part_words(char *words, char **subject, char **text)
{
    char *end;

    if (strncmp(words, subject_name, strlen(subject_name)) != 0)
        return false;
    *subject = words + strlen(subject_name);
    end = strchr(*subject, '\n');
    if (end == NULL || end == *subject || end[1] != '\n' || end[2] == '\n' || end[2] == '\0')
        return false;
    *end = '\0';
    *text = end + 2;
    return true;
}

/* ------------------------------------------------------------------ what the layout is given */

struct page {
    const struct wording_kind *kind;
    const json_t *params;
    json_t *lines;
    json_t *last; /* the line before, where it is of the same paragraph; borrowed */
};

/* The value of the next field of the kind that is shown so, from `*field` on; NULL past the last.
 * The values of texts are strings or integers; an integer is nothing that is shown in a way of its
 * own. */
static const char *next_shown(const struct page *page, enum wording_show show,
                              const struct wording_field **field)
{
    for (; (*field)->name != NULL; (*field)++) {
        const char *value = json_string_value(json_object_get(page->params, (*field)->name));

        if ((*field)->show == show && value != NULL && value[0] != '\0') {
            (*field)++;
            return value;
        }
    }
    return NULL;
}

static bool line_is(const struct page *page, enum wording_show show, const char *line)
{
    const struct wording_field *field = page->kind->fields;
    const char *value;

    while ((value = next_shown(page, show, &field)) != NULL)
        if (strcmp(line, value) == 0)
            return true;
    return false;
}

/* Nothing else is opened by a browser on one tap. */
static bool is_web_address(const char *line)
{
    return strncmp(line, "https://", 8) == 0 || strncmp(line, "http://", 7) == 0;
}

/* The number as a telephone dials it; false where it holds more than digits and what parts them. */
static bool dial_number(const char *phone, char tel[TEL_MAX])
{
    size_t len = 0;

    for (; *phone != '\0'; phone++) {
        if (strchr(" -()", *phone) != NULL)
            continue;
        if (strchr("+0123456789", *phone) == NULL || len == TEL_MAX - 1)
            return false;
        tel[len++] = *phone;
    }
    tel[len] = '\0';
    return len > 0;
}

/* The first telephone number of the centre in a line, or NULL. */
static const char *find_phone(const struct page *page, const char *line, const char **phone)
{
    const struct wording_field *field = page->kind->fields;
    const char *found = NULL, *value;

    while ((value = next_shown(page, WORDING_AS_PHONE, &field)) != NULL) {
        const char *at = strstr(line, value);

        if (at != NULL && (found == NULL || at < found)) {
            found = at;
            *phone = value;
        }
    }
    return found;
}

static void add_text(json_t *parts, const char *text, size_t len)
{
    if (len > 0)
        json_array_append_new(parts, json_pack("{s:s%}", "text", text, len));
}

/* A line as runs of text and telephone numbers. */
static json_t *line_parts(const struct page *page, const char *line)
{
    json_t *parts = json_array();
    const char *phone = NULL, *at;
    char tel[TEL_MAX];

    while ((at = find_phone(page, line, &phone)) != NULL) {
        add_text(parts, line, (size_t)(at - line));
        if (dial_number(phone, tel))
            json_array_append_new(parts, json_pack("{s:s, s:s}", "phone", phone, "tel", tel));
        else
            add_text(parts, phone, strlen(phone));
        line = at + strlen(phone);
    }
    add_text(parts, line, strlen(line));
    return parts;
}

/* A code or a link is a paragraph of its own, whatever stands around it. */
static void add_block(struct page *page, const char *name, const char *line)
{
    page->last = NULL;
    json_array_append_new(page->lines, json_pack("{s:s}", name, line));
}

static void add_line(struct page *page, const char *line)
{
    json_t *entry = json_pack("{s:o, s:b, s:b}", "parts", line_parts(page, line), "first",
                              page->last == NULL, "last", true);

    if (page->last != NULL) {
        json_object_set_new(page->last, "last", json_false());
        json_object_set_new(page->last, "more", json_true());
    }
    json_array_append_new(page->lines, entry);
    page->last = entry;
}

static json_t *page_lines(const struct wording_kind *kind, const json_t *params, const char *text)
{
    struct page page = {.kind = kind, .params = params, .lines = json_array()};
    char *copy = mem_strdup(text), *rest = copy;

    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (line[0] == '\0')
            page.last = NULL;
        else if (line_is(&page, WORDING_AS_CODE, line))
            add_block(&page, "code", line);
        else if (line_is(&page, WORDING_AS_LINK, line) && is_web_address(line))
            add_block(&page, "link", line);
        else
            add_line(&page, line);
    }
    free(copy);
    return page.lines;
}

static char *make_html(const struct wording *wording, size_t kind, size_t language,
                       const json_t *params, const char *subject, const char *text)
{
    char *html = mem_new(MAIL_HTML_MAX, 1);
    json_t *page =
        json_pack("{s:s, s:s, s:b, s:o}", "language", wording_languages[language].code, "subject",
                  subject, "keep_words", wording_languages[language].keep_words, "lines",
                  page_lines(&wording_kinds[kind], params, text));

    if (!template_render(wording->layout, page, TEMPLATE_HTML, NULL, NULL, html, MAIL_HTML_MAX)) {
        free(html);
        html = NULL;
    }
    json_decref(page);
    return html;
}

/* ------------------------------------------------------------------ the e-mail */

bool wording_make_mail(const struct wording *wording, size_t kind, size_t language,
                       const json_t *params, struct wording_mail *mail, const char **why)
{
    char *words = mem_new(MAIL_WORDS_MAX, 1);
    char *subject, *text;
    bool ok = false;

    *mail = (struct wording_mail){.subject = NULL};
    if (!wording_render(wording, WORDING_MAIL, kind, language, params, words, MAIL_WORDS_MAX)) {
        *why = "text too long";
        goto out;
    }
    if (!part_words(words, &subject, &text)) {
        *why = "mail without a subject or a text";
        goto out;
    }
    mail->html = make_html(wording, kind, language, params, subject, text);
    if (mail->html == NULL) {
        *why = "text too long";
        goto out;
    }
    mail->subject = mem_strdup(subject);
    mail->text = mem_printf("%s\n", text);
    ok = true;
out:
    free(words);
    return ok;
}

bool wording_render_mail(const struct wording *wording, const char *kind, const char *language,
                         const json_t *params, struct wording_mail *mail, const char **why)
{
    size_t k, l;
    json_t *checked = wording_begin(WORDING_MAIL, kind, language, params, &k, &l, why);
    bool ok;

    *mail = (struct wording_mail){.subject = NULL};
    if (checked == NULL)
        return false;
    ok = wording_make_mail(wording, k, l, checked, mail, why);
    json_decref(checked);
    return ok;
}

void wording_mail_free(struct wording_mail *mail)
{
    free(mail->subject);
    free(mail->text);
    free(mail->html);
    *mail = (struct wording_mail){.subject = NULL};
}
