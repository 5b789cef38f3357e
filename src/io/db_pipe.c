/*
 * db_pipe.c - sends statements down a pipeline, each with a sync of its own, and hands out the
 * results, each exactly once and in order. It must not know any SQL, wait, open or close a
 * connection, or log.
 *
 * A callback may add statements and may take the connection away (db_free()): whatever calls one
 * looks at `conn` behind it.
 */
#include "io/db_pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { STATEMENT_NAME_MAX = 64 }; /* PostgreSQL's own limit for a name */

enum request_stage {
    STAGE_QUEUED,    /* libpq has nothing of it */
    STAGE_PREPARING, /* the result and the sync of its prepare come first */
    STAGE_EXECUTING,
};

struct db_request {
    TAILQ_ENTRY(db_request) entry;
    struct db_statement statement;
    db_result_cb *cb;
    void *arg;
    enum request_stage stage;
    int prepared;        /* index of its statement in the connection's table */
    int generation;      /* under which it was executed */
    bool prepare_failed; /* `result` says why; what its execution says only follows from that */
    bool in_doubt; /* executed, then the server ended the connection: before or after the commit */
    PGresult *result; /* kept until its sync: the commit comes after the result */
    int count;
    const char **values; /* the parameters: pointers, lengths, formats and bytes in one block */
    int *lengths;
    int *formats;
};

enum prepared_state { PREPARED_NOT, PREPARED_ASKED, PREPARED_READY };

/* What this connection has prepared. A statement that the server invalidated (a migration changed
 * its columns) is prepared anew under another name: libpq 15 cannot close one inside a pipeline. */
struct db_prepared {
    struct db_statement statement;
    enum prepared_state state;
    int generation;
};

const char *db_sqlstate(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state != NULL ? state : "";
}

/* FATAL and PANIC end the connection, ERROR only the statement. Where the server is stopped at once
 * or another backend crashed it says so in a warning (57P01, 57P02) and goes. */
bool db_ends_connection(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity == NULL || strcmp(severity, "ERROR") == 0)
        return false;
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0 ||
           strncmp(db_sqlstate(result), "57P0", 4) == 0;
}

void db_pipe_note_last_words(struct db_pipe *pipe, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    snprintf(pipe->last_words, sizeof(pipe->last_words), "%s (%s)", message != NULL ? message : "",
             db_sqlstate(result));
}

void db_pipe_init(struct db_pipe *pipe)
{
    memset(pipe, 0, sizeof(*pipe));
    TAILQ_INIT(&pipe->sent);
    TAILQ_INIT(&pipe->queued);
}

void db_pipe_attach(struct db_pipe *pipe, PGconn *conn)
{
    pipe->conn = conn;
}

void db_pipe_detach(struct db_pipe *pipe)
{
    pipe->conn = NULL;
    pipe->blocked = false;
    free(pipe->prepared);
    pipe->prepared = NULL;
    pipe->prepared_count = 0;
}

/* ---------------------------------------------------------------- requests */

static size_t param_size(const struct db_param *param)
{
    if (param->value == NULL)
        return 0;
    return param->binary ? param->len : strlen(param->value) + 1;
}

static void request_copy_params(struct db_request *request, const struct db_param *params,
                                int count)
{
    size_t n = (size_t)count;
    size_t size = n * (sizeof(char *) + 2 * sizeof(int));

    for (int i = 0; i < count; i++)
        size += param_size(&params[i]);
    request->count = count;
    request->values = mem_new(size, 1);
    request->lengths = (int *)(request->values + n);
    request->formats = request->lengths + n;
    char *bytes = (char *)(request->formats + n);
    for (int i = 0; i < count; i++) {
        size_t len = param_size(&params[i]);

        if (params[i].value == NULL)
            continue;
        memcpy(bytes, params[i].value, len);
        request->values[i] = bytes;
        request->lengths[i] = (int)len; /* libpq looks at it for binary values alone */
        request->formats[i] = params[i].binary;
        bytes += len;
    }
}

void db_pipe_add(struct db_pipe *pipe, const struct db_statement *statement,
                 const struct db_param *params, int count, db_result_cb *cb, void *arg)
{
    struct db_request *request = mem_new(1, sizeof(*request));

    request->statement = *statement;
    request->cb = cb;
    request->arg = arg;
    request_copy_params(request, params, count);
    TAILQ_INSERT_TAIL(&pipe->queued, request, entry);
    pipe->pending++;
}

/* What may be said of a statement whose connection is gone. */
static enum db_outcome request_outcome(const struct db_request *request)
{
    if (request->stage == STAGE_QUEUED)
        return DB_UNAVAILABLE;
    if (request->result != NULL && !request->in_doubt &&
        PQresultStatus(request->result) == PGRES_FATAL_ERROR)
        return DB_ERROR;
    return DB_LOST; /* even with a result: the word on the commit is missing */
}

/* Takes the request out of its list and calls back. */
static void request_finish(struct db_pipe *pipe, struct db_request_list *list,
                           struct db_request *request, enum db_outcome outcome)
{
    bool answered = outcome == DB_OK || outcome == DB_ERROR;

    TAILQ_REMOVE(list, request, entry);
    pipe->pending--;
    request->cb(request->arg, outcome, answered ? request->result : NULL);
    PQclear(request->result);
    free(request->values);
    free(request);
}

void db_pipe_give_up(struct db_pipe *pipe)
{
    struct db_request *request;
    int queued = pipe->pending;

    TAILQ_FOREACH(request, &pipe->sent, entry)
    queued--;
    while ((request = TAILQ_FIRST(&pipe->sent)) != NULL)
        request_finish(pipe, &pipe->sent, request, request_outcome(request));
    /* A callback may add more behind these: they wait for the next turn. */
    while (queued-- > 0 && (request = TAILQ_FIRST(&pipe->queued)) != NULL)
        request_finish(pipe, &pipe->queued, request, DB_UNAVAILABLE);
}

/* ---------------------------------------------------------------- sending */

static int prepared_find(struct db_pipe *pipe, const struct db_statement *statement)
{
    for (int i = 0; i < pipe->prepared_count; i++) {
        const struct db_statement *known = &pipe->prepared[i].statement;

        if (known->name != statement->name && strcmp(known->name, statement->name) != 0)
            continue;
        if (known->sql != statement->sql && strcmp(known->sql, statement->sql) != 0)
            log_fatal("two statements have one name");
        return i;
    }
    pipe->prepared =
        mem_grow(pipe->prepared, (size_t)pipe->prepared_count + 1, sizeof(*pipe->prepared));
    pipe->prepared[pipe->prepared_count] = (struct db_prepared){.statement = *statement};
    return pipe->prepared_count++;
}

/* Whether the first queued statement can go. It waits for the prepare of an earlier one of its
 * name: until that has succeeded nothing can rest on it. */
static bool can_send(struct db_pipe *pipe)
{
    struct db_request *request = TAILQ_FIRST(&pipe->queued);

    if (request == NULL || pipe->blocked)
        return false;
    request->prepared = prepared_find(pipe, &request->statement);
    return pipe->prepared[request->prepared].state != PREPARED_ASKED;
}

static bool send_prepare(struct db_pipe *pipe, struct db_request *request, const char *name)
{
    if (PQsendPrepare(pipe->conn, name, request->statement.sql, 0, NULL) == 0 ||
        PQpipelineSync(pipe->conn) == 0)
        return false;
    pipe->prepared[request->prepared].state = PREPARED_ASKED;
    request->stage = STAGE_PREPARING;
    return true;
}

/* Hands one statement to libpq, with its prepare where that is due. */
static bool send_request(struct db_pipe *pipe, struct db_request *request)
{
    const struct db_prepared *prepared = &pipe->prepared[request->prepared];
    char name[STATEMENT_NAME_MAX];

    if (prepared->generation == 0)
        snprintf(name, sizeof(name), "%s", request->statement.name);
    else
        snprintf(name, sizeof(name), "%d/%.48s", prepared->generation, request->statement.name);
    request->generation = prepared->generation;
    request->stage = STAGE_EXECUTING;
    if (prepared->state == PREPARED_NOT && !send_prepare(pipe, request, name)) {
        request->stage = STAGE_QUEUED; /* nothing was executed */
        return false;
    }
    TAILQ_REMOVE(&pipe->queued, request, entry);
    TAILQ_INSERT_TAIL(&pipe->sent, request, entry);
    if (PQsendQueryPrepared(pipe->conn, name, request->count, request->values, request->lengths,
                            request->formats, 0) == 0)
        return false;
    free(request->values); /* libpq has copied them */
    request->values = NULL;
    return PQpipelineSync(pipe->conn) != 0;
}

bool db_pipe_flush(struct db_pipe *pipe)
{
    int rest = PQflush(pipe->conn);

    pipe->blocked = rest > 0;
    return rest >= 0;
}

/* What the socket does not take stays queued here, where it is known never to have been sent. */
static bool send_queued(struct db_pipe *pipe)
{
    while (can_send(pipe))
        if (!send_request(pipe, TAILQ_FIRST(&pipe->queued)) || !db_pipe_flush(pipe))
            return false;
    return true;
}

/* ---------------------------------------------------------------- results */

/* The server lost the statement or would return other columns: the next one prepares it anew. */
static void forget_if_invalid(struct db_pipe *pipe, const struct db_request *request)
{
    struct db_prepared *prepared = &pipe->prepared[request->prepared];
    const char *state = db_sqlstate(request->result);

    if (request->prepare_failed || request->generation != prepared->generation ||
        (strcmp(state, "0A000") != 0 && strcmp(state, "26000") != 0))
        return;
    prepared->generation++;
    prepared->state = PREPARED_NOT;
}

static bool take_sync(struct db_pipe *pipe, struct db_request *request)
{
    if (request->stage == STAGE_PREPARING) {
        pipe->prepared[request->prepared].state =
            request->prepare_failed ? PREPARED_NOT : PREPARED_READY;
        request->stage = STAGE_EXECUTING;
        return true;
    }
    if (request->result == NULL || request->in_doubt)
        return false; /* a sync without a result, or behind the server's last word */
    if (PQresultStatus(request->result) == PGRES_FATAL_ERROR) {
        forget_if_invalid(pipe, request);
        request_finish(pipe, &pipe->sent, request, DB_ERROR);
    } else {
        request_finish(pipe, &pipe->sent, request, DB_OK);
    }
    return true;
}

/* An error behind a good result is the commit's: an ERROR took it back; but where the server ended
 * the connection, that may have been before the commit or after it. */
static void take_error(struct db_pipe *pipe, struct db_request *request, PGresult *error)
{
    if (db_ends_connection(error)) {
        db_pipe_note_last_words(pipe, error);
        request->in_doubt = request->result != NULL;
    }
    if (request->stage == STAGE_PREPARING)
        request->prepare_failed = true;
    PQclear(request->result);
    request->result = error;
}

/* Takes one result of the oldest statement. False where it is the connection's end, not a result.
 */
static bool take_result(struct db_pipe *pipe, struct db_request *request, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
                status == PGRES_EMPTY_QUERY || status == PGRES_PIPELINE_SYNC;

    if (status == PGRES_FATAL_ERROR && *db_sqlstate(result) != '\0') {
        if (request->prepare_failed && request->stage == STAGE_EXECUTING)
            PQclear(result);
        else
            take_error(pipe, request, result);
        return true;
    }
    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        return take_sync(pipe, request);
    }
    if (good && request->stage == STAGE_EXECUTING && request->result == NULL)
        request->result = result;
    else
        PQclear(result); /* a prepare's; or libpq's own error: it has lost the connection */
    return good;
}

/* Takes every result that is complete: no event would come for one that libpq has read already. */
static bool take_results(struct db_pipe *pipe)
{
    int ends = 0;

    while (!TAILQ_EMPTY(&pipe->sent) && PQisBusy(pipe->conn) == 0) {
        PGresult *result = PQgetResult(pipe->conn);

        if (result == NULL) { /* the end of a statement; its sync is next */
            if (++ends > 2)
                return false;
            continue;
        }
        ends = 0;
        if (!take_result(pipe, TAILQ_FIRST(&pipe->sent), result))
            return false;
        if (pipe->conn == NULL)
            return false;
    }
    return PQstatus(pipe->conn) == CONNECTION_OK;
}

bool db_pipe_turn(struct db_pipe *pipe, bool alive)
{
    do {
        alive = alive && send_queued(pipe);
        alive = take_results(pipe) && alive;
    } while (alive && can_send(pipe));
    return alive;
}
