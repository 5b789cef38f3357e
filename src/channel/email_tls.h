/*
 * email_tls.h - TLS to the relay: who it must be, and with what it is encrypted.
 *
 * TLS 1.2 and nothing else: libesmtp stalls under 1.3, where it reads session tickets before it has
 * written EHLO. The relay's certificate must be valid, and for the very name that the configuration
 * has (RFC 6125; no common name, no part of a wildcard), or for its numeric address. libesmtp would
 * compare the name that the DNS calls canonical, and no address.
 */
#ifndef HERSYS_CHANNEL_EMAIL_TLS_H
#define HERSYS_CHANNEL_EMAIL_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* For sessions with `host`, which is borrowed and outlives it. `ca_file` "" takes the system's
 * certificate authorities. NULL with the reason in `error`. */
SSL_CTX *email_tls_new(const char *host, const char *ca_file, char *error, size_t size)
    __attribute__((warn_unused_result));

/* Whether the handshake has verified the peer as that host; asked once more of OpenSSL. */
bool email_tls_is_verified(const SSL *ssl, const char *host) __attribute__((warn_unused_result));

#endif
