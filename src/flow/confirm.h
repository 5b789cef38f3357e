/*
 * confirm.h - confirmation codes: asked for, minted when they are sent, tried.
 *
 * A code is never stored: it is minted from its row with a key that the database never sees
 * (base/secret.h), once for the message and once for each try.
 */
#ifndef HERSYS_FLOW_CONFIRM_H
#define HERSYS_FLOW_CONFIRM_H

#include <netinet/in.h>

#include "base/secret.h"
#include "store/inbound.h"
#include "store/v1.h"

enum { CONFIRM_CLIENT_MAX = INET6_ADDRSTRLEN + 4 };

/* What a client is counted as: an IPv4 address as it is (also one that is written as IPv6), an IPv6
 * address by its /64, "2001:db8:1:2::/64". False where it is no address. */
bool confirm_client_name(const char *address, char name[CONFIRM_CLIENT_MAX])
    __attribute__((warn_unused_result));

/* The digits of a code as a person types them: of any width, with spaces and hyphens. False where
 * there are not 6 to 8 of them, or anything else is there. */
bool confirm_read_code(const char *typed, char code[SECRET_CODE_MAX])
    __attribute__((warn_unused_result));

/* The code that a claimed message carries; the same at each try. False where the key is gone. */
bool confirm_code(const struct keyring *keyring, const struct store_claim *claim,
                  char code[SECRET_CODE_MAX]) __attribute__((warn_unused_result));

/* The address was normalised for its channel; `client` is a name of confirm_client_name(), or NULL.
 */
struct confirm_request {
    const char *channel;
    const char *address;
    const char *language;
    const char *client;
    int digits;
};

/* Asks for a code with a fresh salt and the current key. The database counts address and client by
 * names from which it cannot tell what they are. */
bool confirm_send(struct store *store, const struct keyring *keyring,
                  const struct store_caller *caller, const struct confirm_request *request,
                  store_reply_cb *cb, void *arg) __attribute__((warn_unused_result));

enum confirm_verdict {
    CONFIRM_DONE,  /* it was the code, and is used up now; or the database refused it: see reply */
    CONFIRM_WRONG, /* it was not; the try has counted */
    CONFIRM_KEY_GONE, /* the key that minted it is not on the ring any more */
};
/* `reply` and `outcome` are those of the schema where the verdict is CONFIRM_DONE. */
typedef void confirm_cb(void *arg, enum confirm_verdict verdict, int attempts_left,
                        enum db_outcome outcome, const struct store_reply *reply);

/* Counts the try first, then compares (in a time that tells nothing), then uses the code up.
 * `*keyring` is read when the answer of the database is there: a reload may have put another one in
 * its place. `code` has digits only. */
bool confirm_verify(struct store *store, const struct keyring *const *keyring,
                    const struct store_caller *caller, int64_t id, const char *code, confirm_cb *cb,
                    void *arg) __attribute__((warn_unused_result));

/* Whether digits that came by SMS are the code that a row mints. False also where the key is gone.
 */
bool confirm_same(const struct keyring *keyring, const struct store_inbound_code *asked,
                  const char *digits) __attribute__((warn_unused_result));

#endif
