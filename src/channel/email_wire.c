/* email_wire.c - connects to the relay, and cuts the connection when it is time. It speaks no SMTP.
 */
#include "channel/email_wire.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { POLL_STEP_MS = 50, HAND_OVER_MS = 2000 };

void email_wire_init(struct email_wire *wire)
{
    memset(wire, 0, sizeof(*wire));
    if (pthread_mutex_init(&wire->lock, NULL) != 0)
        log_fatal("a lock cannot be made");
    wire->fd = -1;
    wire->listener = -1;
}

void email_wire_destroy(struct email_wire *wire)
{
    email_wire_close(wire);
    pthread_mutex_destroy(&wire->lock);
}

/* ---- time, and the cut */

/* With the lock held. */
static void cut(struct email_wire *wire)
{
    wire->cut = true;
    if (wire->fd >= 0)
        shutdown(wire->fd, SHUT_RDWR);
}

void email_wire_arm(struct email_wire *wire, int64_t deadline_ms)
{
    pthread_mutex_lock(&wire->lock);
    wire->deadline_ms = deadline_ms;
    pthread_mutex_unlock(&wire->lock);
}

void email_wire_cut(struct email_wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    cut(wire);
    pthread_mutex_unlock(&wire->lock);
}

bool email_wire_check(struct email_wire *wire)
{
    bool is_cut;

    pthread_mutex_lock(&wire->lock);
    if (!wire->cut && wire->deadline_ms != 0 && clock_elapsed_ms() >= wire->deadline_ms) {
        wire->timed_out = true;
        cut(wire);
    }
    is_cut = wire->cut;
    pthread_mutex_unlock(&wire->lock);
    return is_cut;
}

bool email_wire_speaks(struct email_wire *wire)
{
    bool speaks;

    pthread_mutex_lock(&wire->lock);
    speaks = wire->speaks;
    pthread_mutex_unlock(&wire->lock);
    return speaks;
}

bool email_wire_timed_out(struct email_wire *wire)
{
    bool timed_out;

    pthread_mutex_lock(&wire->lock);
    timed_out = wire->timed_out;
    pthread_mutex_unlock(&wire->lock);
    return timed_out;
}

bool email_wire_is_broken(struct email_wire *wire)
{
    struct pollfd poll_fd = {.fd = wire->fd, .events = POLLRDHUP};

    return poll(&poll_fd, 1, 0) != 0 && poll_fd.revents != 0;
}

void email_wire_close(struct email_wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    if (wire->fd >= 0)
        close(wire->fd);
    if (wire->listener >= 0)
        close(wire->listener);
    wire->fd = -1;
    wire->listener = -1;
    wire->deadline_ms = 0;
    wire->speaks = false;
    wire->cut = false;
    wire->timed_out = false;
    pthread_mutex_unlock(&wire->lock);
}

/* ---- connecting */

/* Puts a descriptor under the lock, where the loop can cut it; false where it is cut already. */
static bool wire_take(struct email_wire *wire, int fd)
{
    bool taken;

    pthread_mutex_lock(&wire->lock);
    taken = !wire->cut;
    if (taken)
        wire->fd = fd;
    pthread_mutex_unlock(&wire->lock);
    if (!taken)
        close(fd);
    return taken;
}

static void wire_drop(struct email_wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    close(wire->fd);
    wire->fd = -1;
    pthread_mutex_unlock(&wire->lock);
}

static bool wait_connected(struct email_wire *wire, int64_t until_ms)
{
    struct pollfd poll_fd = {.fd = wire->fd, .events = POLLOUT};
    int fault = 0;
    socklen_t len = sizeof(fault);

    while (poll(&poll_fd, 1, POLL_STEP_MS) <= 0)
        if (email_wire_check(wire) || clock_elapsed_ms() >= until_ms)
            return false;
    return getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &fault, &len) == 0 && fault == 0;
}

static bool connect_to(struct email_wire *wire, const struct addrinfo *address, int64_t until_ms)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || !wire_take(wire, fd))
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if ((connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS) &&
        wait_connected(wire, until_ms))
        return true;
    wire_drop(wire);
    return false;
}

/* Each address has its share of the time, so that a dead one leaves some to the next. */
static bool connect_to_any(struct email_wire *wire, const struct addrinfo *addresses,
                           int64_t deadline_ms)
{
    int left = 0;

    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next, left--) {
        int64_t now = clock_elapsed_ms();

        if (email_wire_check(wire))
            return false;
        if (connect_to(wire, a, now + (deadline_ms - now) / left))
            return true;
    }
    return false;
}

bool email_wire_open(struct email_wire *wire, const char *host, const char *port, const char **why)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *addresses = NULL;
    bool done;

    /* The one call here without a time limit: no mail is taken before it returns. */
    *why = "name_unknown";
    if (getaddrinfo(host, port, &hints, &addresses) != 0)
        return false;
    done = connect_to_any(wire, addresses, wire->deadline_ms);
    freeaddrinfo(addresses);
    *why = email_wire_timed_out(wire) ? "timeout" : "connect_failed";
    if (!done)
        return false;
    pthread_mutex_lock(&wire->lock);
    wire->speaks = true;
    pthread_mutex_unlock(&wire->lock);
    return true;
}

bool email_wire_literal(struct email_wire *wire, char literal[EMAIL_WIRE_LITERAL_MAX])
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof(own);
    char text[INET6_ADDRSTRLEN];

    if (getsockname(wire->fd, (struct sockaddr *)&own, &len) != 0 ||
        getnameinfo((struct sockaddr *)&own, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
        return false;
    text[strcspn(text, "%")] = '\0'; /* a zone is nobody else's business */
    snprintf(literal, EMAIL_WIRE_LITERAL_MAX, own.ss_family == AF_INET6 ? "[IPv6:%s]" : "[%s]",
             text);
    return true;
}

/* ---- handing over */

bool email_wire_listen(struct email_wire *wire, char server[EMAIL_WIRE_SERVER_MAX])
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(own);

    wire->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->listener < 0 || bind(wire->listener, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        listen(wire->listener, 4) != 0 ||
        getsockname(wire->listener, (struct sockaddr *)&own, &len) != 0)
        return false;
    snprintf(server, EMAIL_WIRE_SERVER_MAX, "127.0.0.1:%d", ntohs(own.sin_port));
    return true;
}

static bool is_at(int fd, int (*which)(int, struct sockaddr *, socklen_t *),
                  const struct sockaddr_in *address)
{
    struct sockaddr_storage at = {0};
    const struct sockaddr_in *at4 = (const struct sockaddr_in *)&at;
    socklen_t len = sizeof(at);

    return which(fd, (struct sockaddr *)&at, &len) == 0 && at.ss_family == AF_INET &&
           at4->sin_port == address->sin_port && at4->sin_addr.s_addr == address->sin_addr.s_addr;
}

/* Which of our descriptors has this name and that peer; -1 where none has. */
static int find_descriptor(const struct sockaddr_in *name, const struct sockaddr_in *peer)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    int found = -1;

    while (dir != NULL && found < 0 && (entry = readdir(dir)) != NULL) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);

        if (end != entry->d_name && *end == '\0' && is_at((int)fd, getsockname, name) &&
            is_at((int)fd, getpeername, peer))
            found = (int)fd;
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

/* Takes connections until one is ours; any other process's is closed. */
static int accept_ours(int listener, const struct sockaddr_in *own)
{
    int64_t until_ms = clock_elapsed_ms() + HAND_OVER_MS;
    struct pollfd poll_fd = {.fd = listener, .events = POLLIN};

    while (clock_elapsed_ms() < until_ms) {
        struct sockaddr_in peer = {0};
        socklen_t len = sizeof(peer);
        int fd, found;

        poll(&poll_fd, 1, POLL_STEP_MS);
        fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        found = find_descriptor(&peer, own);
        close(fd);
        if (found >= 0)
            return found;
    }
    return -1;
}

bool email_wire_swap(struct email_wire *wire)
{
    struct sockaddr_in own = {0};
    socklen_t len = sizeof(own);
    int library = -1;

    if (getsockname(wire->listener, (struct sockaddr *)&own, &len) == 0)
        library = accept_ours(wire->listener, &own);
    close(wire->listener);
    wire->listener = -1;
    return library >= 0 && dup3(wire->fd, library, O_CLOEXEC) == library;
}
