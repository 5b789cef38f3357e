/*
 * template.c - compiles a Mustache source to a flat list of nodes.
 *
 * It must not read a file, or know a language or a kind of message. What is no tag of the
 * specification is refused: a text that is silently left out is worse than a start-up that fails.
 */
#include "base/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/template_node.h"

enum { DELIMITER_MAX = 16 };

struct delimiter {
    char text[DELIMITER_MAX + 1];
    size_t len;
};

struct compiler {
    struct template *template;
    const char *source;
    size_t len;
    size_t pos; /* everything before it is in the nodes */
    struct delimiter open, close;
    size_t sections[TEMPLATE_SECTIONS_MAX]; /* indices of those not closed yet, */
    size_t opened[TEMPLATE_SECTIONS_MAX];   /* and where they begin */
    size_t depth;
    char *error;
    size_t error_size;
};

/* One tag of the source. */
struct tag {
    char sigil;          /* '{' '&' '#' '^' '/' '>' '!' '=', or 0 for a plain name */
    size_t start, after; /* its first byte, and the first one behind it */
    const char *content; /* without the white space around it */
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
    return is_blank(c) || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

__attribute__((format(printf, 3, 4))) static bool fail(struct compiler *c, size_t where,
                                                       const char *format, ...)
{
    int line = 1;
    va_list args;
    char what[200];

    for (size_t i = 0; i < where; i++)
        line += c->source[i] == '\n';
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(c->error, c->error_size, "line %d: %s", line, what);
    return false;
}

static struct node *add_node(struct compiler *c, enum node_type type)
{
    struct template *t = c->template;

    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 16;
        t->nodes = mem_grow(t->nodes, t->room, sizeof(*t->nodes));
    }
    t->nodes[t->count] = (struct node){.type = type};
    return &t->nodes[t->count++];
}

static bool at_line_start(const struct compiler *c, size_t pos)
{
    return pos == 0 || c->source[pos - 1] == '\n';
}

/* The source from `pos` to `to` as text, a node a line. A tag that begins a line gets an empty one
 * before it, which is the place of the indentation. */
static void add_text(struct compiler *c, size_t to, bool tag_follows)
{
    while (c->pos < to || (tag_follows && at_line_start(c, c->pos))) {
        const char *begin = c->source + c->pos;
        const char *newline = memchr(begin, '\n', to - c->pos);
        size_t len = newline != NULL ? (size_t)(newline - begin) + 1 : to - c->pos;
        struct node *node = add_node(c, NODE_TEXT);

        node->line_start = at_line_start(c, c->pos);
        node->text = begin;
        node->len = len;
        c->pos += len;
        if (newline == NULL)
            break;
    }
}

/* Splits at the dots. `node` owns the two copies whatever the result is. */
static bool set_name(struct compiler *c, const struct tag *tag, struct node *node)
{
    node->name = mem_strndup(tag->content, tag->len);
    if (tag->len == 0)
        return fail(c, tag->start, "a tag without a name");
    if (strchr("#^/>!=&{}$<*@%|", tag->content[0]) != NULL)
        return fail(c, tag->start, "'%.60s' is no name, and no tag that is known here", node->name);
    for (size_t i = 0; i < tag->len; i++)
        if (is_space(tag->content[i]))
            return fail(c, tag->start, "the name '%.60s' has a space in it", node->name);
    if (tag->sigil == '>' || strcmp(node->name, ".") == 0)
        return true;
    node->parts = mem_strndup(tag->content, tag->len);
    node->part_count = 1;
    for (size_t i = 0; i < tag->len; i++) {
        if (tag->content[i] != '.')
            continue;
        if (i == 0 || i + 1 == tag->len || tag->content[i + 1] == '.')
            return fail(c, tag->start, "the name '%.60s' has a part that is empty", node->name);
        node->parts[i] = '\0';
        node->part_count++;
    }
    return true;
}

static bool open_section(struct compiler *c, const struct tag *tag, enum node_type type)
{
    struct node *node = add_node(c, type);

    if (!set_name(c, tag, node))
        return false;
    if (c->depth == TEMPLATE_SECTIONS_MAX)
        return fail(c, tag->start, "sections nest deeper than %d", TEMPLATE_SECTIONS_MAX);
    c->sections[c->depth] = c->template->count - 1;
    c->opened[c->depth++] = tag->start;
    return true;
}

static bool close_section(struct compiler *c, const struct tag *tag)
{
    struct node *node = add_node(c, NODE_END);
    struct node *section;

    if (!set_name(c, tag, node))
        return false;
    if (c->depth == 0)
        return fail(c, tag->start, "section '%.60s' is closed, but not open", node->name);
    section = &c->template->nodes[c->sections[--c->depth]];
    if (strcmp(section->name, node->name) != 0)
        return fail(c, tag->start, "section '%.60s' is closed where '%.60s' is open", node->name,
                    section->name);
    section->end = c->template->count - 1;
    return true;
}

static bool set_delimiter(struct delimiter *delimiter, const char *text, size_t len)
{
    if (len == 0 || len > DELIMITER_MAX || memchr(text, '=', len) != NULL)
        return false;
    memcpy(delimiter->text, text, len);
    delimiter->text[len] = '\0';
    delimiter->len = len;
    return true;
}

static bool change_delimiters(struct compiler *c, const struct tag *tag)
{
    size_t first = 0, second;

    while (first < tag->len && !is_space(tag->content[first]))
        first++;
    second = first;
    while (second < tag->len && is_space(tag->content[second]))
        second++;
    for (size_t i = second; i < tag->len; i++)
        if (is_space(tag->content[i]))
            return fail(c, tag->start, "more than two delimiters");
    if (!set_delimiter(&c->open, tag->content, first) ||
        !set_delimiter(&c->close, tag->content + second, tag->len - second))
        return fail(c, tag->start, "two delimiters are needed, as in {{=<%% %%>=}}");
    return true;
}

static bool add_partial(struct compiler *c, const struct tag *tag, bool alone, size_t line)
{
    struct node *node = add_node(c, NODE_PARTIAL);

    node->alone = alone;
    node->text = c->source + line;
    node->len = alone ? tag->start - line : 0;
    return set_name(c, tag, node);
}

static bool add_value(struct compiler *c, const struct tag *tag)
{
    struct node *node = add_node(c, NODE_VALUE);

    node->raw = tag->sigil != 0;
    return set_name(c, tag, node);
}

/* Whether the tag stands on its line with nothing but blanks. Such a line leaves no trace: `*line`
 * is its first byte, `*next` the first one behind it. */
static bool is_standalone(const struct compiler *c, const struct tag *tag, size_t *line,
                          size_t *next)
{
    size_t from = tag->start, to = tag->after;

    if (tag->sigil == 0 || tag->sigil == '{' || tag->sigil == '&')
        return false;
    while (from > c->pos && is_blank(c->source[from - 1]))
        from--;
    if (!at_line_start(c, from))
        return false;
    while (to < c->len && is_blank(c->source[to]))
        to++;
    if (to + 1 < c->len && c->source[to] == '\r' && c->source[to + 1] == '\n')
        to++;
    if (to < c->len && c->source[to] != '\n')
        return false;
    *line = from;
    *next = to < c->len ? to + 1 : to;
    return true;
}

/* Reads the tag whose opening delimiter is at `start`. */
static bool read_tag(struct compiler *c, size_t start, struct tag *tag)
{
    size_t from = start + c->open.len;
    char closing[DELIMITER_MAX + 2];
    size_t closing_len = 0;
    const char *end;

    *tag = (struct tag){.start = start};
    if (from < c->len && strchr("{&#^/>!=", c->source[from]) != NULL)
        tag->sigil = c->source[from++];
    if (tag->sigil == '{')
        closing[closing_len++] = '}';
    if (tag->sigil == '=')
        closing[closing_len++] = '=';
    memcpy(closing + closing_len, c->close.text, c->close.len);
    closing_len += c->close.len;
    end = memmem(c->source + from, c->len - from, closing, closing_len);
    if (end == NULL)
        return fail(c, start, "a tag is not closed");
    tag->content = c->source + from;
    tag->len = (size_t)(end - tag->content);
    tag->after = from + tag->len + closing_len;
    while (tag->len > 0 && is_space(tag->content[0])) {
        tag->content++;
        tag->len--;
    }
    while (tag->len > 0 && is_space(tag->content[tag->len - 1]))
        tag->len--;
    return true;
}

static bool add_tag(struct compiler *c, const struct tag *tag, bool alone, size_t line)
{
    switch (tag->sigil) {
    case '#':
        return open_section(c, tag, NODE_SECTION);
    case '^':
        return open_section(c, tag, NODE_INVERTED);
    case '/':
        return close_section(c, tag);
    case '>':
        return add_partial(c, tag, alone, line);
    case '=':
        return change_delimiters(c, tag);
    case '!':
        return true;
    default: /* a character, not an enum: 0, '{' and '&' */
        return add_value(c, tag);
    }
}

static bool compile(struct compiler *c)
{
    const char *zero = memchr(c->source, '\0', c->len);

    if (zero != NULL)
        return fail(c, (size_t)(zero - c->source), "a NUL byte");
    while (c->pos < c->len) {
        const char *open = memmem(c->source + c->pos, c->len - c->pos, c->open.text, c->open.len);
        size_t line = c->pos, next = c->pos;
        bool alone;
        struct tag tag;

        if (open == NULL)
            break;
        if (!read_tag(c, (size_t)(open - c->source), &tag))
            return false;
        alone = is_standalone(c, &tag, &line, &next);
        add_text(c, alone ? line : tag.start, !alone);
        if (!add_tag(c, &tag, alone, line))
            return false;
        c->pos = alone ? next : tag.after;
    }
    add_text(c, c->len, false);
    if (c->depth > 0)
        return fail(c, c->opened[c->depth - 1], "section '%.60s' is not closed",
                    c->template->nodes[c->sections[c->depth - 1]].name);
    return true;
}

struct template *template_compile(const char *source, size_t len, char *error, size_t size)
{
    struct template *template = mem_new(1, sizeof(*template));
    struct compiler c = {
        .template = template,
        .len = len,
        .open = {.text = "{{", .len = 2},
        .close = {.text = "}}", .len = 2},
        .error = error,
        .error_size = size,
    };

    template->source = mem_strndup(source, len);
    c.source = template->source;
    if (!compile(&c)) {
        template_free(template);
        return NULL;
    }
    return template;
}

void template_free(struct template *template)
{
    if (template == NULL)
        return;
    for (size_t i = 0; i < template->count; i++) {
        free(template->nodes[i].name);
        free(template->nodes[i].parts);
    }
    free(template->nodes);
    free(template->source);
    free(template);
}

void template_each_tag(const struct template *template, template_tag_cb *cb, void *arg)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct node *node = &template->nodes[i];

        switch (node->type) {
        case NODE_TEXT:
            break;
        case NODE_VALUE:
            cb(arg, TEMPLATE_NAME, node->name);
            break;
        case NODE_SECTION:
            cb(arg, TEMPLATE_SECTION, node->name);
            break;
        case NODE_INVERTED:
            cb(arg, TEMPLATE_INVERTED, node->name);
            break;
        case NODE_END:
            cb(arg, TEMPLATE_END, node->name);
            break;
        case NODE_PARTIAL:
            cb(arg, TEMPLATE_PARTIAL, node->name);
            break;
        }
    }
}

void template_each_text(const struct template *template, template_text_cb *cb, void *arg)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->nodes[i].type == NODE_TEXT)
            cb(arg, template->nodes[i].text, template->nodes[i].len);
}
