/*
 * mail_lines.c - renders e-mails from standard input, for test_mail_html.py.
 *
 * A line in: {"kind": "…", "language": "…", "params": {…}}; a line out: {"subject": "…", "text":
 * "…", "html": "…"} or {"why": "…"}. The argument is the directory of the templates.
 */
#include <jansson.h>
#include <stdio.h>

#include "flow/wording.h"

enum { LINE_MAX_BYTES = 1 << 16 };

static void print_fault(void *arg, const char *fault)
{
    (void)arg;
    fprintf(stderr, "%s\n", fault);
}

static json_t *render(const struct wording *wording, const json_t *job)
{
    struct wording_mail mail;
    const char *why;
    json_t *answer;

    if (!wording_render_mail(wording, json_string_value(json_object_get(job, "kind")),
                             json_string_value(json_object_get(job, "language")),
                             json_object_get(job, "params"), &mail, &why))
        return json_pack("{s:s}", "why", why);
    answer =
        json_pack("{s:s, s:s, s:s}", "subject", mail.subject, "text", mail.text, "html", mail.html);
    wording_mail_free(&mail);
    return answer;
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    struct wording *wording = argc == 2 ? wording_load(argv[1], print_fault, NULL) : NULL;

    if (wording == NULL)
        return 1;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        json_t *job = json_loads(line, 0, NULL);
        json_t *answer = render(wording, job);

        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(job);
    }
    wording_free(wording);
    return 0;
}
