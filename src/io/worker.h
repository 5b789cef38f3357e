/*
 * worker.h - threads beside the loop, for libraries that block.
 *
 * A job is handed over by copy and runs on one of the threads; what it tells comes back to the loop
 * by copy, in order. Nothing of the loop is ever touched by a worker, nor the other way round: what
 * both must see stands in memory of the job's own, behind a lock of its own.
 *
 * The threads take no signals: those are the loop's.
 */
#ifndef HERSYS_IO_WORKER_H
#define HERSYS_IO_WORKER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct workers;
struct worker; /* one thread: what a job is given of the pool */

/* On a thread; may block. `job` is the copy, and is freed when it returns. */
typedef void worker_job_cb(struct worker *worker, void *job, size_t len);

/* On the loop. It must not free the pool. */
typedef void worker_told_cb(void *arg, const void *told, size_t len);

/* `threads` of them, each with a job at a time; `backlog` jobs may wait besides. */
struct workers *workers_new(struct event_base *base, int threads, int backlog, worker_told_cb *told,
                            void *arg);

/* Hands a job over: false where the backlog is full, and nothing was taken. */
bool workers_give(struct workers *workers, worker_job_cb *run, const void *job, size_t len)
    __attribute__((warn_unused_result));

/* From within a job: what it tells reaches the loop on one of its next turns. */
void worker_tell(struct worker *worker, const void *told, size_t len);

/* From within a job: whether the pool is being freed, and the job should come to its end. */
bool worker_is_ending(struct worker *worker);

/*
 * Waits for the jobs under way, `wait_ms` at most; those that wait for a thread are dropped, and
 * what is told from now on is too. False where a thread is still in a blocking call then: it is
 * left to itself, with the memory that it shares with the pool, and ends with the process. So a
 * library that hangs cannot keep the daemon from ending.
 */
bool workers_free(struct workers *workers, int wait_ms) __attribute__((warn_unused_result));

#endif
