/* v1_links.c - the statements of the API about registration links and their batches. */
#include "store/v1.h"

#include "base/mem.h"
#include "store/answer.h"
#include "store/array.h"

static const struct db_statement sql_send = {
    "v1_links_send",
    "SELECT status, body::text FROM hersys.v1_links_send(" STORE_CALLER ", $6::bigint[], $7::text, "
    "$8::integer, $9::bytea[], $10::text[], $11::text[])",
};
static const struct db_statement sql_link = {
    "v1_link_get",
    "SELECT status, body::text FROM hersys.v1_link_get(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_batch = {
    "v1_batch_get",
    "SELECT status, body::text FROM hersys.v1_batch_get(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_release = {
    "v1_batch_release",
    "SELECT status, body::text FROM hersys.v1_batch_release(" STORE_CALLER ", $6::bigint)",
};
static const struct db_statement sql_cancel = {
    "v1_batch_cancel",
    "SELECT status, body::text FROM hersys.v1_batch_cancel(" STORE_CALLER ", $6::bigint)",
};

bool store_v1_links_send(struct store *store, const struct store_caller *caller,
                         const struct store_link_patient *patients, size_t count,
                         const char *channel, int key_id, const uint8_t *salts, store_reply_cb *cb,
                         void *arg)
{
    struct links_array links;
    char key_text[24];
    bool asked;

    links_array_write(&links, patients, count, salts);

    struct db_param more[] = {
        PARAM(links.ids.text),   PARAM(channel),           PARAM(param_int(key_text, key_id)),
        PARAM(links.salts.text), PARAM(links.phones.text), PARAM(links.input_ids.text)};

    asked = store_call(store, &sql_send, caller, more, MEM_COUNT(more), cb, arg);
    links_array_free(&links);
    return asked;
}

static bool call_of_id(struct store *store, const struct db_statement *statement,
                       const struct store_caller *caller, int64_t id, store_reply_cb *cb, void *arg)
{
    char id_text[24];
    struct db_param more[] = {PARAM(param_int(id_text, id))};

    return store_call(store, statement, caller, more, MEM_COUNT(more), cb, arg);
}

bool store_v1_link_get(struct store *store, const struct store_caller *caller, int64_t id,
                       store_reply_cb *cb, void *arg)
{
    return call_of_id(store, &sql_link, caller, id, cb, arg);
}

bool store_v1_batch_get(struct store *store, const struct store_caller *caller, int64_t id,
                        store_reply_cb *cb, void *arg)
{
    return call_of_id(store, &sql_batch, caller, id, cb, arg);
}

bool store_v1_batch_release(struct store *store, const struct store_caller *caller, int64_t id,
                            store_reply_cb *cb, void *arg)
{
    return call_of_id(store, &sql_release, caller, id, cb, arg);
}

bool store_v1_batch_cancel(struct store *store, const struct store_caller *caller, int64_t id,
                           store_reply_cb *cb, void *arg)
{
    return call_of_id(store, &sql_cancel, caller, id, cb, arg);
}
