/* log.c - writes log lines. It knows nothing of what they say; callers keep personal data out. */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOG_LINE_MAX = 2048 };

static const char *const level_words[] = {"error", "warning", "info", "debug"};
/* The journal's own numbers (sd-daemon(3)). */
static const int level_priorities[] = {3, 4, 6, 7};

static const char *log_program = "hersys";
static enum log_level log_least = LOG_LEVEL_INFO;
static bool log_to_journal;

/* The variable is inherited by everything that a service starts, so it has to name our standard
 * error (systemd.exec(5)). */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];

    if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

void log_open(const char *program, enum log_level level)
{
    log_program = program;
    log_least = level;
    log_to_journal = is_journal();
}

void log_set_level(enum log_level level)
{
    log_least = level;
}

bool log_level_parse(const char *word, enum log_level *level)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(word, level_words[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A line under construction; what does not fit is cut and marked, for a log line is no record. */
struct line {
    char text[LOG_LINE_MAX];
    size_t len;
};

static void line_add(struct line *line, const char *text, size_t len)
{
    size_t room = sizeof(line->text) - 2 - line->len;

    if (len > room)
        len = room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void line_add_str(struct line *line, const char *text)
{
    line_add(line, text, strlen(text));
}

static bool needs_quotes(const char *text)
{
    if (*text == '\0')
        return true;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7f)
            return true;
    return false;
}

static void line_add_value(struct line *line, const char *text)
{
    if (!needs_quotes(text)) {
        line_add_str(line, text);
        return;
    }
    line_add(line, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        char escaped[8];

        if (*c == '"' || *c == '\\')
            snprintf(escaped, sizeof(escaped), "\\%c", *c);
        else if (*c < ' ' || *c == 0x7f)
            snprintf(escaped, sizeof(escaped), "\\x%02x", *c);
        else
            snprintf(escaped, sizeof(escaped), "%c", *c);
        line_add_str(line, escaped);
    }
    line_add(line, "\"", 1);
}

static void line_add_time(struct line *line)
{
    char text[CLOCK_TEXT_MAX];

    clock_utc_text(text);
    line_add_str(line, text);
    line_add(line, " ", 1);
}

static void line_add_pair(struct line *line, const struct log_pair *pair)
{
    char number[48];

    line_add(line, " ", 1);
    line_add_str(line, pair->key);
    line_add(line, "=", 1);
    switch (pair->type) {
    case LOG_PAIR_TEXT:
        line_add_value(line, pair->text != NULL ? pair->text : "");
        return;
    case LOG_PAIR_INTEGER:
        snprintf(number, sizeof(number), "%lld", (long long)pair->integer);
        break;
    case LOG_PAIR_SECONDS:
        snprintf(number, sizeof(number), "%.3f", pair->seconds);
        break;
    }
    line_add_str(line, number);
}

static void line_write(const struct line *line)
{
    size_t done = 0;

    while (done < line->len) {
        ssize_t wrote = write(STDERR_FILENO, line->text + done, line->len - done);

        if (wrote <= 0)
            return; /* nowhere left to say that the log cannot be written */
        done += (size_t)wrote;
    }
}

void log_write(enum log_level level, const char *event, const struct log_pair *pairs, int count)
{
    struct line line = {.len = 0};
    char start[64];

    if (level > log_least)
        return;
    if (log_to_journal) {
        snprintf(start, sizeof(start), "<%d>", level_priorities[level]);
        line_add_str(&line, start);
    } else {
        line_add_time(&line);
    }
    snprintf(start, sizeof(start), "%s[%ld] %s ", log_program, (long)getpid(), level_words[level]);
    line_add_str(&line, start);
    line_add_str(&line, event);
    for (int i = 0; i < count; i++)
        line_add_pair(&line, &pairs[i]);
    line.text[line.len++] = '\n';
    line_write(&line);
}

void log_fatal(const char *reason)
{
    log_error("fatal", LOG_STR("reason", reason));
    exit(1);
}
