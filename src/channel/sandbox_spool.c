/* sandbox_spool.c - the sandbox carrier's memory and its file. It knows nothing of the gateway. */
#include "channel/sandbox_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"

struct sandbox_spool {
    int fd;
    json_t *messages; /* array, oldest first */
    json_t *receipts; /* object: ids whose receipt was taken */
};

/* One write a line: a line is there whole or, after a crash of the machine, cut and skipped. */
static bool append(struct sandbox_spool *spool, const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    char *whole;
    size_t len;
    bool ok;

    if (text == NULL)
        log_fatal("out of memory");
    whole = mem_printf("%s\n", text);
    len = strlen(whole);
    ok = write(spool->fd, whole, len) == (ssize_t)len;
    if (!ok)
        log_error("sandbox_spool_write_failed", LOG_STR("error", strerror(errno)));
    free(text);
    free(whole);
    return ok;
}

static void take_line(struct sandbox_spool *spool, const char *text)
{
    json_t *line = json_loads(text, 0, NULL);
    const char *receipt = json_string_value(json_object_get(line, "receipt"));

    if (receipt != NULL)
        json_object_set_new(spool->receipts, receipt, json_true());
    else if (json_object_get(line, "direction") != NULL)
        json_array_append(spool->messages, line);
    else
        log_warning("sandbox_spool_line_skipped", LOG_INT("bytes", (int64_t)strlen(text)));
    json_decref(line);
}

/* After a line that was cut off, the next one has to begin anew. */
static void mend_end(struct sandbox_spool *spool, bool ends_in_newline)
{
    if (!ends_in_newline && write(spool->fd, "\n", 1) != 1)
        log_error("sandbox_spool_write_failed", LOG_STR("error", strerror(errno)));
}

static bool load(struct sandbox_spool *spool, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool newline = true;

    if (file == NULL)
        return errno == ENOENT;
    while ((len = getline(&line, &size, file)) > 0) {
        newline = line[len - 1] == '\n';
        if (len > 1)
            take_line(spool, line);
    }
    free(line);
    fclose(file);
    mend_end(spool, newline);
    return true;
}

struct sandbox_spool *sandbox_spool_open(const char *path, char *error, size_t size)
{
    struct sandbox_spool *spool = mem_new(1, sizeof(*spool));

    spool->messages = json_array();
    spool->receipts = json_object();
    spool->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (spool->fd < 0 || !load(spool, path)) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        sandbox_spool_close(spool);
        return NULL;
    }
    return spool;
}

void sandbox_spool_close(struct sandbox_spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    json_decref(spool->messages);
    json_decref(spool->receipts);
    free(spool);
}

void sandbox_spool_new_id(char id[SANDBOX_ID_MAX])
{
    unsigned char bytes[16];

    secret_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static json_t *now_string(void)
{
    char text[CLOCK_TEXT_MAX];

    clock_utc_text(text);
    return json_string(text);
}

/* A text that is no UTF-8, or holds a NUL, which readers of JSON refuse, is kept as "hex:…". */
static json_t *text_value(const char *text, size_t len)
{
    json_t *value = memchr(text, '\0', len) == NULL ? json_stringn(text, len) : NULL;

    if (value != NULL)
        return value;
    char *hex = mem_new(len * 2 + 5, 1);
    memcpy(hex, "hex:", 4);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 4 + 2 * i, 3, "%02x", (unsigned char)text[i]);
    value = json_string(hex);
    free(hex);
    return value;
}

static bool add(struct sandbox_spool *spool, json_t *line)
{
    bool ok = append(spool, line);

    if (ok)
        json_array_append(spool->messages, line);
    json_decref(line);
    return ok;
}

bool sandbox_spool_add_out(struct sandbox_spool *spool, const char *id,
                           const struct channel_message *message)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:o, s:I, s:o}", "id", id, "direction", "out",
                             message->subject != NULL ? "mailbox" : "phone", message->recipient,
                             "text", text_value(message->text, strlen(message->text)), "message",
                             (json_int_t)message->id, "at", now_string());

    if (message->subject != NULL) {
        json_object_set_new(line, "subject", json_string(message->subject));
        json_object_set_new(line, "html", json_string(message->html));
    }
    return add(spool, line);
}

void sandbox_spool_add_in(struct sandbox_spool *spool, const char *id, const char *phone,
                          const char *text, size_t len)
{
    (void)add(spool, json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", id, "direction", "in", "phone",
                               phone, "text", text_value(text, len), "at", now_string()));
}

void sandbox_spool_mark_receipt(struct sandbox_spool *spool, const char *id)
{
    json_t *line = json_pack("{s:s}", "receipt", id);

    if (append(spool, line))
        json_object_set_new(spool->receipts, id, json_true());
    json_decref(line);
}

void sandbox_spool_each_owed(const struct sandbox_spool *spool,
                             void (*cb)(void *arg, const char *id, const char *phone), void *arg)
{
    size_t index;
    json_t *message;

    json_array_foreach(spool->messages, index, message)
    {
        const char *id = json_string_value(json_object_get(message, "id"));
        const char *direction = json_string_value(json_object_get(message, "direction"));
        const char *phone = json_string_value(json_object_get(message, "phone"));

        if (id != NULL && phone != NULL && direction != NULL && strcmp(direction, "out") == 0 &&
            json_object_get(spool->receipts, id) == NULL)
            cb(arg, id, phone);
    }
}

json_t *sandbox_spool_list(const struct sandbox_spool *spool, const char *address, size_t limit)
{
    json_t *list = json_array();

    for (size_t i = json_array_size(spool->messages); i-- > 0 && json_array_size(list) < limit;) {
        json_t *message = json_array_get(spool->messages, i);
        const json_t *whose = json_object_get(message, "phone");

        if (whose == NULL)
            whose = json_object_get(message, "mailbox");
        if (address == NULL ||
            (json_is_string(whose) && strcmp(json_string_value(whose), address) == 0))
            json_array_insert(list, 0, message);
    }
    return list;
}
