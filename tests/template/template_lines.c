/*
 * template_lines.c - renders templates from standard input, for test_differential.py.
 *
 * A line in: {"template": "…", "data": …, "partials": {"p": "…"}, "html": true}; a line out:
 * {"text": "…"} or {"error": "…"}.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/template.h"

enum { PARTIALS_MAX = 16, LINE_MAX_BYTES = 1 << 20 };

struct partials {
    const char *name[PARTIALS_MAX];
    struct template *compiled[PARTIALS_MAX];
    size_t count;
};

static const struct template *find(void *arg, const char *name)
{
    const struct partials *partials = arg;

    for (size_t i = 0; i < partials->count; i++)
        if (strcmp(partials->name[i], name) == 0)
            return partials->compiled[i];
    return NULL;
}

static struct template *compile(const json_t *source, char *error, size_t size)
{
    return template_compile(json_string_value(source), json_string_length(source), error, size);
}

static json_t *render(json_t *job)
{
    static char out[1 << 20];
    char error[256] = "";
    struct partials partials = {.count = 0};
    struct template *t = compile(json_object_get(job, "template"), error, sizeof(error));
    json_t *source, *answer;
    const char *name;
    bool ok = t != NULL;

    json_object_foreach(json_object_get(job, "partials"), name, source)
    {
        if (!ok || partials.count == PARTIALS_MAX)
            break;
        partials.name[partials.count] = name;
        partials.compiled[partials.count] = compile(source, error, sizeof(error));
        ok = partials.compiled[partials.count++] != NULL;
    }
    ok = ok && template_render(t, json_object_get(job, "data"),
                               json_is_true(json_object_get(job, "html")) ? TEMPLATE_HTML
                                                                          : TEMPLATE_PLAIN,
                               find, &partials, out, sizeof(out));
    answer = json_pack("{ss}", ok ? "text" : "error", ok ? out : error);
    for (size_t i = 0; i < partials.count; i++)
        template_free(partials.compiled[i]);
    template_free(t);
    return answer;
}

int main(void)
{
    static char line[LINE_MAX_BYTES];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        json_t *job = json_loads(line, 0, NULL);
        json_t *answer = render(job);

        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(answer);
        json_decref(job);
    }
    return 0;
}
