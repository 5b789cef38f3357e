/*
 * answer.h - what each statement of this folder shares: the caller's callback, kept until the
 * result is there.
 */
#ifndef HERSYS_STORE_ANSWER_H
#define HERSYS_STORE_ANSWER_H

#include "store/outbox.h"

/* A function call of the schema that answers with one number of rows or one count. */
bool answer_count(struct db *db, const struct db_statement *statement,
                  const struct db_param *params, int count, store_count_cb *cb, void *arg)
    __attribute__((warn_unused_result));

/* One that answers with one text. */
bool answer_word(struct db *db, const struct db_statement *statement, const struct db_param *params,
                 int count, store_word_cb *cb, void *arg) __attribute__((warn_unused_result));

/* The same for a result that is rows: `read` gets it, with `cb` and `arg` in `answer`. */
struct answer {
    void (*cb)(void); /* cast back by `read` */
    void *arg;
    void (*read)(const struct answer *answer, enum db_outcome outcome, const PGresult *result);
};
bool answer_rows(struct db *db, const struct db_statement *statement, const struct db_param *params,
                 int count, const struct answer *answer) __attribute__((warn_unused_result));

/* The three columns from `column` on: key, generation, salt in hexadecimal digits. False where
 * there is no secret to mint. */
bool store_read_mint(struct store_mint *mint, const PGresult *result, int row, int column)
    __attribute__((warn_unused_result));

/* Text parameters. */
#define PARAM(text) ((struct db_param){.value = (text)})
/* A number as a parameter; `buffer` is a char[24] that lives until the call. */
const char *param_int(char buffer[24], int64_t value);

#endif
