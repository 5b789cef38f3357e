/*
 * test_template.c - the rules of the Mustache specification 1.4, module by module, and the bounds
 * that are our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/template.h"

/* Partials of one test: name and source, compiled when they are asked for. */
struct partials {
    const char *name[4], *source[4];
    struct template *compiled[4];
};

static const struct template *find_partial(void *arg, const char *name)
{
    struct partials *p = arg;
    char error[256] = "";

    for (size_t i = 0; i < MEM_COUNT(p->name); i++) {
        if (p->name[i] == NULL || strcmp(p->name[i], name) != 0)
            continue;
        if (p->compiled[i] == NULL)
            p->compiled[i] =
                template_compile(p->source[i], strlen(p->source[i]), error, sizeof(error));
        assert_string_equal(error, "");
        return p->compiled[i];
    }
    return NULL;
}

static void check(const char *source, const char *json, enum template_escape escape,
                  struct partials *partials, const char *expected)
{
    char error[256] = "", out[4096];
    struct template *t = template_compile(source, strlen(source), error, sizeof(error));
    json_t *params = json_loads(json, JSON_DECODE_ANY, NULL);

    assert_string_equal(error, "");
    assert_non_null(t);
    assert_non_null(params);
    assert_true(template_render(t, params, escape, partials != NULL ? find_partial : NULL, partials,
                                out, sizeof(out)));
    assert_string_equal(out, expected);
    template_free(t);
    json_decref(params);
    for (size_t i = 0; partials != NULL && i < MEM_COUNT(partials->name); i++)
        template_free(partials->compiled[i]);
}

static void plain(const char *source, const char *json, const char *expected)
{
    check(source, json, TEMPLATE_PLAIN, NULL, expected);
}

static void html(const char *source, const char *json, const char *expected)
{
    check(source, json, TEMPLATE_HTML, NULL, expected);
}

#define with_partials(source, json, expected, ...)                                                 \
    check((source), (json), TEMPLATE_PLAIN, &(struct partials){__VA_ARGS__}, (expected))

static void refuses(const char *source, size_t len, const char *expected)
{
    char error[256] = "";

    assert_null(template_compile(source, len, error, sizeof(error)));
    assert_string_equal(error, expected);
}

#define refused(source, expected) refuses((source), sizeof(source) - 1, (expected))

/* ------------------------------------------------------------------ interpolation */

static void test_text_without_a_tag_stays_as_it_is(void **state)
{
    (void)state;
    plain("", "{}", "");
    plain("体温\n{ one brace } \r\n\n  end ", "{}", "体温\n{ one brace } \r\n\n  end ");
    plain("a }} b", "{}", "a }} b");
}

static void test_a_name_is_replaced_by_its_value(void **state)
{
    (void)state;
    plain("Hello, {{who}}.", "{\"who\":\"花子\"}", "Hello, 花子.");
    plain("{{a}}{{b}}{{a}}", "{\"a\":\"1\",\"b\":\"2\"}", "121");
    plain("{{a}}", "{\"a\":\"{{b}} {{{b}}}\",\"b\":\"x\"}", "{{b}} {{{b}}}");
}

static void test_a_missing_or_null_name_is_nothing(void **state)
{
    (void)state;
    plain("[{{gone}}][{{{gone}}}][{{&gone}}]", "{}", "[][][]");
    plain("[{{a}}][{{a.b}}]", "{\"a\":null}", "[][]");
}

static void test_html_escapes_five_characters_unless_asked_not_to(void **state)
{
    (void)state;
    html("{{x}}", "{\"x\":\"& \\\" < > ' /\"}", "&amp; &quot; &lt; &gt; &#39; /");
    html("{{{x}}} {{&x}} {{& x }}", "{\"x\":\"<&>\"}", "<&> <&> <&>");
    html("<b>{{x}}</b>", "{\"x\":\"症状\"}", "<b>症状</b>");
    plain("{{x}} {{{x}}} {{&x}}", "{\"x\":\"<&>'\"}", "<&>' <&>' <&>'");
}

static void test_numbers_print_in_their_shortest_form(void **state)
{
    (void)state;
    plain("{{i}} {{{i}}} {{&i}}", "{\"i\":85}", "85 85 85");
    plain("{{r}} {{{r}}}", "{\"r\":1.210}", "1.21 1.21");
    plain("{{a}} {{b}} {{c}} {{d}}", "{\"a\":36.9,\"b\":-0.5,\"c\":3.0,\"d\":0}", "36.9 -0.5 3 0");
    plain("{{a}} {{b}}", "{\"a\":9223372036854775807,\"b\":0.1}", "9223372036854775807 0.1");
    plain("{{a}}", "{\"a\":0.30000000000000004}", "0.30000000000000004");
    plain("{{a}}", "{\"a\":1e300}", "1e+300");
}

static void test_booleans_print_and_containers_do_not(void **state)
{
    (void)state;
    plain("{{t}} {{f}} [{{o}}{{l}}]", "{\"t\":true,\"f\":false,\"o\":{\"a\":1},\"l\":[1]}",
          "true false []");
}

static void test_a_dotted_name_goes_into_objects(void **state)
{
    (void)state;
    plain("{{a.b}} {{{a.b}}} {{&a.b}}", "{\"a\":{\"b\":\"x\"}}", "x x x");
    plain("{{a.b.c.d.e}}", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":\"deep\"}}}}}", "deep");
    plain("[{{a.b.c}}]", "{\"a\":{}}", "[]");
    plain("[{{a.b.c}}]", "{\"a\":{\"b\":\"no object\"}}", "[]");
}

static void test_a_broken_dotted_name_does_not_go_back_to_an_outer_context(void **state)
{
    (void)state;
    plain("[{{a.b.c}}]", "{\"a\":{\"b\":{}},\"c\":\"wrong\",\"b\":{\"c\":\"wrong\"}}", "[]");
    plain("{{#a}}[{{b.c}}]{{/a}}", "{\"a\":{\"b\":{}},\"b\":{\"c\":\"wrong\"}}", "[]");
}

static void test_the_first_part_of_a_dotted_name_is_looked_up_along_the_stack(void **state)
{
    (void)state;
    plain("{{#a}}{{b.c}}{{/a}}", "{\"a\":{\"x\":1},\"b\":{\"c\":\"outer\"}}", "outer");
    plain("{{#a}}{{b.c}}{{/a}}", "{\"a\":{\"b\":{\"c\":\"inner\"}},\"b\":{\"c\":\"outer\"}}",
          "inner");
}

static void test_a_dot_in_a_key_is_not_reached(void **state)
{
    (void)state;
    plain("[{{a.b}}]", "{\"a.b\":\"x\"}", "[]");
    plain("{{a.b}}", "{\"a.b\":\"x\",\"a\":{\"b\":\"y\"}}", "y");
}

static void test_a_single_dot_is_the_context_itself(void **state)
{
    (void)state;
    plain("{{.}}", "\"x\"", "x");
    plain("{{.}} {{{.}}} {{&.}}", "85", "85 85 85");
    html("{{.}} {{{.}}} {{&.}}", "\"<\"", "&lt; < <");
}

static void test_white_space_around_a_value_stays_and_within_its_tag_goes(void **state)
{
    (void)state;
    plain("| {{a}} | {{{a}}} | {{&a}} |", "{\"a\":\"x\"}", "| x | x | x |");
    plain("  {{a}}\n", "{\"a\":\"x\"}", "  x\n");
    plain("  {{{a}}}\n  {{&a}}\n", "{\"a\":\"\"}", "  \n  \n");
    plain("|{{ a }}|{{{ a }}}|{{& a }}|{{\n\ta\r\n}}|", "{\"a\":\"x\"}", "|x|x|x|x|");
}

/* ------------------------------------------------------------------ sections */

static void test_a_section_shows_for_truthy_values_only(void **state)
{
    static const char *const truthy[] = {"true", "1",         "-0.5", "\"x\"",
                                         "{}",   "{\"a\":1}", "[1]",  "[null]"};
    static const char *const falsy[] = {"false", "null", "[]", "\"\"", "0", "0.0"};
    char json[64];

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(truthy); i++) {
        snprintf(json, sizeof(json), "{\"v\":%s}", truthy[i]);
        plain("<{{#v}}yes{{/v}}{{^v}}no{{/v}}>", json, "<yes>");
    }
    for (size_t i = 0; i < MEM_COUNT(falsy); i++) {
        snprintf(json, sizeof(json), "{\"v\":%s}", falsy[i]);
        plain("<{{#v}}yes{{/v}}{{^v}}no{{/v}}>", json, "<no>");
    }
    plain("<{{#v}}yes{{/v}}{{^v}}no{{/v}}>", "{}", "<no>");
}

static void test_a_section_pushes_its_value_on_the_context(void **state)
{
    (void)state;
    plain("{{#o}}{{name}}{{/o}}", "{\"o\":{\"name\":\"in\"},\"name\":\"out\"}", "in");
    plain("{{#o}}{{name}}{{/o}}", "{\"o\":{},\"name\":\"out\"}", "out");
    plain("{{#o}}[{{name}}]{{/o}}", "{\"o\":{\"name\":null},\"name\":\"out\"}", "[]");
    plain("{{#spo2}}{{spo2}}%{{.}}{{/spo2}}", "{\"spo2\":97}", "97%97");
    plain("{{#t}}{{name}}{{/t}}", "{\"t\":true,\"name\":\"out\"}", "out");
}

static void test_a_list_repeats_its_section(void **state)
{
    (void)state;
    plain("{{#l}}{{n}},{{/l}}", "{\"l\":[{\"n\":1},{\"n\":2},{\"n\":3}]}", "1,2,3,");
    plain("{{#l}}({{.}}){{/l}}", "{\"l\":[\"a\",2,3.5,true]}", "(a)(2)(3.5)(true)");
    plain("{{#l}}<{{#.}}{{.}}{{/.}}>{{/l}}", "{\"l\":[[1,2],[],[3]]}", "<12><><3>");
    html("{{#l}}{{.}}{{{.}}}{{/l}}", "{\"l\":[\"<\",\"&\"]}", "&lt;<&amp;&");
    plain("{{#.}}{{n}}{{/.}}", "[{\"n\":1},{\"n\":2}]", "12");
}

static void test_sections_nest_and_see_all_outer_contexts(void **state)
{
    (void)state;
    plain("{{#a}}{{#b}}{{#c}}{{x}}{{y}}{{z}}{{/c}}{{/b}}{{/a}}",
          "{\"a\":{\"x\":1},\"b\":{\"y\":2},\"c\":{\"z\":3}}", "123");
    plain("{{#a}}{{#b}}{{n}}{{m}} {{/b}}{{/a}}",
          "{\"a\":[{\"m\":\"x\",\"b\":[{\"n\":1},{\"n\":2}]},{\"m\":\"y\",\"b\":[{\"n\":3}]}]}",
          "1x 2x 3y ");
    plain("|{{#a}} A {{#b}} B {{/b}} C {{/a}}|", "{\"a\":false,\"b\":true}", "||");
    plain("{{#a}}1{{/a}}{{#a}}2{{/a}}", "{\"a\":true}", "12");
    plain("{{#a.b.c}}x{{/a.b.c}}{{#a.z}}y{{/a.z}}{{#q.b}}z{{/q.b}}",
          "{\"a\":{\"b\":{\"c\":1}},\"b\":1}", "x");
}

static void test_an_inverted_section_shows_where_there_is_nothing(void **state)
{
    (void)state;
    plain("{{^l}}none{{/l}}{{#l}}{{.}}{{/l}}", "{\"l\":[]}", "none");
    plain("{{^a.b.c}}none{{/a.b.c}}", "{\"a\":{}}", "none");
    plain("{{^a}}A{{^b}}B{{/b}}C{{/a}}", "{\"b\":true}", "AC");
    plain("{{^a}}{{b}}{{/a}}", "{\"b\":\"outer\"}", "outer");
    plain("{{^o}}x{{/o}}", "{\"o\":{\"o\":false}}", "");
}

/* ------------------------------------------------------------------ lines of their own */

static void test_a_tag_alone_on_its_line_leaves_no_line(void **state)
{
    (void)state;
    plain("a\n{{#t}}\nb\n{{/t}}\nc\n", "{\"t\":true}", "a\nb\nc\n");
    plain("a\n  {{#t}}  \n b\n\t{{/t}}\t\nc\n", "{\"t\":true}", "a\n b\nc\n");
    plain("a\n{{^t}}\nb\n{{/t}}\nc\n", "{}", "a\nb\nc\n");
    plain("a\n  {{! note }}\nb\n", "{}", "a\nb\n");
    plain("a\n  {{!\n  two\n  lines\n  }}\nb\n", "{}", "a\nb\n");
    plain("a\n {{=<% %>=}} \nb<%x%>\n", "{\"x\":1}", "a\nb1\n");
    plain("{{#t}}\n{{#t}}\nx\n{{/t}}\n{{/t}}\n", "{\"t\":true}", "x\n");
}

static void test_a_line_of_its_own_may_end_in_crlf_or_in_nothing(void **state)
{
    (void)state;
    plain("|\r\n{{#t}}\r\n{{/t}}\r\n|", "{\"t\":true}", "|\r\n|");
    plain("|\r\n{{! x }}\r\n|", "{}", "|\r\n|");
    plain("|\r\n{{=@ @=}}\r\n|", "{}", "|\r\n|");
    plain("  {{#t}}\n#{{/t}}\n/", "{\"t\":true}", "#\n/");
    plain("#{{#t}}\n/\n  {{/t}}", "{\"t\":true}", "#\n/\n");
    plain("  {{! x }}\n!", "{}", "!");
    plain("!\n  {{! x }}", "{}", "!\n");
    plain("=\n  {{=@ @=}}", "{}", "=\n");
    plain("a\r{{! x }}\rb", "{}", "a\r\rb"); /* a lone CR ends no line */
}

static void test_a_tag_that_shares_its_line_leaves_the_white_space(void **state)
{
    (void)state;
    plain(" | {{#t}}\t|\t{{/t}} | \n", "{\"t\":true}", " | \t|\t | \n");
    plain(" {{#t}}YES{{/t}}\n {{#t}}GOOD{{/t}}\n", "{\"t\":true}", " YES\n GOOD\n");
    plain(" {{#t}} {{! x }}\n {{/t}} {{#t}}\n{{/t}}", "{\"t\":true}", "  \n  \n");
    plain("  1 {{! x }}\n", "{}", "  1 \n");
    plain("{{! x }} 1\n", "{}", " 1\n");
    plain(" {{#t}}{{/t}}\n", "{\"t\":true}", " \n");
    plain("| {{=@ @=}} |\n", "{}", "|  |\n");
}

static void test_a_section_tag_may_have_padding(void **state)
{
    (void)state;
    plain("|{{# t }}={{/ t }}|{{^\tf\n}}={{/ f }}|", "{\"t\":true}", "|=|=|");
}

/* ------------------------------------------------------------------ comments */

static void test_a_comment_is_nothing(void **state)
{
    (void)state;
    plain("1{{! any text: {{# } }}2", "{}", "12");
    plain("1{{!\n lines\n}}2", "{}", "12");
    plain("{{!}}{{! a }}[{{!a}}]", "{\"!a\":1,\"! a\":2,\"a\":3}", "[]");
    plain("a {{! x }} b", "{}", "a  b");
}

/* ------------------------------------------------------------------ delimiters */

static void test_delimiters_can_be_changed_and_changed_back(void **state)
{
    (void)state;
    plain("{{=<% %>=}}(<%x%>){{x}}", "{\"x\":1}", "(1){{x}}");
    plain("{{=| |=}}(|x|)|={{ }}=|({{x}})", "{\"x\":1}", "(1)(1)");
    plain("{{=[ ]=}}([x])([#x]a[/x])([^x]b[/x])([!c])", "{\"x\":1}", "(1)(a)()()");
    plain("{{=   <<<\n  >>>\t=}}<<<x>>>", "{\"x\":1}", "1");
    html("{{=<% %>=}}<%x%><%&x%><%{x}%>", "{\"x\":\"<\"}", "&lt;<<");
}

static void test_delimiters_reach_across_sections_but_not_into_partials(void **state)
{
    (void)state;
    plain("{{#t}}{{=| |=}}|x||/t||x|", "{\"t\":true,\"x\":1}", "11");
    with_partials("{{=| |=}}|>p||x|", "{\"x\":1}", "1 |x|1", .name = {"p"},
                  .source = {"{{x}} |x|"});
    with_partials("{{>p}}{{x}}|x|", "{\"x\":1}", "11|x|", .name = {"p"},
                  .source = {"{{=| |=}}|x|"});
}

/* ------------------------------------------------------------------ partials */

static void test_a_partial_is_rendered_in_the_context_of_its_tag(void **state)
{
    (void)state;
    with_partials("[{{>p}}][{{> p }}]", "{\"x\":1}", "[<1>][<1>]", .name = {"p"},
                  .source = {"<{{x}}>"});
    with_partials("{{#l}}{{>p}}{{/l}}", "{\"l\":[{\"x\":1},{\"x\":2}]}", "12", .name = {"p"},
                  .source = {"{{x}}"});
    with_partials("{{>a}}", "{\"x\":1}", "(1)", .name = {"a", "b"},
                  .source = {"({{>b}})", "{{x}}"});
}

static void test_a_partial_that_is_not_there_is_nothing(void **state)
{
    (void)state;
    plain("[{{>p}}]", "{}", "[]");
    with_partials("[{{>p}}]", "{}", "[]", .name = {"q"}, .source = {"x"});
}

static void test_a_partial_may_include_itself_while_there_is_data(void **state)
{
    (void)state;
    with_partials("{{>n}}", "{\"c\":\"X\",\"l\":[{\"c\":\"Y\",\"l\":[]},{\"c\":\"Z\",\"l\":[]}]}",
                  "X<Y<>Z<>>", .name = {"n"}, .source = {"{{c}}<{{#l}}{{>n}}{{/l}}>"});
}

static void test_a_partial_in_a_line_is_not_indented(void **state)
{
    (void)state;
    with_partials("| {{>p}} |", "{}", "| \t|\t |", .name = {"p"}, .source = {"\t|\t"});
    with_partials("  {{x}}  {{> p}}\n", "{\"x\":\"|\"}", "  |  >\n>\n", .name = {"p"},
                  .source = {">\n>"});
}

static void test_a_partial_alone_on_its_line_has_every_line_indented(void **state)
{
    (void)state;
    with_partials("a\n  {{>p}}\nb\n", "{}", "a\n  1\n  2\nb\n", .name = {"p"},
                  .source = {"1\n2\n"});
    with_partials("  {{>p}}\n>", "{}", "  >\n  >>", .name = {"p"}, .source = {">\n>"});
    with_partials(">\n  {{>p}}", "{}", ">\n  >\n  >", .name = {"p"}, .source = {">\n>"});
    with_partials("|\r\n{{>p}}\r\n|", "{}", "|\r\n>|", .name = {"p"}, .source = {">"});
    with_partials(" {{>p}}\n", "{}", " 1\n \n 2\n", .name = {"p"}, .source = {"1\n\n2\n"});
}

static void test_the_indentation_goes_before_lines_of_the_partial_not_of_a_value(void **state)
{
    (void)state;
    with_partials("\\\n {{>p}}\n/\n", "{\"c\":\"<\\n->\"}", "\\\n |\n <\n->\n |\n/\n",
                  .name = {"p"}, .source = {"|\n{{{c}}}\n|\n"});
    with_partials(" {{>p}}\n", "{\"l\":[1,2]}", " 1,2,\n", .name = {"p"},
                  .source = {"{{#l}}{{.}},{{/l}}\n"});
    with_partials("  {{>p}}\n", "{\"l\":[1,2]}", "  1\n  2\n", .name = {"p"},
                  .source = {"{{#l}}\n{{.}}\n{{/l}}\n"});
}

static void test_indentations_of_nested_partials_add_up(void **state)
{
    (void)state;
    with_partials(" {{>a}}\n", "{}", " 1\n \t2\n 3\n", .name = {"a", "b"},
                  .source = {"1\n\t{{>b}}\n3\n", "2\n"});
    with_partials(" {{>a}}\n", "{}", " (1\n2\n)\n", .name = {"a", "b"},
                  .source = {"({{>b}})\n", "1\n2\n"});
}

/* ------------------------------------------------------------------ what is refused */

static void test_a_fault_is_named_with_its_line(void **state)
{
    (void)state;
    refused("a\n\n{{#members}}\nb\n", "line 3: section 'members' is not closed");
    refused("a\n{{/b}}", "line 2: section 'b' is closed, but not open");
    refused("{{#a}}\n{{#b}}\n{{/a}}", "line 3: section 'a' is closed where 'b' is open");
    refused("{{^a}}{{/b}}", "line 1: section 'b' is closed where 'a' is open");
    refused("x\ny {{name", "line 2: a tag is not closed");
    refused("{{{name}}", "line 1: a tag is not closed");
    refused("{{", "line 1: a tag is not closed");
    refused("{{=<% %>}}", "line 1: a tag is not closed");
    refused("{{}}", "line 1: a tag without a name");
    refused("{{#  }}{{/ }}", "line 1: a tag without a name");
    refused("{{two words}}", "line 1: the name 'two words' has a space in it");
    refused("a\0b", "line 1: a NUL byte");
}

static void test_a_name_with_an_empty_part_is_refused(void **state)
{
    (void)state;
    refused("{{a..b}}", "line 1: the name 'a..b' has a part that is empty");
    refused("{{.a}}", "line 1: the name '.a' has a part that is empty");
    refused("{{#a.}}{{/a.}}", "line 1: the name 'a.' has a part that is empty");
    refused("{{..}}", "line 1: the name '..' has a part that is empty");
}

static void test_delimiters_that_are_not_two_are_refused(void **state)
{
    static const char error[] = "line 1: two delimiters are needed, as in {{=<% %>=}}";

    (void)state;
    refused("{{==}}", error);
    refused("{{=|=}}", error);
    refused("{{=a= b=}}", error);
    refused("{{=12345678901234567 |=}}", error);
    refused("{{=a b c=}}", "line 1: more than two delimiters");
}

static void test_optional_modules_are_refused_and_not_left_out(void **state)
{
    (void)state;
    refused("{{$block}}", "line 1: '$block' is no name, and no tag that is known here");
    refused("{{<parent}}", "line 1: '<parent' is no name, and no tag that is known here");
    refused("{{>*name}}", "line 1: '*name' is no name, and no tag that is known here");
    refused("{{ #a}}", "line 1: '#a' is no name, and no tag that is known here");
}

/* ------------------------------------------------------------------ bounds */

static bool renders(const char *source, const char *json, struct partials *partials, size_t size)
{
    char error[256], *out = mem_new(size, 1);
    struct template *t = template_compile(source, strlen(source), error, sizeof(error));
    json_t *params = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool ok;

    assert_non_null(t);
    assert_non_null(params);
    memset(out, 'x', size);
    ok = template_render(t, params, TEMPLATE_PLAIN, find_partial, partials, out, size);
    if (!ok && size > 0)
        assert_string_equal(out, "");
    template_free(t);
    json_decref(params);
    for (size_t i = 0; i < MEM_COUNT(partials->name); i++)
        template_free(partials->compiled[i]);
    free(out);
    return ok;
}

static void test_a_text_that_does_not_fit_is_an_error_and_never_cut(void **state)
{
    (void)state;
    assert_true(renders("{{a}}45", "{\"a\":\"123\"}", &(struct partials){0}, 6));
    assert_false(renders("{{a}}45", "{\"a\":\"123\"}", &(struct partials){0}, 5));
    assert_false(renders("{{a}}", "{\"a\":\"123\"}", &(struct partials){0}, 3));
    assert_false(renders("1", "{}", &(struct partials){0}, 1));
    assert_false(renders("", "{}", &(struct partials){0}, 0));
    assert_true(renders("", "{}", &(struct partials){0}, 1));
}

static void test_a_value_with_a_nul_is_an_error(void **state)
{
    (void)state;
    assert_false(renders("{{a}}", "{\"a\":\"1\\u00002\"}", &(struct partials){0}, 100));
    assert_true(renders("{{b}}", "{\"a\":\"1\\u00002\"}", &(struct partials){0}, 100));
}

static void test_a_partial_without_an_end_is_an_error(void **state)
{
    (void)state;
    assert_false(
        renders("{{>p}}", "{}", &(struct partials){.name = {"p"}, .source = {"{{>p}}"}}, 4096));
    assert_false(renders(
        "{{>p}}", "{}",
        &(struct partials){.name = {"p", "q"}, .source = {" {{>q}}\n", " {{>p}}\n"}}, 4096));
}

static void test_32_partials_deep_is_allowed(void **state)
{
    char json[1024] = "{\"l\":[]}", outer[1024];

    (void)state;
    /* `l` is an empty list in the innermost object, so that the lookup does not find an outer one.
     */
    for (int depth = 1; depth < 33; depth++) {
        struct partials partials = {.name = {"p"}, .source = {"{{#l}}{{>p}}{{/l}}"}};

        if (depth >= 31)
            assert_true(renders("{{>p}}", json, &partials, 4096));
        snprintf(outer, sizeof(outer), "{\"l\":%s}", json);
        memcpy(json, outer, sizeof(json));
    }
    assert_false(renders(
        "{{>p}}", json, &(struct partials){.name = {"p"}, .source = {"{{#l}}{{>p}}{{/l}}"}}, 4096));
}

static void test_work_that_multiplies_ends_with_an_error(void **state)
{
    char deep[512] = "";

    (void)state;
    /* 2 to the 24th, and 9 to the 9th, without a byte of output. */
    for (int i = 0; i < 24; i++)
        strcat(deep, "{\"l\":");
    strcat(deep, "[]");
    for (int i = 0; i < 24; i++)
        strcat(deep, "}");
    assert_false(renders("{{>p}}", deep,
                         &(struct partials){.name = {"p"}, .source = {"{{#l}}{{>p}}{{>p}}{{/l}}"}},
                         4096));
    assert_false(renders("{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}"
                         "{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}",
                         "{\"l\":[1,2,3,4,5,6,7,8,9]}", &(struct partials){0}, 4096));
}

static void test_sections_nest_32_deep_and_no_deeper(void **state)
{
    char source[1024] = "", error[256] = "";
    struct template *t;

    (void)state;
    for (int i = 0; i < 32; i++)
        strcat(source, "{{#a}}");
    for (int i = 0; i < 32; i++)
        strcat(source, "{{/a}}");
    t = template_compile(source, strlen(source), error, sizeof(error));
    assert_non_null(t);
    template_free(t);
    memmove(source + 6, source, strlen(source) + 1);
    assert_null(template_compile(source, strlen(source), error, sizeof(error)));
    assert_string_equal(error, "line 1: sections nest deeper than 32");
}

/* ------------------------------------------------------------------ what a template uses */

static void note_tag(void *arg, enum template_use use, const char *name)
{
    static const char *const words[] = {
        [TEMPLATE_NAME] = "", [TEMPLATE_SECTION] = "#", [TEMPLATE_INVERTED] = "^",
        [TEMPLATE_END] = "/", [TEMPLATE_PARTIAL] = ">",
    };
    char *list = arg;

    strcat(strcat(strcat(list, words[use]), name), " ");
}

static void test_the_tags_of_a_template_are_told_in_order(void **state)
{
    static const char source[] = "{{a.b}} {{!c}}{{#l}}\n{{^n}}{{.}}{{/n}}{{{d}}}{{/l}}{{>p}}{{&e}}";
    char error[256], list[256] = "";
    struct template *t = template_compile(source, strlen(source), error, sizeof(error));

    (void)state;
    assert_non_null(t);
    template_each_tag(t, note_tag, list);
    assert_string_equal(list, "a.b #l ^n . /n d /l >p e ");
    template_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_without_a_tag_stays_as_it_is),
        cmocka_unit_test(test_a_name_is_replaced_by_its_value),
        cmocka_unit_test(test_a_missing_or_null_name_is_nothing),
        cmocka_unit_test(test_html_escapes_five_characters_unless_asked_not_to),
        cmocka_unit_test(test_numbers_print_in_their_shortest_form),
        cmocka_unit_test(test_booleans_print_and_containers_do_not),
        cmocka_unit_test(test_a_dotted_name_goes_into_objects),
        cmocka_unit_test(test_a_broken_dotted_name_does_not_go_back_to_an_outer_context),
        cmocka_unit_test(test_the_first_part_of_a_dotted_name_is_looked_up_along_the_stack),
        cmocka_unit_test(test_a_dot_in_a_key_is_not_reached),
        cmocka_unit_test(test_a_single_dot_is_the_context_itself),
        cmocka_unit_test(test_white_space_around_a_value_stays_and_within_its_tag_goes),
        cmocka_unit_test(test_a_section_shows_for_truthy_values_only),
        cmocka_unit_test(test_a_section_pushes_its_value_on_the_context),
        cmocka_unit_test(test_a_list_repeats_its_section),
        cmocka_unit_test(test_sections_nest_and_see_all_outer_contexts),
        cmocka_unit_test(test_an_inverted_section_shows_where_there_is_nothing),
        cmocka_unit_test(test_a_tag_alone_on_its_line_leaves_no_line),
        cmocka_unit_test(test_a_line_of_its_own_may_end_in_crlf_or_in_nothing),
        cmocka_unit_test(test_a_tag_that_shares_its_line_leaves_the_white_space),
        cmocka_unit_test(test_a_section_tag_may_have_padding),
        cmocka_unit_test(test_a_comment_is_nothing),
        cmocka_unit_test(test_delimiters_can_be_changed_and_changed_back),
        cmocka_unit_test(test_delimiters_reach_across_sections_but_not_into_partials),
        cmocka_unit_test(test_a_partial_is_rendered_in_the_context_of_its_tag),
        cmocka_unit_test(test_a_partial_that_is_not_there_is_nothing),
        cmocka_unit_test(test_a_partial_may_include_itself_while_there_is_data),
        cmocka_unit_test(test_a_partial_in_a_line_is_not_indented),
        cmocka_unit_test(test_a_partial_alone_on_its_line_has_every_line_indented),
        cmocka_unit_test(test_the_indentation_goes_before_lines_of_the_partial_not_of_a_value),
        cmocka_unit_test(test_indentations_of_nested_partials_add_up),
        cmocka_unit_test(test_a_fault_is_named_with_its_line),
        cmocka_unit_test(test_a_name_with_an_empty_part_is_refused),
        cmocka_unit_test(test_delimiters_that_are_not_two_are_refused),
        cmocka_unit_test(test_optional_modules_are_refused_and_not_left_out),
        cmocka_unit_test(test_a_text_that_does_not_fit_is_an_error_and_never_cut),
        cmocka_unit_test(test_a_value_with_a_nul_is_an_error),
        cmocka_unit_test(test_a_partial_without_an_end_is_an_error),
        cmocka_unit_test(test_32_partials_deep_is_allowed),
        cmocka_unit_test(test_work_that_multiplies_ends_with_an_error),
        cmocka_unit_test(test_sections_nest_32_deep_and_no_deeper),
        cmocka_unit_test(test_the_tags_of_a_template_are_told_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
