/*
 * fuzz_template.c - any bytes as a template, with a nested context and partials that include one
 * another (libFuzzer).
 *
 * The template is a partial of itself, named "self"; so depth and work are under test, too. Build
 * and run: make fuzz_template CC=clang && ./fuzz_template -max_len=2000 -timeout=10 CORPUS/
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/template.h"

static const char context[] = "{\"centre\":\"保健所\",\"family\":true,\"none\":null,\"no\":false,"
                              "\"empty\":[],\"a\":{\"b\":{\"c\":\"<d>\"}},"
                              "\"members\":[{\"number\":1,\"name\":\"花子\",\"l\":[1,2.5,\"x\"]},{"
                              "\"number\":2,\"l\":[[1],[2,3]]},"
                              "{\"number\":3,\"members\":[{\"number\":4}]}],\"l\":[\"&\",\"'\",-1."
                              "21,85]}";

static const char included[] = "{{l}}\n {{>self}}\n{{#a}}\n{{b.c}}\n{{/a}}\n";

static const struct template *partial(void *arg, const char *name)
{
    static struct template *p;
    char error[128];

    if (strcmp(name, "self") == 0)
        return arg;
    if (p == NULL)
        p = template_compile(included, sizeof(included) - 1, error, sizeof(error));
    return strcmp(name, "p") == 0 ? p : NULL;
}

static void check_tag(void *arg, enum template_use use, const char *name)
{
    (void)use;
    *(size_t *)arg += strlen(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *params;
    char error[128] = "", out[4096];
    struct template *t = template_compile((const char *)data, size, error, sizeof(error));
    size_t names = 0;

    if (params == NULL)
        params = json_loads(context, 0, NULL);
    if (t == NULL) {
        if (strncmp(error, "line ", 5) != 0)
            abort();
        return 0;
    }
    template_each_tag(t, check_tag, &names);
    if (names > size)
        abort();
    for (int escape = TEMPLATE_PLAIN; escape <= TEMPLATE_HTML; escape++) {
        memset(out, 'x', sizeof(out));
        if (!template_render(t, params, (enum template_escape)escape, partial, t, out,
                             sizeof(out)) &&
            out[0] != '\0')
            abort();
        if (memchr(out, '\0', sizeof(out)) == NULL)
            abort();
    }
    template_free(t);
    return 0;
}
