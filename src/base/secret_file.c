/* secret_file.c - reads secrets of other parties. It keeps none. */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { SECRET_LINE_MAX = 4096 };

/* Why the open file is not taken; NULL where it is. */
static const char *objection(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "it is no plain file";
    if ((status.st_mode & S_IRWXO) != 0)
        return "everybody can read or write it (chmod o-rwx)";
    return NULL;
}

/* Why the first line is no secret; NULL where it is one. */
static const char *cut_line(char *text, size_t len)
{
    size_t end = 0;

    while (end < len && text[end] != '\n' && text[end] != '\r') {
        if (text[end] < ' ' || text[end] > '~')
            return "its first line is not plain ASCII";
        end++;
    }
    if (end > SECRET_LINE_MAX)
        return "its first line is too long";
    explicit_bzero(text + end, len - end);
    return end == 0 ? "its first line is empty" : NULL;
}

char *secret_file_read(const char *path, char *error, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    const char *why = fd < 0 ? strerror(errno) : objection(fd);

    if (why == NULL) {
        ssize_t len;

        text = mem_new(SECRET_LINE_MAX + 2, 1);
        len = read(fd, text, SECRET_LINE_MAX + 1);
        why = len < 0 ? strerror(errno) : cut_line(text, (size_t)len);
    }
    if (fd >= 0)
        close(fd);
    if (why == NULL)
        return text;
    snprintf(error, size, "%s: %s", path, why);
    secret_file_free(text);
    return NULL;
}

void secret_file_free(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
