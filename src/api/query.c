/* query.c - reads the query by a table. It knows no parameter by name. */
#include "api/query.h"

#include <stdlib.h>
#include <string.h>

#include "api/body.h"
#include "api/problem.h"
#include "base/form.h"
#include "base/text.h"

enum { QUERY_PAIRS_MAX = 16, QUERY_LIMIT_MAX = 1000, QUERY_LIMIT_DEFAULT = 100, QUERY_DIGITS = 18 };

/* Plain digits without a leading zero. */
static bool read_number(const char *text, size_t len, int64_t *number)
{
    if (len < 1 || len > QUERY_DIGITS || strspn(text, "0123456789") < len ||
        (len > 1 && text[0] == '0'))
        return false;
    *number = strtoll(text, NULL, 10);
    return true;
}

static const char *read_cursor(const char *text, struct query_value *value)
{
    const char *hyphen = strchr(text, '-');
    size_t len = hyphen != NULL ? (size_t)(hyphen - text) : 0;
    int64_t xact;

    if (hyphen == NULL || !read_number(text, len, &xact) ||
        !read_number(hyphen + 1, strlen(hyphen + 1), &value->number))
        return "The next of an earlier answer is wanted.";
    memcpy(value->text, text, len);
    value->text[len] = '\0';
    return NULL;
}

/* What is wrong with it; NULL where nothing is. */
static const char *read_value(enum query_form form, const char *text, struct query_value *value)
{
    size_t len = strlen(text);

    switch (form) {
    case QUERY_ID:
        return read_number(text, len, &value->number) && value->number > 0
                   ? NULL
                   : "An id is wanted: a whole number of at least 1.";
    case QUERY_AFTER:
        return read_number(text, len, &value->number) ? NULL
                                                      : "The next of an earlier answer is wanted, "
                                                        "a whole number.";
    case QUERY_LIMIT:
        return read_number(text, len, &value->number) && value->number >= 1 &&
                       value->number <= QUERY_LIMIT_MAX
                   ? NULL
                   : "A whole number from 1 to 1000 is wanted.";
    case QUERY_DATE:
        if (!body_is_date(text))
            return "A date of the calendar is wanted, such as 2026-02-28.";
        memcpy(value->text, text, len + 1);
        return NULL;
    case QUERY_OPEN_OR_ALL:
        if (strcmp(text, "open") != 0 && strcmp(text, "all") != 0)
            return "open or all is wanted.";
        memcpy(value->text, text, len + 1);
        return NULL;
    case QUERY_CURSOR:
        return read_cursor(text, value);
    }
    return "It cannot be read.";
}

/* The first name that is none of the table's, or stands there twice; NULL where there is none. */
static const char *find_odd(const struct form *form, const struct query_param *params, size_t count)
{
    for (size_t i = 0; i < form_count(form); i++) {
        struct form_pair pair = form_pair(form, i);
        size_t at = 0;

        while (at < count && strcmp(params[at].name, pair.name) != 0)
            at++;
        if (at == count || strlen(pair.name) != pair.name_len ||
            form_get_text(form, pair.name) == NULL)
            return text_is_utf8(pair.name, strlen(pair.name)) ? pair.name : "";
    }
    return NULL;
}

static void set_default(enum query_form form, struct query_value *value)
{
    *value = (struct query_value){.number = form == QUERY_LIMIT ? QUERY_LIMIT_DEFAULT : 0};
    if (form == QUERY_CURSOR)
        value->text[0] = '0';
    if (form == QUERY_OPEN_OR_ALL)
        memcpy(value->text, "open", sizeof("open"));
}

static bool read_form(struct http_exchange *exchange, const struct form *form,
                      const struct query_param *params, size_t count, struct query_value *values)
{
    const char *odd = find_odd(form, params, count);

    if (odd != NULL) {
        problem_answer_parameter(exchange, odd,
                                 "There is no such parameter here, or it is there twice.");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = form_get_text(form, params[i].name), *fault;

        set_default(params[i].form, &values[i]);
        if (text == NULL)
            continue;
        fault = read_value(params[i].form, text, &values[i]);
        if (fault != NULL) {
            problem_answer_parameter(exchange, params[i].name, fault);
            return false;
        }
        values[i].given = true;
    }
    return true;
}

bool query_read(const struct request *request, const struct query_param *params, size_t count,
                struct query_value *values)
{
    const char *query = http_query(request->exchange);
    struct form *form = form_parse(query, strlen(query), QUERY_PAIRS_MAX);
    bool ok;

    if (form == NULL) {
        problem_answer(request->exchange, PROBLEM_MALFORMED, "The query cannot be decoded.", NULL);
        return false;
    }
    ok = read_form(request->exchange, form, params, count, values);
    form_free(form);
    return ok;
}
