/*
 * template_node.h - what a template is compiled to: between template.c and template_render.c, for
 * nobody else.
 */
#ifndef HERSYS_BASE_TEMPLATE_NODE_H
#define HERSYS_BASE_TEMPLATE_NODE_H

#include <stdbool.h>
#include <stddef.h>

enum node_type {
    NODE_TEXT, /* one line, or the part of a line up to a tag or from it */
    NODE_VALUE,
    NODE_SECTION,
    NODE_INVERTED,
    NODE_END,
    NODE_PARTIAL,
};

struct node {
    enum node_type type;
    bool line_start;  /* text: a line of the source begins here, so a partial's indentation goes
                         before it */
    bool raw;         /* value: {{{x}}} or {{&x}} */
    bool alone;       /* partial: on a line of its own, with `text` before it */
    const char *text; /* text; partial: the blanks before it */
    size_t len;
    char *name;  /* "a.b.c" */
    char *parts; /* "a\0b\0c\0", or NULL for "." */
    size_t part_count;
    size_t end; /* section: the index of its end */
};

struct template
{
    char *source; /* what `text` of the nodes points into */
    struct node *nodes;
    size_t count, room;
};

#endif
