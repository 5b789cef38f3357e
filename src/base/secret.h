/*
 * secret.h - keys, tokens, randomness: all cryptography of the gateway stands behind this page.
 *
 * Secrets are minted, not stored: a token is HMAC-SHA256 (RFC 2104), with a key of its own for each purpose, over
 * purpose, key id, the row's salt and generation, and the recipient. The database keeps key id, salt and
 * generation; a retry mints the same token, and who reads the database can open nothing.
 */
#ifndef HERSYS_BASE_SECRET_H
#define HERSYS_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECRET_SALT_BYTES = 16,
    SECRET_TOKEN_MAX = 24,      /* bytes of a link token's text, NUL included */
    SECRET_SIGNATURE_MAX = 65,  /* bytes of a hexadecimal HMAC-SHA256, NUL included */
};

enum secret_purpose {
    SECRET_LINK,    /* registration links */
    SECRET_SANDBOX, /* the sandbox carrier's webhook signature */
    SECRET_PURPOSES,
};

/* The keys: files `<purpose>-<id>.key` in one directory ("link-1.key"), each 64 hexadecimal digits and a newline,
 * not readable by others. The highest id of a purpose mints; all of them verify. */
struct keyring;

/* NULL with the reason in `error`, one line that names the file: directory missing, a purpose without key, file
 * unreadable, readable by others, not 64 digits. */
struct keyring *keyring_load(const char *directory, char *error, size_t size)
    __attribute__((warn_unused_result));
void keyring_free(struct keyring *keyring); /* overwrites the keys */

/* The id (1..32767) of the key that mints for this purpose now. */
int keyring_current(const struct keyring *keyring, enum secret_purpose purpose);

/* The token of a registration link: 20 characters of a-z2-7 (RFC 4648 base32, lower case: 100 bits). False where
 * the key is not on the ring. */
bool secret_mint_link(const struct keyring *keyring, int key_id,
                      const uint8_t salt[SECRET_SALT_BYTES], int generation, const char *recipient,
                      char token[SECRET_TOKEN_MAX]) __attribute__((warn_unused_result));

/* The signature of a body: lower-case hexadecimal HMAC-SHA256 with the current key of the purpose. */
void secret_sign(const struct keyring *keyring, enum secret_purpose purpose, const void *body,
                 size_t len, char signature[SECRET_SIGNATURE_MAX]);

/* Whether any key of the purpose made this signature; compared in constant time. */
bool secret_verify(const struct keyring *keyring, enum secret_purpose purpose, const void *body,
                   size_t len, const char *signature) __attribute__((warn_unused_result));

/* Randomness comes through here alone (libsodium; sodium_init() on first use). */
void secret_random(void *bytes, size_t len);
uint32_t secret_random_below(uint32_t bound);

/* Writes a fresh key as a line for a key file ("hersysctl key new"). */
void secret_new_key_line(char line[66]);

/* SHA-256 as 64 lower-case hexadecimal digits (checksums of migrations). */
void secret_sha256(const void *bytes, size_t len, char hex[65]);

#endif
