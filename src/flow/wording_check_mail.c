/*
 * wording_check_mail.c - what holds for the files of e-mails alone: their form, and what becomes of
 * them with every placeholder at its greatest length. It reports every fault, and mends none.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/wording_kinds.h"

enum {
    LINE_MAX_BYTES = 900,    /* a mail server may refuse 1,000 (RFC 5321, section 4.5.3.1.6) */
    SUBJECT_MAX_LETTERS = 78 /* a line, where nothing is folded (RFC 5322, section 2.1.1) */
};

/* ------------------------------------------------------------------ the files */

static size_t line_length(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);

    return end != NULL ? (size_t)(end - text) : len;
}

/* Whether every line goes through every mail server. */
static bool check_lines(const char *path, const char *text, size_t len,
                        struct wording_faults *faults)
{
    size_t before = faults->count;
    int number = 1;

    for (size_t at = 0; at < len; number++) {
        size_t line = line_length(text + at, len - at);

        if (line > LINE_MAX_BYTES)
            wording_report(faults,
                           "%s:%d: a line of %zu bytes, where %d are the most that an e-mail may "
                           "have; part it in two",
                           path, number, line, LINE_MAX_BYTES);
        at += line + 1;
    }
    return faults->count == before;
}

bool wording_check_mail_form(const char *path, const char *text, size_t len,
                             struct wording_faults *faults)
{
    static const char name[] = "Subject: ";
    size_t subject = line_length(text, len);

    if (subject < sizeof(name) || strncmp(text, name, sizeof(name) - 1) != 0) {
        wording_report(faults,
                       "%s:1: no subject; the first line is \"Subject: \" and what the e-mail is "
                       "about",
                       path);
        return false;
    }
    if (subject + 2 >= len) {
        wording_report(faults, "%s: no text below the subject; an empty line, then the text", path);
        return false;
    }
    if (text[subject + 1] != '\n') {
        wording_report(
            faults, "%s:2: not empty; an empty line stands between the subject and the text", path);
        return false;
    }
    return check_lines(path, text, len, faults);
}

bool wording_check_layout_form(const char *path, const char *text, size_t len,
                               struct wording_faults *faults)
{
    int line = 1;

    for (size_t i = 0; i + 2 < len; i++) {
        size_t tag = i + 2;

        line += text[i] == '\n';
        if (text[i] != '{' || text[i + 1] != '{')
            continue;
        while (tag < len && text[tag] == ' ')
            tag++;
        if (tag < len && strchr("{&=>", text[tag]) != NULL) {
            wording_report(faults,
                           "%s:%d: '{{%c' cannot stand in the layout, which escapes every value "
                           "and includes nothing; write {{name}}",
                           path, line, text[tag]);
            return false;
        }
    }
    return check_lines(path, text, len, faults);
}

/* ------------------------------------------------------------------ what becomes of them */

static int count_letters(const char *text)
{
    int letters = 0;

    for (; *text != '\0'; text++)
        letters += ((unsigned char)*text & 0xc0) != 0x80;
    return letters;
}

/* What is wrong with one e-mail of the worst length; false once something is. */
static bool check_made(const struct wording_mail *mail, const char *path,
                       struct wording_faults *faults)
{
    int letters = count_letters(mail->subject);

    if (letters > SUBJECT_MAX_LETTERS) {
        wording_report(faults,
                       "%s: the subject takes up to %d letters with every placeholder at its "
                       "greatest length, where %d are the most; shorten it",
                       path, letters, SUBJECT_MAX_LETTERS);
        return false;
    }
    for (const char *line = mail->text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t bytes = strcspn(line, "\n");

        if (bytes > LINE_MAX_BYTES) {
            wording_report(faults,
                           "%s: a line takes up to %zu bytes with every placeholder at its "
                           "greatest length, where %d are the most; part it in two",
                           path, bytes, LINE_MAX_BYTES);
            return false;
        }
    }
    return true;
}

static bool check_shape(const struct wording *wording, size_t kind, size_t language,
                        const struct wording_shape *shape, const char *path,
                        struct wording_faults *faults)
{
    unsigned end = 1U << wording_count_bits(&wording_kinds[kind]);
    bool ok = true;

    for (unsigned bits = 0; bits < end && ok; bits++) {
        json_t *params =
            wording_filled_params(&wording_kinds[kind], shape, WORDING_FILL_WORST, bits);
        struct wording_mail mail;
        const char *why;

        if (params == NULL)
            continue;
        ok = wording_make_mail(wording, kind, language, params, &mail, &why);
        if (!ok)
            wording_report(faults, "%s: for some values: %s; mend or shorten it", path, why);
        else
            ok = check_made(&mail, path, faults);
        json_decref(params);
        wording_mail_free(&mail);
    }
    return ok;
}

void wording_check_mail(const struct wording *wording, size_t kind, size_t language,
                        const char *path, struct wording_faults *faults)
{
    if (wording->layout == NULL) /* reported */
        return;
    for (const struct wording_shape *shape = wording_kinds[kind].shapes; shape->name != NULL;
         shape++)
        if (!check_shape(wording, kind, language, shape, path, faults))
            return;
}
