/*
 * email_wire.h - one connection to the relay, and the hand on its plug.
 *
 * libesmtp resolves and connects by itself, with no time limit and to no IPv6 address, and keeps
 * its descriptor to itself; where a write stalls it goes on with the next piece, as if the lost one
 * had been sent. So we connect ourselves, hand the connection to the library, and keep a descriptor
 * of our own, by which the loop cuts the connection when its time is up: nothing more leaves then,
 * whatever the library does.
 *
 * The handing over: the library is told to connect to a listener of ours on the loopback, which
 * takes one connection; which of our descriptors that is, is told by its two addresses, and dup2()
 * puts the relay's connection in its place.
 *
 * Used by one session's thread; email_wire_cut() and email_wire_check() by the loop as well.
 */
#ifndef HERSYS_CHANNEL_EMAIL_WIRE_H
#define HERSYS_CHANNEL_EMAIL_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EMAIL_WIRE_SERVER_MAX = 32, EMAIL_WIRE_LITERAL_MAX = 64 };

struct email_wire {
    pthread_mutex_t lock;
    int fd;              /* the relay's; -1 where there is none */
    int listener;        /* of the loopback; the thread's alone */
    int64_t deadline_ms; /* of clock_elapsed_ms(); 0 is none */
    bool speaks;         /* the connection stands */
    bool cut;
    bool timed_out;
};

void email_wire_init(struct email_wire *wire);
void email_wire_destroy(struct email_wire *wire);

/* Connects before the deadline that email_wire_arm() has set. False with a word of ours in `why`:
 * "name_unknown", "connect_failed", "timeout". */
bool email_wire_open(struct email_wire *wire, const char *host, const char *port, const char **why)
    __attribute__((warn_unused_result));

/* What the library is to connect to: "127.0.0.1:40001". */
bool email_wire_listen(struct email_wire *wire, char server[EMAIL_WIRE_SERVER_MAX])
    __attribute__((warn_unused_result));

/* The library has connected: its descriptor becomes the relay's connection. */
bool email_wire_swap(struct email_wire *wire) __attribute__((warn_unused_result));

/* Our own address on it as EHLO wants it (RFC 5321 section 4.1.3): "[192.0.2.1]". */
bool email_wire_literal(struct email_wire *wire, char literal[EMAIL_WIRE_LITERAL_MAX])
    __attribute__((warn_unused_result));

/* When it is cut, from now; 0 takes the deadline away. */
void email_wire_arm(struct email_wire *wire, int64_t deadline_ms);

/* Nothing is sent or received any more. Harmless where it is closed, or cut already. */
void email_wire_cut(struct email_wire *wire);

/* Cuts it if its time is up. True where it is cut. */
bool email_wire_check(struct email_wire *wire);

/* Whether the peer has closed it, or it broke. */
bool email_wire_is_broken(struct email_wire *wire);

bool email_wire_speaks(struct email_wire *wire);
bool email_wire_timed_out(struct email_wire *wire);

/* Closes it, and makes it ready for another. */
void email_wire_close(struct email_wire *wire);

#endif
