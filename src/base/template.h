/*
 * template.h - logic-less templates: the Mustache specification 1.4 (interpolation, sections, inverted sections,
 * comments, partials, delimiters), pure: no files, no loop.
 */
#ifndef HERSYS_BASE_TEMPLATE_H
#define HERSYS_BASE_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct template;

enum template_escape {
    TEMPLATE_PLAIN, /* SMS and text/plain: nothing is escaped, {{x}} equals {{{x}}} */
    TEMPLATE_HTML,  /* & < > " ' become entities, except in {{{x}}} and {{&x}} */
};

/* Compiles; NULL with "line 3: section 'members' is not closed" in `error`. */
struct template *template_compile(const char *source, size_t len, char *error, size_t size)
    __attribute__((warn_unused_result));
void template_free(struct template *template);

/* Gives the compiled partial of that name, or NULL: it renders as nothing. */
typedef const struct template *template_partial_cb(void *arg, const char *name);

/* Renders with `params` (an object) into `out` of `size` bytes, NUL included; false where it does not fit or partials
 * nest deeper than 32. A name that is not there renders as nothing, as the specification says. */
bool template_render(const struct template *template, const json_t *params,
                     enum template_escape escape, template_partial_cb *partial, void *arg,
                     char *out, size_t size) __attribute__((warn_unused_result));

/* Calls `cb` with each name that the template uses: "centre", "members.name"; sections before what is in them. */
void template_each_name(const struct template *template,
                        void (*cb)(void *arg, const char *name, bool section), void *arg);
void template_each_partial(const struct template *template,
                           void (*cb)(void *arg, const char *name), void *arg);

#endif
