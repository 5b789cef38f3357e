/*
 * secret.h - keys, tokens, randomness: all cryptography of the gateway stands behind this page.
 *
 * Secrets are minted, not stored: a token is HMAC-SHA256 (RFC 2104), with a key of its own for each
 * purpose, over purpose, key id, the row's salt and generation, and the recipient. The database
 * keeps key id, salt and generation; a retry mints the same token, and who reads the database can
 * open nothing.
 *
 * What the MAC of a link token is taken over, so that another implementation can mint the same:
 * five fields, each preceded by its length in bytes (4 bytes, the highest first), so that no two
 * inputs run together:
 *
 *     length   field
 *     4        the purpose, "link" in ASCII
 *     2        key id, the highest byte first
 *     16       salt
 *     4        generation, the highest byte first
 *     any      recipient, as given ("+817000000001")
 *
 * That of a confirmation code is taken over the same, with "code" as its purpose; its digits are
 * truncated from the MAC as RFC 4226 section 5.3 does it, with 32 bytes instead of 20.
 *
 * The token is the first 20 base32 digits (RFC 4648 section 6, in lower case) of the 32 bytes of
 * the MAC: its first 100 bits. A signature is the MAC of the body alone, for its key serves nothing
 * else.
 */
#ifndef HERSYS_BASE_SECRET_H
#define HERSYS_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECRET_SALT_BYTES = 16,
    SECRET_TOKEN_MAX = 24,     /* bytes of a link token's text, NUL included */
    SECRET_SIGNATURE_MAX = 65, /* bytes of a hexadecimal HMAC-SHA256, NUL included */
    SECRET_CODE_MAX = 9,       /* bytes of a confirmation code, NUL included */
    SECRET_HASH_BYTES = 32,
    SECRET_KID_MAX = 33, /* bytes of the name of an API token, NUL included */
    SECRET_API_MAX = 44, /* bytes of an API token's secret, NUL included */
};

enum secret_purpose {
    SECRET_LINK,    /* registration links */
    SECRET_CODE,    /* confirmation codes */
    SECRET_COUNTER, /* names of what is counted: addresses that must not stand in the database */
    SECRET_SANDBOX, /* the sandbox carrier's webhook signature */
    SECRET_PURPOSES,
};

/*
 * The keys: files `<purpose>-<id>.key` in one directory ("link-1.key", "sandbox-1.key"), each 64
 * hexadecimal digits and a newline, neither readable nor writable by everybody (group access is the
 * administrator's business). The highest id of a purpose mints; all of them verify. They are kept
 * in locked memory that no core dump shows.
 */
struct keyring;

/* The word of a purpose: "link". Static. */
const char *secret_purpose_word(enum secret_purpose purpose);

/* NULL with the reason in `error`, one line that names the file: directory missing or writable by
 * everybody, a purpose without key (the sandbox's is wanted where `sandbox` says so), a file
 * unreadable, open to everybody, not 64 digits or nothing but zeros; also a *.key whose name is
 * none of a purpose and id (so that a misspelt new key is not silently left out), and more than 64
 * keys. Other names are passed over. */
struct keyring *keyring_load(const char *directory, bool sandbox, char *error, size_t size)
    __attribute__((warn_unused_result));
void keyring_free(struct keyring *keyring); /* overwrites the keys */

/* The id (1..32767) of the key that mints for this purpose now. */
int keyring_current(const struct keyring *keyring, enum secret_purpose purpose);

/* The token of a registration link: 20 characters of a-z2-7 (RFC 4648 base32, lower case: 100
 * bits). False where the key is not on the ring. */
bool secret_mint_link(const struct keyring *keyring, int key_id,
                      const uint8_t salt[SECRET_SALT_BYTES], int generation, const char *recipient,
                      char token[SECRET_TOKEN_MAX]) __attribute__((warn_unused_result));

/* The digits (6 or 8) of a confirmation code. False where the key is not on the ring. */
bool secret_mint_code(const struct keyring *keyring, int key_id,
                      const uint8_t salt[SECRET_SALT_BYTES], int generation, const char *recipient,
                      int digits, char code[SECRET_CODE_MAX]) __attribute__((warn_unused_result));

/* A name for something that is counted ("address", "client") by which the database knows it again
 * without being able to tell what it is: HMAC-SHA256 with the current key of SECRET_COUNTER. */
void secret_counter_name(const struct keyring *keyring, const char *what, const char *subject,
                         uint8_t name[SECRET_HASH_BYTES]);

/* ---- signatures that other parties define */

enum secret_hash { SECRET_SHA1, SECRET_SHA256 };

/* HMAC (RFC 2104) with a key that a carrier gave; returns its length, 20 or 32 bytes. */
size_t secret_hmac(enum secret_hash hash, const void *key, size_t key_len, const void *bytes,
                   size_t len, uint8_t mac[SECRET_HASH_BYTES]);

/* Whether two codes or signatures are the same, in a time that tells nothing but their lengths. */
bool secret_same(const char *one, const char *other) __attribute__((warn_unused_result));

/* The signature of a body: lower-case hexadecimal HMAC-SHA256 with the current key of the purpose.
 */
void secret_sign(const struct keyring *keyring, enum secret_purpose purpose, const void *body,
                 size_t len, char signature[SECRET_SIGNATURE_MAX]);

/* Whether any key of the purpose made this signature (64 hexadecimal digits in either case);
 * compared in constant time. */
bool secret_verify(const struct keyring *keyring, enum secret_purpose purpose, const void *body,
                   size_t len, const char *signature) __attribute__((warn_unused_result));

/* Randomness comes through here alone (libsodium; sodium_init() on first use). */
void secret_random(void *bytes, size_t len);
uint32_t secret_random_below(uint32_t bound);

/* Writes a fresh key as a line for a key file ("hersysctl key new"). */
void secret_new_key_line(char line[66]);

/* A fresh API token: its name (12 of a-z2-7) and its secret (256 random bits, 43 of base64url, RFC
 * 4648 section 5). On the wire it is "KID.SECRET"; the database has SHA-256 of the secret's text.
 */
void secret_new_api_token(char kid[SECRET_KID_MAX], char secret[SECRET_API_MAX]);

/* SHA-256 as 64 lower-case hexadecimal digits (checksums of migrations), and as bytes. */
void secret_sha256(const void *bytes, size_t len, char hex[65]);
void secret_sha256_bytes(const void *bytes, size_t len, uint8_t hash[SECRET_HASH_BYTES]);

#endif
