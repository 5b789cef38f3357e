/*
 * template_render.c - renders the nodes of a template with a context into the caller's buffer.
 *
 * It must not allocate, read a file, or cut a text: what does not fit is an error.
 */
#include "base/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/template_node.h"

/* The context stack and the indentation live on the C stack, which the two depth limits bound. */
struct context {
    const json_t *value;
    const struct context *up;
};

struct indent {
    const char *text;
    size_t len;
    const struct indent *up;
};

struct renderer {
    enum template_escape escape;
    template_partial_cb *partial;
    void *arg;
    char *out;
    size_t size, len;
    int steps, depth;
};

/* Partials and lists multiply: depth alone bounds nothing. */
static bool step(struct renderer *r)
{
    return ++r->steps <= TEMPLATE_STEPS_MAX;
}

static bool put(struct renderer *r, const char *text, size_t len)
{
    if (len >= r->size - r->len)
        return false;
    memcpy(r->out + r->len, text, len);
    r->len += len;
    return true;
}

static bool put_html(struct renderer *r, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *entity = text[i] == '&'    ? "&amp;"
                             : text[i] == '<'  ? "&lt;"
                             : text[i] == '>'  ? "&gt;"
                             : text[i] == '"'  ? "&quot;"
                             : text[i] == '\'' ? "&#39;"
                                               : NULL;

        if (entity != NULL ? !put(r, entity, strlen(entity)) : !put(r, &text[i], 1))
            return false;
    }
    return true;
}

static bool put_string(struct renderer *r, const char *text, size_t len, bool raw)
{
    if (memchr(text, '\0', len) != NULL)
        return false;
    if (raw || r->escape == TEMPLATE_PLAIN)
        return put(r, text, len);
    return put_html(r, text, len);
}

static bool put_integer(struct renderer *r, json_int_t value)
{
    char text[32];

    return put(r, text, (size_t)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, value));
}

/* The shortest decimal that reads back as the same number, with a point whatever the locale. */
static bool put_real(struct renderer *r, double value)
{
    char text[64], plain[64];
    size_t len = 0;

    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr("0123456789+-e", *c) != NULL)
            plain[len++] = *c;
        else if (len == 0 || plain[len - 1] != '.')
            plain[len++] = '.';
    }
    return put(r, plain, len);
}

static bool put_value(struct renderer *r, const json_t *value, bool raw)
{
    if (value == NULL)
        return true;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return put_string(r, json_string_value(value), json_string_length(value), raw);
    case JSON_INTEGER:
        return put_integer(r, json_integer_value(value));
    case JSON_REAL:
        return put_real(r, json_real_value(value));
    case JSON_TRUE:
        return put(r, "true", 4);
    case JSON_FALSE:
        return put(r, "false", 5);
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        return true;
    }
    return false;
}

/* The first part is looked up along the stack, the others only in what was found: no going back to
 * an outer context. */
static bool resolve(struct renderer *r, const struct node *node, const struct context *context,
                    const json_t **value)
{
    const char *part = node->parts;

    if (part == NULL) {
        *value = context->value;
        return true;
    }
    *value = NULL;
    for (; context != NULL && *value == NULL; context = context->up) {
        if (!step(r))
            return false;
        *value = json_object_get(context->value, part);
    }
    for (size_t i = 1; i < node->part_count && *value != NULL; i++) {
        if (!step(r))
            return false;
        part += strlen(part) + 1;
        *value = json_object_get(*value, part);
    }
    return true;
}

static bool is_truthy(const json_t *value)
{
    if (value == NULL)
        return false;
    switch (json_typeof(value)) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_TRUE:
    case JSON_OBJECT:
        return true;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_REAL:
        return json_real_value(value) != 0;
    }
    return false;
}

static bool put_indent(struct renderer *r, const struct indent *indent)
{
    return indent == NULL ||
           (step(r) && put_indent(r, indent->up) && put(r, indent->text, indent->len));
}

static bool render(struct renderer *r, const struct template *template, size_t from, size_t to,
                   const struct context *context, const struct indent *indent);

static bool render_section(struct renderer *r, const struct template *template, size_t at,
                           const json_t *value, const struct context *context,
                           const struct indent *indent)
{
    size_t end = template->nodes[at].end;
    struct context inner = {.value = value, .up = context};

    if (!json_is_array(value))
        return render(r, template, at + 1, end, &inner, indent);
    for (size_t i = 0; i < json_array_size(value); i++) {
        inner.value = json_array_get(value, i);
        if (!step(r) || !render(r, template, at + 1, end, &inner, indent))
            return false;
    }
    return true;
}

/* Indentation is part of the including source, so it reaches a partial only through a tag that
 * stands alone. */
static bool render_partial(struct renderer *r, const struct node *node,
                           const struct context *context, const struct indent *indent)
{
    const struct template *partial = r->partial != NULL ? r->partial(r->arg, node->name) : NULL;
    struct indent inner = {.text = node->text, .len = node->len, .up = indent};
    bool ok;

    if (partial == NULL)
        return true;
    if (r->depth == TEMPLATE_PARTIALS_MAX)
        return false;
    r->depth++;
    ok = render(r, partial, 0, partial->count, context, node->alone ? &inner : NULL);
    r->depth--;
    return ok;
}

static bool render(struct renderer *r, const struct template *template, size_t from, size_t to,
                   const struct context *context, const struct indent *indent)
{
    for (size_t i = from; i < to; i++) {
        const struct node *node = &template->nodes[i];
        const json_t *value = NULL;
        bool ok = step(r);

        switch (node->type) {
        case NODE_TEXT:
            ok =
                ok && (!node->line_start || put_indent(r, indent)) && put(r, node->text, node->len);
            break;
        case NODE_VALUE:
            ok = ok && resolve(r, node, context, &value) && put_value(r, value, node->raw);
            break;
        case NODE_SECTION:
            ok = ok && resolve(r, node, context, &value) &&
                 (!is_truthy(value) || render_section(r, template, i, value, context, indent));
            i = node->end;
            break;
        case NODE_INVERTED:
            ok = ok && resolve(r, node, context, &value) &&
                 (is_truthy(value) || render(r, template, i + 1, node->end, context, indent));
            i = node->end;
            break;
        case NODE_END:
            break;
        case NODE_PARTIAL:
            ok = ok && render_partial(r, node, context, indent);
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

bool template_render(const struct template *template, const json_t *params,
                     enum template_escape escape, template_partial_cb *partial, void *arg,
                     char *out, size_t size)
{
    struct renderer r = {
        .escape = escape, .partial = partial, .arg = arg, .out = out, .size = size};
    struct context root = {.value = params};

    if (size == 0)
        return false;
    if (!render(&r, template, 0, template->count, &root, NULL)) {
        out[0] = '\0';
        return false;
    }
    out[r.len] = '\0';
    return true;
}
