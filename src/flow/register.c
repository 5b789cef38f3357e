/* register.c - registration links. It never stores a token, and never logs an address. */
#include "flow/register.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

_Static_assert((int)STORE_SALT_BYTES == (int)SECRET_SALT_BYTES, "the row keeps the salt that the "
                                                                "token is made with");

/* A salt for each link; to be freed. */
static uint8_t *new_salts(size_t count)
{
    uint8_t *salts = mem_new(count, SECRET_SALT_BYTES);

    secret_random(salts, count * SECRET_SALT_BYTES);
    return salts;
}

bool register_send_batch(struct store *store, const struct keyring *keyring,
                         const struct store_caller *caller, const struct register_batch *batch,
                         store_reply_cb *cb, void *arg)
{
    uint8_t *salts = new_salts(batch->count);
    bool asked = store_v1_links_send(store, caller, batch->patients, batch->count, batch->channel,
                                     keyring_current(keyring, SECRET_LINK), salts, cb, arg);

    free(salts);
    return asked;
}

bool register_send_links(struct store *store, const struct keyring *keyring,
                         const struct register_batch *batch, const char *actor, store_batch_cb *cb,
                         void *arg)
{
    uint8_t *salts = new_salts(batch->count);
    bool asked = store_link_batch(store, batch->patients, batch->count, batch->channel,
                                  keyring_current(keyring, SECRET_LINK), salts, actor, cb, arg);

    free(salts);
    return asked;
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
