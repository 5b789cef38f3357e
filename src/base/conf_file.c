/*
 * conf_file.c - reads the configuration's files into one text, and knows where each of its lines
 * came from. It knows the lexical form of libconfig (strings, comments, numbers), and no option.
 */
#include "base/conf_file.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { FILE_BYTES_MAX = 1024 * 1024, INCLUDE_DEPTH_MAX = 8 };

struct origin {
    const char *name;
    int line;
    bool overflow;
};

struct conf_file {
    char *text;
    size_t len, size;
    struct origin *lines; /* lines[0] is line 1 */
    size_t line_count, line_size;
    char **names;
    size_t name_count;
    size_t faults;
    conf_fault_cb *fault;
    void *arg;
};

/* One file under way. */
struct source {
    struct conf_file *file;
    const char *name; /* owned by file->names */
    const char *text;
    size_t len, at;
    int line;
    int depth;
};

static void read_source(struct conf_file *file, const char *path, int depth,
                        const struct source *from);

static void add_fault(struct conf_file *file, const char *name, int line, const char *words)
{
    char *text =
        line > 0 ? mem_printf("%s:%d: %s", name, line, words) : mem_printf("%s: %s", name, words);

    file->faults++;
    file->fault(file->arg, text);
    free(text);
}

static void add_bytes(struct conf_file *file, const char *bytes, size_t len)
{
    if (file->len + len + 1 > file->size) {
        file->size = (file->len + len + 1) * 2;
        file->text = mem_grow(file->text, file->size, 1);
    }
    memcpy(file->text + file->len, bytes, len);
    file->len += len;
    file->text[file->len] = '\0';
}

/* What follows in the text comes from this line. */
static void begin_line(struct conf_file *file, const char *name, int line)
{
    if (file->line_count == file->line_size) {
        file->line_size = file->line_size * 2 + 64;
        file->lines = mem_grow(file->lines, file->line_size, sizeof(*file->lines));
    }
    file->lines[file->line_count++] = (struct origin){.name = name, .line = line};
}

static const char *source_rest(const struct source *source)
{
    return source->text + source->at;
}

static bool source_ended(const struct source *source)
{
    return source->at >= source->len;
}

/* Copies `count` bytes; a line break among them begins the next line. */
static void source_take(struct source *source, size_t count)
{
    for (; count > 0 && !source_ended(source); count--) {
        char byte = source->text[source->at++];

        add_bytes(source->file, &byte, 1);
        if (byte == '\n')
            begin_line(source->file, source->name, ++source->line);
    }
}

static void source_take_string(struct source *source)
{
    source_take(source, 1);
    while (!source_ended(source) && *source_rest(source) != '\n') {
        char byte = *source_rest(source);

        if (byte == '\\' && strncmp(source_rest(source), "\\x00", 4) == 0)
            add_fault(source->file, source->name, source->line, "a string must hold no NUL");
        source_take(source, byte == '\\' && source_rest(source)[1] != '\n' ? 2 : 1);
        if (byte == '"')
            return;
    }
    add_fault(source->file, source->name, source->line,
              "this string is not closed; its closing quote must stand on the same line");
}

static void source_take_line_comment(struct source *source)
{
    source_take(source, strcspn(source_rest(source), "\n"));
}

static void source_take_block_comment(struct source *source)
{
    const char *end = strstr(source_rest(source) + 2, "*/");

    if (end == NULL)
        add_fault(source->file, source->name, source->line, "this comment is not closed by */");
    source_take(source,
                end == NULL ? source->len - source->at : (size_t)(end + 2 - source_rest(source)));
}

static bool is_whole_number(const char *word, size_t len)
{
    size_t at = *word == '+' || *word == '-' ? 1 : 0;

    if (at < len && word[at] == '0' && at + 1 < len && tolower((unsigned char)word[at + 1]) == 'x')
        return true;
    return at < len && strspn(word + at, "0123456789lL") == len - at;
}

/* A name, a number, true or false. */
static void source_take_word(struct source *source)
{
    const char *word = source_rest(source);
    size_t len = strspn(word, "+-.0123456789_*"
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    if ((isdigit((unsigned char)*word) || *word == '+' || *word == '-') &&
        is_whole_number(word, len)) {
        size_t digits = *word == '+' || *word == '-' ? 1 : 0;
        bool hex = tolower((unsigned char)word[digits + 1]) == 'x';

        errno = 0;
        long long value = strtoll(word, NULL, hex ? 16 : 10);
        if (errno == ERANGE || value < INT_MIN || value > INT_MAX)
            source->file->lines[source->file->line_count - 1].overflow = true;
    }
    source_take(source, len);
}

/* The length of `@include "name"` at the start of a line, 0 where none stands there. */
static size_t include_length(const struct source *source, const char **name, size_t *name_len)
{
    const char *at = source_rest(source);
    static const char keyword[] = "@include";

    if (strncmp(at, keyword, strlen(keyword)) != 0)
        return 0;
    at += strlen(keyword);
    size_t blanks = strspn(at, " \t");
    at += blanks;
    if (blanks == 0 || *at != '"')
        return 0;
    *name = at + 1;
    *name_len = strcspn(*name, "\"\n");
    if ((*name)[*name_len] != '"')
        return 0;
    return (size_t)(*name + *name_len + 1 - source_rest(source));
}

static char *path_beside(const char *file, const char *name, size_t len)
{
    const char *slash = strrchr(file, '/');

    if (*name == '/' || slash == NULL)
        return mem_strndup(name, len);
    return mem_printf("%.*s/%.*s", (int)(slash - file), file, (int)len, name);
}

static bool source_take_include(struct source *source)
{
    const char *name = NULL;
    size_t name_len = 0;
    size_t len = include_length(source, &name, &name_len);

    if (len == 0)
        return false;
    char *path = path_beside(source->name, name, name_len);
    read_source(source->file, path, source->depth + 1, source);
    free(path);
    source->at += len;
    add_bytes(source->file, "\n", 1);
    begin_line(source->file, source->name, source->line);
    return true;
}

static void scan(struct source *source)
{
    bool line_start = true;

    while (!source_ended(source)) {
        const char *rest = source_rest(source);
        char byte = *rest;

        if (byte == '@' && line_start && source_take_include(source))
            continue;
        if (byte == '\n')
            line_start = true;
        else if (byte != ' ' && byte != '\t')
            line_start = false;

        if (byte == '"')
            source_take_string(source);
        else if (byte == '#' || strncmp(rest, "//", 2) == 0)
            source_take_line_comment(source);
        else if (strncmp(rest, "/*", 2) == 0)
            source_take_block_comment(source);
        else if (isalnum((unsigned char)byte) || strchr("+-.*_", byte) != NULL)
            source_take_word(source);
        else
            source_take(source, 1);
    }
}

/* The file's bytes with a NUL behind them; NULL with the reason in `why`. */
static char *slurp(const char *path, size_t *len, const char **why)
{
    FILE *stream = fopen(path, "re");
    char *text = NULL;

    if (stream == NULL) {
        *why = strerror(errno);
        return NULL;
    }
    text = mem_new(FILE_BYTES_MAX + 2, 1);
    errno = 0;
    *len = fread(text, 1, FILE_BYTES_MAX + 1, stream);
    if (ferror(stream)) {
        *why = strerror(errno);
        goto failed;
    }
    if (*len > FILE_BYTES_MAX) {
        *why = "it is longer than 1 MiB";
        goto failed;
    }
    fclose(stream);
    return text;

failed:
    fclose(stream);
    free(text);
    return NULL;
}

/* The line in which the first byte stands that is no UTF-8 or a NUL; 0 where there is none. */
static int first_bad_line(const char *text, size_t len)
{
    int line = 1;

    for (size_t at = 0; at < len; line++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t count = end != NULL ? (size_t)(end + 1 - (text + at)) : len - at;

        if (memchr(text + at, '\0', count) != NULL || !text_is_utf8(text + at, count))
            return line;
        at += count;
    }
    return 0;
}

static const char *keep_name(struct conf_file *file, const char *path)
{
    file->names = mem_grow(file->names, file->name_count + 1, sizeof(*file->names));
    file->names[file->name_count] = mem_strdup(path);
    return file->names[file->name_count++];
}

static void cannot_read(struct conf_file *file, const char *path, const struct source *from,
                        const char *why)
{
    char *words = from != NULL ? mem_printf("cannot read the included file %s: %s", path, why)
                               : mem_printf("cannot be read: %s", why);

    add_fault(file, from != NULL ? from->name : path, from != NULL ? from->line : 0, words);
    free(words);
}

static void read_source(struct conf_file *file, const char *path, int depth,
                        const struct source *from)
{
    const char *why = "includes are nested too deep";
    size_t len = 0;
    char *text = depth > INCLUDE_DEPTH_MAX ? NULL : slurp(path, &len, &why);

    if (text == NULL) {
        cannot_read(file, path, from, why);
        return;
    }
    struct source source = {.file = file, .text = text, .len = len, .line = 1, .depth = depth};
    int bad_line = first_bad_line(text, len);

    source.name = keep_name(file, path);
    if (from != NULL)
        add_bytes(file, "\n", 1);
    begin_line(file, source.name, 1);
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* the mark that some editors put first */
        source.at = 3;
    if (bad_line > 0)
        add_fault(file, source.name, bad_line, "this line is not plain text in UTF-8");
    else
        scan(&source);
    free(text);
}

struct conf_file *conf_file_read(const char *path, conf_fault_cb *fault, void *arg)
{
    struct conf_file *file = mem_new(1, sizeof(*file));

    file->fault = fault;
    file->arg = arg;
    add_bytes(file, "", 0);
    read_source(file, path, 0, NULL);
    if (file->faults == 0)
        return file;
    conf_file_free(file);
    return NULL;
}

void conf_file_free(struct conf_file *file)
{
    if (file == NULL)
        return;
    for (size_t i = 0; i < file->name_count; i++)
        free(file->names[i]);
    free(file->names);
    free(file->lines);
    free(file->text);
    free(file);
}

const char *conf_file_text(const struct conf_file *file)
{
    return file->text;
}

static const struct origin *origin_of(const struct conf_file *file, int line)
{
    size_t index = line < 1 ? 0 : (size_t)line - 1;

    return &file->lines[index < file->line_count ? index : file->line_count - 1];
}

const char *conf_file_name(const struct conf_file *file, int line)
{
    return origin_of(file, line)->name;
}

int conf_file_line(const struct conf_file *file, int line)
{
    return origin_of(file, line)->line;
}

bool conf_file_has_overflow(const struct conf_file *file, int line)
{
    return origin_of(file, line)->overflow;
}
