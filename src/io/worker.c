/* worker.c - a pool of threads and its two queues. It knows nothing of what a job does. */
#include "io/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* A job, or what was told. */
struct parcel {
    TAILQ_ENTRY(parcel) entry;
    worker_job_cb *run;
    void *bytes;
    size_t len;
};
TAILQ_HEAD(parcels, parcel);

/* What loop and threads share: it lives until the last of them has let go. */
struct worker {
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job, or the end */
    pthread_cond_t left; /* a thread has let go */
    struct parcels jobs;
    struct parcels told;
    int waiting; /* in `jobs` */
    int holders;
    int wake; /* an eventfd: something was told */
    bool ending;
};

struct workers {
    struct worker *shared;
    struct event *woken;
    worker_told_cb *told;
    void *arg;
    int backlog;
    int threads;
    pthread_t ids[];
};

static struct parcel *parcel_new(worker_job_cb *run, const void *bytes, size_t len)
{
    struct parcel *parcel = mem_new(1, sizeof(*parcel));

    parcel->run = run;
    parcel->bytes = mem_dup(bytes, len);
    parcel->len = len;
    return parcel;
}

static void parcel_free(struct parcel *parcel)
{
    free(parcel->bytes);
    free(parcel);
}

static void parcels_free(struct parcels *parcels)
{
    struct parcel *parcel;

    while ((parcel = TAILQ_FIRST(parcels)) != NULL) {
        TAILQ_REMOVE(parcels, parcel, entry);
        parcel_free(parcel);
    }
}

static void shared_release(struct worker *shared)
{
    bool last;

    pthread_mutex_lock(&shared->lock);
    last = --shared->holders == 0;
    pthread_cond_signal(&shared->left);
    pthread_mutex_unlock(&shared->lock);
    if (!last)
        return;
    parcels_free(&shared->jobs);
    parcels_free(&shared->told);
    close(shared->wake);
    pthread_cond_destroy(&shared->work);
    pthread_cond_destroy(&shared->left);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

/* ---- on the threads */

static struct parcel *take_job(struct worker *shared)
{
    struct parcel *job = NULL;

    pthread_mutex_lock(&shared->lock);
    while (!shared->ending && TAILQ_EMPTY(&shared->jobs))
        pthread_cond_wait(&shared->work, &shared->lock);
    if (!shared->ending) {
        job = TAILQ_FIRST(&shared->jobs);
        TAILQ_REMOVE(&shared->jobs, job, entry);
        shared->waiting--;
    }
    pthread_mutex_unlock(&shared->lock);
    return job;
}

static void *thread_main(void *arg)
{
    struct worker *shared = arg;
    struct parcel *job;

    while ((job = take_job(shared)) != NULL) {
        job->run(shared, job->bytes, job->len);
        parcel_free(job);
    }
    shared_release(shared);
    return NULL;
}

void worker_tell(struct worker *worker, const void *told, size_t len)
{
    struct parcel *parcel = parcel_new(NULL, told, len);
    const uint64_t one = 1;

    pthread_mutex_lock(&worker->lock);
    TAILQ_INSERT_TAIL(&worker->told, parcel, entry);
    pthread_mutex_unlock(&worker->lock);
    while (write(worker->wake, &one, sizeof(one)) < 0) {
        /* EINTR alone: the counter cannot be full */
    }
}

bool worker_is_ending(struct worker *worker)
{
    bool ending;

    pthread_mutex_lock(&worker->lock);
    ending = worker->ending;
    pthread_mutex_unlock(&worker->lock);
    return ending;
}

/* ---- on the loop */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct workers *workers = arg;
    struct parcels told = TAILQ_HEAD_INITIALIZER(told);
    struct parcel *parcel;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&workers->shared->lock);
    TAILQ_CONCAT(&told, &workers->shared->told, entry);
    pthread_mutex_unlock(&workers->shared->lock);
    while ((parcel = TAILQ_FIRST(&told)) != NULL) {
        TAILQ_REMOVE(&told, parcel, entry);
        workers->told(workers->arg, parcel->bytes, parcel->len);
        parcel_free(parcel);
    }
}

static struct worker *shared_new(int holders)
{
    struct worker *shared = mem_new(1, sizeof(*shared));

    if (pthread_mutex_init(&shared->lock, NULL) != 0 ||
        pthread_cond_init(&shared->work, NULL) != 0 || pthread_cond_init(&shared->left, NULL) != 0)
        log_fatal("a lock cannot be made");
    TAILQ_INIT(&shared->jobs);
    TAILQ_INIT(&shared->told);
    shared->holders = holders;
    shared->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (shared->wake < 0)
        log_fatal("an event descriptor cannot be made");
    return shared;
}

struct workers *workers_new(struct event_base *base, int threads, int backlog, worker_told_cb *told,
                            void *arg)
{
    struct workers *workers =
        mem_new(1, sizeof(*workers) + (size_t)threads * sizeof(workers->ids[0]));
    sigset_t all, before;

    workers->shared = shared_new(threads + 1);
    workers->told = told;
    workers->arg = arg;
    workers->backlog = backlog;
    workers->threads = threads;
    workers->woken = event_new(base, workers->shared->wake, EV_READ | EV_PERSIST, on_wake, workers);
    if (workers->woken == NULL || event_add(workers->woken, NULL) != 0)
        log_fatal("out of memory");
    /* A thread has the mask of who makes it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers->ids[i], NULL, thread_main, workers->shared) != 0)
            log_fatal("a thread cannot be made");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return workers;
}

bool workers_give(struct workers *workers, worker_job_cb *run, const void *job, size_t len)
{
    struct worker *shared = workers->shared;
    struct parcel *parcel = NULL;

    pthread_mutex_lock(&shared->lock);
    if (shared->waiting < workers->backlog) {
        parcel = parcel_new(run, job, len);
        TAILQ_INSERT_TAIL(&shared->jobs, parcel, entry);
        shared->waiting++;
        pthread_cond_signal(&shared->work);
    }
    pthread_mutex_unlock(&shared->lock);
    return parcel != NULL;
}

/* Tells the threads to end, and waits until all have let go, or the time is up. */
static bool wait_until_left(struct worker *shared, int wait_ms)
{
    struct timespec until;
    bool all;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&shared->lock);
    shared->ending = true;
    pthread_cond_broadcast(&shared->work);
    while (shared->holders > 1)
        if (pthread_cond_clockwait(&shared->left, &shared->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    all = shared->holders == 1;
    pthread_mutex_unlock(&shared->lock);
    return all;
}

bool workers_free(struct workers *workers, int wait_ms)
{
    bool all;

    event_free(workers->woken);
    all = wait_until_left(workers->shared, wait_ms);
    for (int i = 0; i < workers->threads; i++) {
        if (all)
            pthread_join(workers->ids[i], NULL);
        else if (pthread_tryjoin_np(workers->ids[i], NULL) != 0)
            pthread_detach(workers->ids[i]);
    }
    shared_release(workers->shared);
    free(workers);
    return all;
}
