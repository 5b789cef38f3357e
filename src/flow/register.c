/* register.c - registration links. It never stores a token, and never logs an address. */
#include "flow/register.h"

#include <stdio.h>

_Static_assert((int)STORE_SALT_BYTES == (int)SECRET_SALT_BYTES, "the row keeps the salt that the "
                                                                "token is made with");

bool register_send_link(struct store *store, const struct keyring *keyring, int64_t patient_id,
                        const char *actor, store_link_cb *cb, void *arg)
{
    uint8_t salt[SECRET_SALT_BYTES];

    secret_random(salt, sizeof(salt));
    return store_link_send(store, patient_id, keyring_current(keyring, SECRET_LINK), salt, actor,
                           cb, arg);
}

bool register_link_url(const struct keyring *keyring, const char *base_url,
                       const struct store_claim *claim, char url[REGISTER_URL_MAX])
{
    char token[SECRET_TOKEN_MAX];
    int len;

    if (!secret_mint_link(keyring, claim->link.key_id, claim->link.salt, claim->link.generation,
                          claim->recipient, token))
        return false;
    len =
        snprintf(url, REGISTER_URL_MAX, "%s/r/%lld-%s", base_url, (long long)claim->link_id, token);
    return len > 0 && len < REGISTER_URL_MAX;
}
