/*
 * reply_lines.c - reads messages a line and prints what was made of them.
 *
 * For people and tests at a terminal; the daemon does not use it. Only here does src/reply read and
 * write streams, and only those that it is given.
 */
#include "reply/reply_lines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { PIECES_MAX = 2560 };

struct workspace {
    struct reply reply;
    struct reply_piece pieces[PIECES_MAX];
    char json[REPLY_JSON_MAX];
};

size_t reply_unescape(char *line, size_t len)
{
    size_t kept = 0;

    for (size_t at = 0; at < len; at++) {
        if (line[at] == '\\' && at + 1 < len && (line[at + 1] == 'n' || line[at + 1] == '\\')) {
            at++;
            line[kept++] = line[at] == 'n' ? '\n' : '\\';
        } else {
            line[kept++] = line[at];
        }
    }
    return kept;
}

/* `  0-4  temperature  36.9`: bytes of the message, how it was read, the piece; newlines escaped
 * again. */
static void print_piece(FILE *out, const char *message, const struct reply_piece *piece)
{
    fprintf(out, "  %zu-%zu\t%s\t", piece->begin, piece->end, reply_reading_word(piece->reading));
    for (size_t at = piece->begin; at < piece->end; at++) {
        if (message[at] == '\n')
            fputs("\\n", out);
        else if (message[at] == '\\')
            fputs("\\\\", out);
        else if ((unsigned char)message[at] >= 0x20 && message[at] != 0x7F)
            fputc(message[at], out);
    }
    fputc('\n', out);
}

static void print_message(struct workspace *work, FILE *out, const char *message, size_t len,
                          const struct reply_rules *rules, bool explain)
{
    size_t count =
        reply_explain(message, len, rules, &work->reply, work->pieces, explain ? PIECES_MAX : 0);

    fwrite(work->json, 1, reply_format_json(&work->reply, work->json, sizeof(work->json)), out);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++)
        print_piece(out, message, &work->pieces[i]);
}

bool reply_lines(FILE *in, FILE *out, const struct reply_rules *rules, bool explain)
{
    struct workspace *work = malloc(sizeof(*work));
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool ok;

    if (work == NULL)
        return false;
    while ((len = getline(&line, &size, in)) >= 0) {
        size_t message_len = (size_t)len;

        if (message_len > 0 && line[message_len - 1] == '\n')
            message_len--;
        message_len = reply_unescape(line, message_len);
        print_message(work, out, line, message_len, rules, explain);
    }
    ok = !ferror(in) && fflush(out) == 0 && !ferror(out);
    free(line);
    free(work);
    return ok;
}
