/* receipt.c - hands receipts to the store. Forward only is the schema's rule; nothing is judged
 * here. */
#include "flow/receipt.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/outbox.h"

struct receipt_call {
    receipt_done_cb *done;
    void *arg;
};

static void receipt_on_count(void *arg, enum db_outcome outcome, int known)
{
    struct receipt_call *call = arg;

    (void)known; /* one whose message is not known yet waits */
    call->done(call->arg, outcome == DB_OK);
    free(call);
}

bool receipt_take(struct store *store, const char *link, const char *provider_id, const char *state,
                  const char *error, receipt_done_cb *done, void *arg)
{
    struct receipt_call *call = mem_new(1, sizeof(*call));

    call->done = done;
    call->arg = arg;
    if (store_receipt(store, link, provider_id, state, error, receipt_on_count, call))
        return true;
    free(call);
    return false;
}
