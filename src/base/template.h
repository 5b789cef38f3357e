/*
 * template.h - logic-less templates: the Mustache specification 1.4 (interpolation, sections,
 * inverted sections, comments, partials, delimiters), pure: no files, no loop.
 *
 * Where the specification leaves the choice, or where a mistake would reach a patient:
 * - false, null, "", 0 and the empty list are falsy; all other values are truthy, {} too;
 * - true and false print as such; an object or a list prints as nothing;
 * - lambdas, inheritance ({{$x}}, {{<x}}), dynamic partials ({{>*x}}) and whatever else is no tag
 *   of these modules is an error of compilation, never text that is left out.
 */
#ifndef HERSYS_BASE_TEMPLATE_H
#define HERSYS_BASE_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    TEMPLATE_SECTIONS_MAX = 32,  /* sections in sections, within one template */
    TEMPLATE_PARTIALS_MAX = 32,  /* partials in partials */
    TEMPLATE_STEPS_MAX = 500000, /* tags, lines and looked-up contexts of one rendering */
};

struct template;

enum template_escape {
    TEMPLATE_PLAIN, /* SMS and text/plain: nothing is escaped, {{x}} equals {{{x}}} */
    TEMPLATE_HTML,  /* & < > " ' become entities, except in {{{x}}} and {{&x}} */
};

/* Compiles; NULL with "line 3: section 'members' is not closed" in `error`. The source may be freed
 * afterwards. */
struct template *template_compile(const char *source, size_t len, char *error, size_t size)
    __attribute__((warn_unused_result));
void template_free(struct template *template);

/* Gives the compiled partial of that name, or NULL: it renders as nothing. */
typedef const struct template *template_partial_cb(void *arg, const char *name);

/* Renders with `params` (mostly an object) into `out` of `size` bytes, NUL included. A name that is
 * not there renders as nothing, as the specification says. False, and `out` empty, where the text
 * does not fit, a value holds a NUL, partials nest too deep, or the rendering takes too many steps.
 * `partial` may be NULL: then there are none. */
bool template_render(const struct template *template, const json_t *params,
                     enum template_escape escape, template_partial_cb *partial, void *arg,
                     char *out, size_t size) __attribute__((warn_unused_result));

enum template_use {
    TEMPLATE_NAME,     /* {{name}}; "." is the context itself */
    TEMPLATE_SECTION,  /* {{#name}}; what is in it comes next, up to its end */
    TEMPLATE_INVERTED, /* {{^name}}, likewise */
    TEMPLATE_END,      /* {{/name}} */
    TEMPLATE_PARTIAL,  /* {{>name}} */
};

/* Calls `cb` for each tag that uses a name, in the order of the source. */
typedef void template_tag_cb(void *arg, enum template_use use, const char *name);
void template_each_tag(const struct template *template, template_tag_cb *cb, void *arg);

/* Calls `cb` for each run of fixed text, which holds no newline but at its end. */
typedef void template_text_cb(void *arg, const char *text, size_t len);
void template_each_text(const struct template *template, template_text_cb *cb, void *arg);

#endif
