/* mime_lines.c - writes mails for tests/unit/test_mime.py: a JSON object of parts a line in,
 * {"mail"} or {"refused"} a line out. The bytes of a mail are ASCII, and so are characters of the
 * JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mime.h"

static const char *part(const json_t *job, const char *key)
{
    return json_string_value(json_object_get(job, key));
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        json_t *job = json_loads(line, 0, NULL), *answer;
        struct mime_mail mail = {
            .from = part(job, "from"),
            .from_name = part(job, "from_name"),
            .to = part(job, "to"),
            .subject = part(job, "subject"),
            .text = part(job, "text"),
            .html = part(job, "html"),
            .language = part(job, "language"),
            .message_id = part(job, "message_id"),
            .date = (time_t)json_integer_value(json_object_get(job, "date")),
        };
        const char *why = NULL;
        char *bytes = NULL;
        size_t len = 0;

        answer = mime_write(&mail, &bytes, &len, &why) ? json_pack("{s:s%}", "mail", bytes, len)
                                                       : json_pack("{s:s}", "refused", why);
        if (answer == NULL)
            return 1;
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(answer);
        json_decref(job);
        free(bytes);
    }
    free(line);
    return 0;
}
