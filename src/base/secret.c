/*
 * secret.c - keys, tokens, signatures and randomness, by libsodium. It never writes a key, a token
 * or what one is made from into a log line or an error.
 */
#include "base/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base32.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    KEY_BYTES = crypto_auth_hmacsha256_KEYBYTES,
    KEY_DIGITS = 2 * KEY_BYTES,
    KEY_ID_MAX = 32767, /* a smallint in the database */
    KEYS_MAX = 64,
    MAC_BYTES = crypto_auth_hmacsha256_BYTES,
    MAC_DIGITS = 2 * MAC_BYTES,
    HASH_BYTES = crypto_hash_sha256_BYTES,
    HASH_DIGITS = 2 * HASH_BYTES,
    TOKEN_DIGITS = 20,
};

static const char *const purpose_words[SECRET_PURPOSES] = {
    [SECRET_LINK] = "link",
    [SECRET_CODE] = "code",
    [SECRET_COUNTER] = "counter",
    [SECRET_SANDBOX] = "sandbox",
};

struct key {
    enum secret_purpose purpose;
    int id;
    uint8_t bytes[KEY_BYTES];
};

struct keyring {
    size_t count;
    struct key keys[KEYS_MAX];
};

static void need_sodium(void)
{
    if (sodium_init() < 0)
        log_fatal("libsodium found no source of randomness");
}

const char *secret_purpose_word(enum secret_purpose purpose)
{
    return purpose_words[purpose];
}

/* ---- the key files */

/* Always false, so that a failing function can end with it. */
static bool fail(char *error, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(char *error, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, size, format, args);
    va_end(args);
    return false;
}

/* "link-1.key": its purpose and id. Leading zeros would give one id two names, so they are refused.
 */
static bool parse_name(const char *name, enum secret_purpose *purpose, int *id)
{
    for (int i = 0; i < SECRET_PURPOSES; i++) {
        size_t len = strlen(purpose_words[i]);

        if (strncmp(name, purpose_words[i], len) != 0 || name[len] != '-')
            continue;
        const char *digits = name + len + 1;
        size_t count = strspn(digits, "0123456789");

        if (count < 1 || count > 5 || *digits == '0' || strcmp(digits + count, ".key") != 0)
            return false;
        *purpose = (enum secret_purpose)i;
        *id = (int)strtol(digits, NULL, 10);
        return *id <= KEY_ID_MAX;
    }
    return false;
}

static bool ends_in_key(const char *name)
{
    size_t len = strlen(name);

    return len >= 4 && strcmp(name + len - 4, ".key") == 0;
}

/* Reads all of a short file; its length, or -1. */
static ssize_t read_short(int fd, char *bytes, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, bytes + len, size - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static bool take_digits(const char *digits, size_t len, uint8_t key[KEY_BYTES])
{
    size_t got = 0;

    if (len != KEY_DIGITS && !(len == KEY_DIGITS + 1 && digits[KEY_DIGITS] == '\n'))
        return false;
    return sodium_hex2bin(key, KEY_BYTES, digits, KEY_DIGITS, NULL, &got, NULL) == 0 &&
           got == KEY_BYTES;
}

static bool read_key(const char *path, uint8_t key[KEY_BYTES], char *error, size_t size)
{
    char digits[KEY_DIGITS + 2];
    struct stat status;
    bool done = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */

    if (fd < 0)
        return fail(error, size, "%s: cannot be read: %s", path, strerror(errno));
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        fail(error, size, "%s: is no plain file", path);
        goto out;
    }
    if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        fail(error, size, "%s: can be read or written by everybody; chmod o= %s", path, path);
        goto out;
    }
    ssize_t len = read_short(fd, digits, sizeof(digits));
    if (len < 0 || !take_digits(digits, (size_t)len, key))
        fail(error, size, "%s: a key is 64 hexadecimal digits and a newline", path);
    else if (sodium_is_zero(key, KEY_BYTES))
        fail(error, size, "%s: a key of zeros is no key", path);
    else
        done = true;

out:
    sodium_memzero(digits, sizeof(digits));
    close(fd);
    return done;
}

static bool take_file(struct keyring *keyring, const char *directory, const char *name, char *error,
                      size_t size)
{
    struct key *key = &keyring->keys[keyring->count];

    if (keyring->count == KEYS_MAX)
        return fail(error, size, "%s: holds more than %d keys", directory, KEYS_MAX);
    if (!parse_name(name, &key->purpose, &key->id))
        return fail(error, size,
                    "%s/%s: is not named by a purpose (link, code, counter, sandbox) and an id "
                    "from "
                    "1 to %d",
                    directory, name, KEY_ID_MAX);
    char *path = mem_printf("%s/%s", directory, name);
    bool done = read_key(path, key->bytes, error, size);
    free(path);
    if (done)
        keyring->count++;
    return done;
}

static bool take_directory(struct keyring *keyring, const char *directory, char *error, size_t size)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    struct stat status;
    bool done = true;

    if (dir == NULL)
        return fail(error, size, "%s: cannot be read: %s", directory, strerror(errno));
    if (fstat(dirfd(dir), &status) != 0 || (status.st_mode & S_IWOTH) != 0)
        done =
            fail(error, size, "%s: can be written by everybody; chmod o= %s", directory, directory);
    while (done && (entry = readdir(dir)) != NULL)
        if (ends_in_key(entry->d_name))
            done = take_file(keyring, directory, entry->d_name, error, size);
    closedir(dir);
    return done;
}

/* The key of that id, or with 0 the one of the highest; NULL where there is none. */
static const struct key *find_key(const struct keyring *keyring, enum secret_purpose purpose,
                                  int id)
{
    const struct key *found = NULL;

    for (size_t i = 0; i < keyring->count; i++) {
        const struct key *key = &keyring->keys[i];

        if (key->purpose == purpose && (id == 0 || key->id == id) &&
            (found == NULL || key->id > found->id))
            found = key;
    }
    return found;
}

static bool has_every_purpose(const struct keyring *keyring, const char *directory, bool sandbox,
                              char *error, size_t size)
{
    char lacks[128] = "";
    size_t len = 0;

    for (int i = 0; i < SECRET_PURPOSES; i++) {
        if (find_key(keyring, (enum secret_purpose)i, 0) != NULL ||
            (i == SECRET_SANDBOX && !sandbox))
            continue;
        len += (size_t)snprintf(lacks + len, sizeof(lacks) - len, "%sno key for %s",
                                len > 0 ? " and " : "", purpose_words[i]);
    }
    return len == 0 ||
           fail(error, size, "%s: holds %s; \"hersysctl key init\" makes what is missing",
                directory, lacks);
}

struct keyring *keyring_load(const char *directory, bool sandbox, char *error, size_t size)
{
    need_sodium();
    struct keyring *keyring = sodium_malloc(sizeof(*keyring));

    if (keyring == NULL)
        log_fatal("out of memory");
    sodium_memzero(keyring, sizeof(*keyring));
    if (take_directory(keyring, directory, error, size) &&
        has_every_purpose(keyring, directory, sandbox, error, size))
        return keyring;
    keyring_free(keyring);
    return NULL;
}

void keyring_free(struct keyring *keyring)
{
    sodium_free(keyring); /* overwrites it first */
}

static const struct key *current_key(const struct keyring *keyring, enum secret_purpose purpose)
{
    const struct key *key = find_key(keyring, purpose, 0);

    if (key == NULL)
        log_fatal("the keyring has no key for a purpose"); /* keyring_load() has seen to it */
    return key;
}

int keyring_current(const struct keyring *keyring, enum secret_purpose purpose)
{
    return current_key(keyring, purpose)->id;
}

/* ---- tokens */

static void put_number(uint8_t *bytes, size_t len, uint32_t number)
{
    for (size_t i = len; i > 0; i--, number >>= 8)
        bytes[i - 1] = (uint8_t)(number & 0xff);
}

/* One field of the MAC's input, preceded by its length. */
static void mac_field(crypto_auth_hmacsha256_state *mac, const void *bytes, size_t len)
{
    uint8_t prefix[4];

    put_number(prefix, sizeof(prefix), (uint32_t)len);
    crypto_auth_hmacsha256_update(mac, prefix, sizeof(prefix));
    crypto_auth_hmacsha256_update(mac, bytes, len);
}

/* What a row's secret is made from (secret.h tells the layout). False where the key is gone. */
static bool mint(const struct keyring *keyring, enum secret_purpose purpose, int key_id,
                 const uint8_t salt[SECRET_SALT_BYTES], int generation, const char *recipient,
                 uint8_t mac[MAC_BYTES])
{
    const struct key *key = key_id > 0 ? find_key(keyring, purpose, key_id) : NULL;
    const char *word = purpose_words[purpose];
    uint8_t id[2], count[4];
    crypto_auth_hmacsha256_state state;

    if (key == NULL)
        return false;
    put_number(id, sizeof(id), (uint32_t)key->id);
    put_number(count, sizeof(count), (uint32_t)generation);

    crypto_auth_hmacsha256_init(&state, key->bytes, sizeof(key->bytes));
    mac_field(&state, word, strlen(word));
    mac_field(&state, id, sizeof(id));
    mac_field(&state, salt, SECRET_SALT_BYTES);
    mac_field(&state, count, sizeof(count));
    mac_field(&state, recipient, strlen(recipient));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
    return true;
}

bool secret_mint_link(const struct keyring *keyring, int key_id,
                      const uint8_t salt[SECRET_SALT_BYTES], int generation, const char *recipient,
                      char token[SECRET_TOKEN_MAX])
{
    uint8_t mac[MAC_BYTES];

    if (!mint(keyring, SECRET_LINK, key_id, salt, generation, recipient, mac))
        return false;
    base32_encode(mac, sizeof(mac), token, TOKEN_DIGITS);
    sodium_memzero(mac, sizeof(mac));
    return true;
}

bool secret_mint_code(const struct keyring *keyring, int key_id,
                      const uint8_t salt[SECRET_SALT_BYTES], int generation, const char *recipient,
                      int digits, char code[SECRET_CODE_MAX])
{
    uint8_t mac[MAC_BYTES];
    uint32_t number = 0;
    size_t at;

    if ((digits != 6 && digits != 8) ||
        !mint(keyring, SECRET_CODE, key_id, salt, generation, recipient, mac))
        return false;
    at = mac[MAC_BYTES - 1] & 0x0f;
    for (size_t i = 0; i < 4; i++)
        number = number << 8 | mac[at + i];
    number &= 0x7fffffff;
    snprintf(code, SECRET_CODE_MAX, "%0*u", digits, number % (digits == 6 ? 1000000U : 100000000U));
    sodium_memzero(mac, sizeof(mac));
    return true;
}

bool secret_same(const char *one, const char *other)
{
    size_t len = strlen(one);

    return strlen(other) == len && sodium_memcmp(one, other, len) == 0;
}

void secret_counter_name(const struct keyring *keyring, const char *what, const char *subject,
                         uint8_t name[SECRET_HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    const struct key *key = current_key(keyring, SECRET_COUNTER);

    crypto_auth_hmacsha256_init(&state, key->bytes, sizeof(key->bytes));
    mac_field(&state, what, strlen(what));
    mac_field(&state, subject, strlen(subject));
    crypto_auth_hmacsha256_final(&state, name);
    sodium_memzero(&state, sizeof(state));
}

/* ---- signatures */

void secret_sign(const struct keyring *keyring, enum secret_purpose purpose, const void *body,
                 size_t len, char signature[SECRET_SIGNATURE_MAX])
{
    uint8_t mac[MAC_BYTES];

    crypto_auth_hmacsha256(mac, body, len, current_key(keyring, purpose)->bytes);
    sodium_bin2hex(signature, SECRET_SIGNATURE_MAX, mac, sizeof(mac));
}

bool secret_verify(const struct keyring *keyring, enum secret_purpose purpose, const void *body,
                   size_t len, const char *signature)
{
    uint8_t given[MAC_BYTES], mac[MAC_BYTES];
    size_t got = 0;
    bool same = false;

    if (strlen(signature) != MAC_DIGITS ||
        sodium_hex2bin(given, sizeof(given), signature, MAC_DIGITS, NULL, &got, NULL) != 0 ||
        got != MAC_BYTES)
        return false;
    /* All keys are tried, so that the time tells nothing of which one it was. */
    for (size_t i = 0; i < keyring->count; i++) {
        if (keyring->keys[i].purpose != purpose)
            continue;
        crypto_auth_hmacsha256(mac, body, len, keyring->keys[i].bytes);
        same |= sodium_memcmp(given, mac, sizeof(mac)) == 0;
    }
    sodium_memzero(mac, sizeof(mac));
    return same;
}

/* libsodium has no SHA-1, which Twilio signs with. */
size_t secret_hmac(enum secret_hash hash, const void *key, size_t key_len, const void *bytes,
                   size_t len, uint8_t mac[SECRET_HASH_BYTES])
{
    unsigned got = 0;

    if (HMAC(hash == SECRET_SHA1 ? EVP_sha1() : EVP_sha256(), key, (int)key_len, bytes, len, mac,
             &got) == NULL)
        log_fatal("OpenSSL has no HMAC");
    return got;
}

/* ---- randomness and checksums */

void secret_random(void *bytes, size_t len)
{
    need_sodium();
    randombytes_buf(bytes, len);
}

uint32_t secret_random_below(uint32_t bound)
{
    need_sodium();
    return randombytes_uniform(bound);
}

void secret_new_key_line(char line[KEY_DIGITS + 2])
{
    uint8_t key[KEY_BYTES];

    secret_random(key, sizeof(key));
    sodium_bin2hex(line, KEY_DIGITS + 1, key, sizeof(key));
    line[KEY_DIGITS] = '\n';
    line[KEY_DIGITS + 1] = '\0';
    sodium_memzero(key, sizeof(key));
}

void secret_new_api_token(char kid[SECRET_KID_MAX], char secret[SECRET_API_MAX])
{
    enum { KID_BYTES = 8, KID_LETTERS = 12 };
    uint8_t name[KID_BYTES], bytes[KEY_BYTES];

    secret_random(name, sizeof(name));
    secret_random(bytes, sizeof(bytes));
    base32_encode(name, sizeof(name), kid, KID_LETTERS);
    sodium_bin2base64(secret, SECRET_API_MAX, bytes, sizeof(bytes),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof(bytes));
}

void secret_sha256(const void *bytes, size_t len, char hex[HASH_DIGITS + 1])
{
    uint8_t hash[HASH_BYTES];

    crypto_hash_sha256(hash, bytes, len);
    sodium_bin2hex(hex, HASH_DIGITS + 1, hash, sizeof(hash));
}

void secret_sha256_bytes(const void *bytes, size_t len, uint8_t hash[SECRET_HASH_BYTES])
{
    crypto_hash_sha256(hash, bytes, len);
}
