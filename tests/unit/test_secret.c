/* test_secret.c - keys, tokens and signatures: the published vectors, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base32.h"
#include "base/mem.h"
#include "base/secret.h"
#include "folder.h"

#define COUNTING    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define COUNTING_ON "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static const uint8_t salt[SECRET_SALT_BYTES] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                                                0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};

static char error[256];

static void write_key(const char *name, const char *digits)
{
    char line[128];

    snprintf(line, sizeof(line), "%s\n", digits);
    folder_write(name, line, strlen(line), 0640);
}

/* A folder with one good key for each purpose. */
static int fill_folder(void **state)
{
    (void)state;
    folder_empty(folder);
    chmod(folder, 0700);
    write_key("link-1.key", COUNTING);
    write_key("code-1.key", COUNTING);
    write_key("counter-1.key", COUNTING_ON);
    write_key("sandbox-1.key", COUNTING_ON);
    return 0;
}

static struct keyring *load_good(void)
{
    struct keyring *keyring = keyring_load(folder, true, error, sizeof(error));

    if (keyring == NULL)
        fail_msg("refused: %s", error);
    return keyring;
}

static void assert_refused(const char *name, const char *why)
{
    struct keyring *keyring = keyring_load(folder, true, error, sizeof(error));

    assert_null(keyring);
    assert_non_null(strstr(error, folder));
    if (strstr(error, name) == NULL || strstr(error, why) == NULL)
        fail_msg("wanted %s and \"%s\", got: %s", name, why, error);
    assert_null(strchr(error, '\n'));
}

/* ---- published vectors */

static void test_base32_is_that_of_rfc_4648_without_padding(void **state)
{
    static const char *const cases[][2] = {/* section 10 */
                                           {"", ""},
                                           {"f", "my"},
                                           {"fo", "mzxq"},
                                           {"foo", "mzxw6"},
                                           {"foob", "mzxw6yq"},
                                           {"fooba", "mzxw6ytb"},
                                           {"foobar", "mzxw6ytboi"}};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char out[32];
        size_t len = strlen(cases[i][0]);

        base32_encode((const uint8_t *)cases[i][0], len, out, base32_digits(len));
        assert_string_equal(out, cases[i][1]);
    }
}

/* A shorter key than the block equals itself with zeros behind it, a longer one its SHA-256 (RFC
 * 2104 section 2), so that all the keys of RFC 4231 can stand in a key file. Case 5 is about a
 * truncation that is not used here. */
static void test_a_signature_is_the_hmac_sha256_of_rfc_4231(void **state)
{
    static const struct {
        const char *key, *body, *mac;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b000000000000000000000000", "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a65666500000000000000000000000000000000000000000000000000000000",
         "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000000000000",
         "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
         "\xdd\xdd\xdd"
         "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
         "\xdd\xdd\xdd",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f1011121314151617181900000000000000",
         "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
         "\xcd\xcd\xcd"
         "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
         "\xcd\xcd\xcd",
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {"45ad4b37c6e2fc0a2cfcc1b5da524132ec707615c2cae1dbbc43c97aa521db81",
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {"45ad4b37c6e2fc0a2cfcc1b5da524132ec707615c2cae1dbbc43c97aa521db81",
         "This is a test using a larger than block-size key and a larger than block-size data. The "
         "key "
         "needs to be hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char signature[SECRET_SIGNATURE_MAX];

        write_key("sandbox-1.key", cases[i].key);
        struct keyring *keyring = load_good();
        secret_sign(keyring, SECRET_SANDBOX, cases[i].body, strlen(cases[i].body), signature);
        assert_string_equal(signature, cases[i].mac);
        keyring_free(keyring);
    }
}

static void test_a_checksum_is_the_sha256_of_fips_180_4(void **state)
{
    char hex[65];

    (void)state;
    secret_sha256("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    secret_sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* ---- tokens */

/* The wanted tokens come from another implementation (Python's hmac, struct and base64) of the
 * layout in secret.h. */
static void test_a_token_can_be_minted_from_the_documented_layout_alone(void **state)
{
    char token[SECRET_TOKEN_MAX];

    (void)state;
    write_key("link-32767.key", COUNTING_ON);
    struct keyring *keyring = load_good();
    assert_true(secret_mint_link(keyring, 1, salt, 1, "+817000000001", token));
    assert_string_equal(token, "3xa4yfcnrd3ejnc6nftw");
    assert_true(secret_mint_link(keyring, 32767, salt, 70000, "+817000000002", token));
    assert_string_equal(token, "p4tmnn2sq2cixq6nq7b2");
    keyring_free(keyring);
}

static void test_every_part_of_a_link_changes_its_token(void **state)
{
    enum { COUNT = 6 };
    char tokens[COUNT][SECRET_TOKEN_MAX];
    uint8_t other_salt[SECRET_SALT_BYTES];

    (void)state;
    memcpy(other_salt, salt, sizeof(salt));
    other_salt[15] ^= 1;
    write_key("link-2.key", COUNTING); /* the same bytes: the id alone makes the difference */
    write_key("link-3.key", COUNTING_ON);
    struct keyring *keyring = load_good();
    assert_true(secret_mint_link(keyring, 1, salt, 1, "+817000000001", tokens[0]));
    assert_true(secret_mint_link(keyring, 2, salt, 1, "+817000000001", tokens[1]));
    assert_true(secret_mint_link(keyring, 3, salt, 1, "+817000000001", tokens[2]));
    assert_true(secret_mint_link(keyring, 1, other_salt, 1, "+817000000001", tokens[3]));
    assert_true(secret_mint_link(keyring, 1, salt, 2, "+817000000001", tokens[4]));
    assert_true(secret_mint_link(keyring, 1, salt, 1, "+817000000002", tokens[5]));
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(tokens[i], tokens[k]);
    keyring_free(keyring);
}

static void test_a_token_is_the_same_after_the_next_key_has_come(void **state)
{
    char before[SECRET_TOKEN_MAX], after[SECRET_TOKEN_MAX];

    (void)state;
    struct keyring *keyring = load_good();
    assert_int_equal(keyring_current(keyring, SECRET_LINK), 1);
    assert_true(secret_mint_link(keyring, 1, salt, 1, "+817000000001", before));
    keyring_free(keyring);

    write_key("link-10.key", COUNTING_ON);
    write_key("link-9.key", COUNTING);
    keyring = load_good();
    assert_int_equal(keyring_current(keyring, SECRET_LINK), 10);
    assert_true(secret_mint_link(keyring, 1, salt, 1, "+817000000001", after));
    assert_string_equal(before, after);
    keyring_free(keyring);
}

static void test_no_token_without_its_key(void **state)
{
    char token[SECRET_TOKEN_MAX];

    (void)state;
    struct keyring *keyring = load_good();
    assert_false(secret_mint_link(keyring, 2, salt, 1, "+817000000001", token));
    assert_false(secret_mint_link(keyring, 0, salt, 1, "+817000000001", token));
    assert_false(secret_mint_link(keyring, -1, salt, 1, "+817000000001", token));
    keyring_free(keyring);
}

/* ---- codes */

/* The values are those of another implementation (Python's hmac), from the layout in secret.h. */
static void test_a_code_is_truncated_as_in_rfc_4226_and_keeps_its_zeros(void **state)
{
    static const struct {
        int generation;
        const char *recipient;
        int digits;
        const char *code;
    } cases[] = {
        {1, "person@example.jp", 6, "858731"},   {2, "person@example.jp", 6, "736094"},
        {1, "+817000000001", 6, "266617"},       {2, "+817000000001", 6, "176308"},
        {1, "person@example.jp", 8, "69858731"}, {2, "person@example.jp", 8, "30736094"},
        {1, "+817000000001", 8, "26266617"},     {2, "+817000000001", 8, "22176308"},
        {11, "person@example.jp", 6, "085702"},
    };

    (void)state;
    struct keyring *keyring = load_good();
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        char code[SECRET_CODE_MAX];

        assert_true(secret_mint_code(keyring, 1, salt, cases[i].generation, cases[i].recipient,
                                     cases[i].digits, code));
        assert_string_equal(code, cases[i].code);
    }
    keyring_free(keyring);
}

static void test_no_code_without_its_key_or_of_another_length(void **state)
{
    char code[SECRET_CODE_MAX];

    (void)state;
    struct keyring *keyring = load_good();
    assert_false(secret_mint_code(keyring, 2, salt, 1, "person@example.jp", 6, code));
    assert_false(secret_mint_code(keyring, 1, salt, 1, "person@example.jp", 7, code));
    keyring_free(keyring);
}

static void test_codes_are_the_same_or_not(void **state)
{
    (void)state;
    assert_true(secret_same("123456", "123456"));
    assert_false(secret_same("123456", "123457"));
    assert_false(secret_same("123456", "12345"));
    assert_false(secret_same("", "1"));
}

static void test_a_counted_address_has_one_name_and_no_other_the_same(void **state)
{
    uint8_t one[SECRET_HASH_BYTES], again[SECRET_HASH_BYTES], client[SECRET_HASH_BYTES];

    (void)state;
    struct keyring *keyring = load_good();
    secret_counter_name(keyring, "address", "person@example.jp", one);
    secret_counter_name(keyring, "address", "person@example.jp", again);
    secret_counter_name(keyring, "client", "person@example.jp", client);
    assert_memory_equal(one, again, sizeof(one));
    assert_memory_not_equal(one, client, sizeof(one));
    keyring_free(keyring);
}

/* ---- signatures */

/* RFC 2202 section 3, case 2; RFC 4231 section 4.3. */
static void test_what_others_sign_is_the_hmac_of_the_rfcs(void **state)
{
    static const uint8_t sha1[] = {0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74,
                                   0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
    uint8_t mac[SECRET_HASH_BYTES];

    (void)state;
    assert_int_equal(secret_hmac(SECRET_SHA1, "Jefe", 4, "what do ya want for nothing?", 28, mac),
                     sizeof(sha1));
    assert_memory_equal(mac, sha1, sizeof(sha1));
    assert_int_equal(secret_hmac(SECRET_SHA256, "Jefe", 4, "what do ya want for nothing?", 28, mac),
                     SECRET_HASH_BYTES);
    assert_int_equal(mac[0], 0x5b);
    assert_int_equal(mac[31], 0x43);
}

static void test_a_signature_holds_for_its_body_purpose_and_keys_alone(void **state)
{
    char signature[SECRET_SIGNATURE_MAX];

    (void)state;
    struct keyring *keyring = load_good();
    secret_sign(keyring, SECRET_SANDBOX, "a=1", 3, signature);
    assert_true(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
    assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=2", 3, signature));
    assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 2, signature));
    assert_false(secret_verify(keyring, SECRET_LINK, "a=1", 3, signature));
    keyring_free(keyring);

    write_key("sandbox-2.key", COUNTING);
    keyring = load_good();
    assert_true(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature)); /* by key 1 */
    keyring_free(keyring);

    assert_int_equal(unlink(folder_path("sandbox-1.key")), 0);
    keyring = load_good();
    assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
    keyring_free(keyring);
}

static void test_every_key_of_the_ring_verifies_wherever_it_stands(void **state)
{
    static const char *const keys[] = {
        COUNTING, COUNTING_ON, "ff02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fff"};
    char signatures[MEM_COUNT(keys)][SECRET_SIGNATURE_MAX];

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(keys); i++) {
        char name[32];

        snprintf(name, sizeof(name), "sandbox-%zu.key", i + 1);
        write_key(name, keys[i]);
        struct keyring *keyring = load_good(); /* the newest signs */
        secret_sign(keyring, SECRET_SANDBOX, "a=1", 3, signatures[i]);
        keyring_free(keyring);
    }
    struct keyring *keyring = load_good();
    for (size_t i = 0; i < MEM_COUNT(keys); i++)
        assert_true(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signatures[i]));
    keyring_free(keyring);
}

static void test_every_changed_digit_of_a_signature_is_seen(void **state)
{
    char signature[SECRET_SIGNATURE_MAX];

    (void)state;
    struct keyring *keyring = load_good();
    secret_sign(keyring, SECRET_SANDBOX, "a=1", 3, signature);
    for (size_t i = 0; i < 64; i++) {
        char was = signature[i];

        signature[i] = was == '0' ? '1' : '0';
        assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
        signature[i] = 'x';
        assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
        signature[i] = was;
    }
    assert_true(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
    keyring_free(keyring);
}

static void test_a_signature_of_another_length_is_refused(void **state)
{
    char signature[SECRET_SIGNATURE_MAX + 2];

    (void)state;
    struct keyring *keyring = load_good();
    assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, ""));
    secret_sign(keyring, SECRET_SANDBOX, "a=1", 3, signature);
    snprintf(signature + 64, sizeof(signature) - 64, "00");
    assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
    signature[62] = '\0';
    assert_false(secret_verify(keyring, SECRET_SANDBOX, "a=1", 3, signature));
    keyring_free(keyring);
}

/* ---- key files */

static void test_a_key_file_open_to_everybody_is_refused(void **state)
{
    static const mode_t open_modes[] = {0644, 0604, 0602, 0646};
    static const mode_t closed_modes[] = {0600, 0640, 0660, 0440};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(open_modes); i++) {
        chmod(folder_path("link-1.key"), open_modes[i]);
        assert_refused("link-1.key", "by everybody");
    }
    for (size_t i = 0; i < MEM_COUNT(closed_modes); i++) {
        chmod(folder_path("link-1.key"), closed_modes[i]);
        keyring_free(load_good());
    }
}

static void test_a_folder_in_which_everybody_can_put_a_key_is_refused(void **state)
{
    (void)state;
    chmod(folder, 0703);
    assert_refused("", "can be written by everybody");
    chmod(folder, 01777);
    assert_refused("", "can be written by everybody");
    chmod(folder, 0755);
    keyring_free(load_good());
}

static void test_what_is_not_64_digits_is_refused(void **state)
{
    static const char *const contents[] = {"",
                                           "\n",
                                           COUNTING_ON "0",
                                           COUNTING "\n\n",
                                           COUNTING "\r\n",
                                           " " COUNTING,
                                           "0x0102030405060708090a0b0c0d0e0f101112131415161718191a1"
                                           "b1c1d1e1f",
                                           "000102030405060708090a0b0c0d0e0f101112131415161718191a1"
                                           "b1c1d1e\n",
                                           "000102030405060708090a0b0c0d0e0f101112131415161718191a1"
                                           "b1c1d1e1g\n"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(contents); i++) {
        folder_write("link-1.key", contents[i], strlen(contents[i]), 0600);
        assert_refused("link-1.key", "64 hexadecimal digits");
        assert_null(strstr(error, "0a0b0c"));
    }
    folder_write("link-1.key", COUNTING, 64, 0600); /* an editor that leaves the newline out */
    keyring_free(load_good());
}

static void test_a_key_of_zeros_is_refused(void **state)
{
    (void)state;
    write_key("link-1.key", "0000000000000000000000000000000000000000000000000000000000000000");
    assert_refused("link-1.key", "zeros");
}

static void test_a_purpose_without_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(unlink(folder_path("sandbox-1.key")), 0);
    assert_refused("holds", "no key for sandbox");
}

static void test_every_purpose_without_key_is_told_with_the_command_that_makes_one(void **state)
{
    (void)state;
    assert_int_equal(unlink(folder_path("link-1.key")), 0);
    assert_int_equal(unlink(folder_path("sandbox-1.key")), 0);
    assert_refused("holds", "no key for link and no key for sandbox; \"hersysctl key init\"");
}

static void test_the_sandbox_needs_no_key_where_it_is_off(void **state)
{
    struct keyring *keyring;

    (void)state;
    assert_int_equal(unlink(folder_path("sandbox-1.key")), 0);
    keyring = keyring_load(folder, false, error, sizeof(error));
    assert_non_null(keyring);
    keyring_free(keyring);
}

static void test_a_misspelt_key_file_is_not_left_out_silently(void **state)
{
    static const char *const names[] = {"lnik-2.key",  "link-0.key",  "link-02.key",
                                        "link-.key",   "link.key",    "link-32768.key",
                                        "link-2x.key", "link--2.key", "link-123456.key"};

    (void)state;
    for (size_t i = 0; i < MEM_COUNT(names); i++) {
        write_key(names[i], COUNTING);
        assert_refused(names[i], "is not named by a purpose");
        unlink(folder_path(names[i]));
    }
    write_key("README", "no key");
    write_key("link-2.key.new", "no key yet");
    keyring_free(load_good());
}

static void test_what_is_no_plain_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(folder_path("link-2.key"), 0600), 0);
    assert_refused("link-2.key", "no plain file");
    unlink(folder_path("link-2.key"));
    assert_int_equal(mkdir(folder_path("link-2.key"), 0700), 0);
    assert_refused("link-2.key", "no plain file");
}

static void test_a_missing_folder_is_told(void **state)
{
    (void)state;
    assert_null(keyring_load(folder_path("none"), true, error, sizeof(error)));
    assert_non_null(strstr(error, "none: cannot be read: No such file or directory"));
}

static void test_more_keys_than_the_ring_holds_are_refused(void **state)
{
    (void)state;
    for (int i = 2; i <= 65; i++) {
        char name[32];

        snprintf(name, sizeof(name), "link-%d.key", i);
        write_key(name, COUNTING);
    }
    assert_refused("", "more than 64 keys");
}

/* ---- randomness */

static void test_a_new_key_is_a_key_file_and_no_two_are_equal(void **state)
{
    char one[66], other[66];

    (void)state;
    secret_new_key_line(one);
    secret_new_key_line(other);
    assert_int_equal(strlen(one), 65);
    assert_string_not_equal(one, other);
    folder_write("link-1.key", one, strlen(one), 0600);
    keyring_free(load_good());
}

static void test_random_numbers_stay_below_their_bound_and_reach_all_of_it(void **state)
{
    unsigned seen = 0;
    uint8_t one[16], other[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint32_t number = secret_random_below(6);

        assert_in_range(number, 0, 5);
        seen |= 1U << number;
    }
    assert_int_equal(seen, 0x3f); /* missed by chance once in 10^78 */
    secret_random(one, sizeof(one));
    secret_random(other, sizeof(other));
    assert_memory_not_equal(one, other, sizeof(one));
}

#define WITH_KEYS(test) cmocka_unit_test_setup(test, fill_folder)

static void test_an_api_token_has_a_name_and_256_random_bits(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char kid[2][SECRET_KID_MAX], secret[2][SECRET_API_MAX];

    (void)state;
    for (int i = 0; i < 2; i++) {
        secret_new_api_token(kid[i], secret[i]);
        assert_int_equal(strlen(kid[i]), 12);
        assert_int_equal(strspn(kid[i], "abcdefghijklmnopqrstuvwxyz234567"), 12);
        assert_int_equal(strlen(secret[i]), 43);
        assert_int_equal(strspn(secret[i], digits), 43);
    }
    assert_string_not_equal(kid[0], kid[1]);
    assert_string_not_equal(secret[0], secret[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base32_is_that_of_rfc_4648_without_padding),
        WITH_KEYS(test_a_signature_is_the_hmac_sha256_of_rfc_4231),
        cmocka_unit_test(test_a_checksum_is_the_sha256_of_fips_180_4),
        WITH_KEYS(test_a_token_can_be_minted_from_the_documented_layout_alone),
        WITH_KEYS(test_every_part_of_a_link_changes_its_token),
        WITH_KEYS(test_a_token_is_the_same_after_the_next_key_has_come),
        WITH_KEYS(test_no_token_without_its_key),
        WITH_KEYS(test_a_code_is_truncated_as_in_rfc_4226_and_keeps_its_zeros),
        WITH_KEYS(test_no_code_without_its_key_or_of_another_length),
        cmocka_unit_test(test_codes_are_the_same_or_not),
        WITH_KEYS(test_a_counted_address_has_one_name_and_no_other_the_same),
        cmocka_unit_test(test_what_others_sign_is_the_hmac_of_the_rfcs),
        WITH_KEYS(test_the_sandbox_needs_no_key_where_it_is_off),
        WITH_KEYS(test_a_signature_holds_for_its_body_purpose_and_keys_alone),
        WITH_KEYS(test_every_key_of_the_ring_verifies_wherever_it_stands),
        WITH_KEYS(test_every_changed_digit_of_a_signature_is_seen),
        WITH_KEYS(test_a_signature_of_another_length_is_refused),
        WITH_KEYS(test_a_key_file_open_to_everybody_is_refused),
        WITH_KEYS(test_a_folder_in_which_everybody_can_put_a_key_is_refused),
        WITH_KEYS(test_what_is_not_64_digits_is_refused),
        WITH_KEYS(test_a_key_of_zeros_is_refused),
        WITH_KEYS(test_a_purpose_without_key_is_refused),
        WITH_KEYS(test_every_purpose_without_key_is_told_with_the_command_that_makes_one),
        WITH_KEYS(test_a_misspelt_key_file_is_not_left_out_silently),
        WITH_KEYS(test_what_is_no_plain_file_is_refused_without_waiting),
        WITH_KEYS(test_a_missing_folder_is_told),
        WITH_KEYS(test_more_keys_than_the_ring_holds_are_refused),
        WITH_KEYS(test_a_new_key_is_a_key_file_and_no_two_are_equal),
        cmocka_unit_test(test_an_api_token_has_a_name_and_256_random_bits),
        cmocka_unit_test(test_random_numbers_stay_below_their_bound_and_reach_all_of_it),
    };

    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
