/* test_worker.c - threads beside the loop: what goes over, what comes back, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/worker.h"

enum { PARTS = 100 };

struct told {
    int job;
    int part;
};

struct loop {
    struct event_base *base;
    pthread_t thread;
    int count, wanted;
    int next[16]; /* the part that each job is to tell next */
};

static void on_told(void *arg, const void *bytes, size_t len)
{
    struct loop *loop = arg;
    struct told told;

    assert_int_equal(len, sizeof(told));
    memcpy(&told, bytes, len);
    assert_true(pthread_equal(pthread_self(), loop->thread));
    assert_int_equal(told.part, loop->next[told.job]++);
    if (++loop->count == loop->wanted)
        event_base_loopbreak(loop->base);
}

static struct loop loop_new(int wanted)
{
    return (struct loop){event_base_new(), pthread_self(), 0, wanted, {0}};
}

/* ---- jobs */

static void tell_parts(struct worker *worker, void *job, size_t len)
{
    struct told told = {0, 0};

    assert_int_equal(len, sizeof(told.job));
    memcpy(&told.job, job, len);
    for (; told.part < PARTS; told.part++)
        worker_tell(worker, &told, sizeof(told));
}

static void wait_for_end(struct worker *worker, void *job, size_t len)
{
    struct told told = {0, 0};

    (void)job;
    (void)len;
    worker_tell(worker, &told, sizeof(told));
    while (!worker_is_ending(worker))
        usleep(1000);
    worker_tell(worker, &told, sizeof(told));
}

static void block(struct worker *worker, void *job, size_t len)
{
    struct told told = {0, 0};
    int fd;

    (void)len;
    memcpy(&fd, job, sizeof(fd));
    worker_tell(worker, &told, sizeof(told));
    assert_int_equal(read(fd, &told, 1), 1);
    worker_tell(worker, &told, sizeof(told));
    close(fd);
}

static void tell_signals(struct worker *worker, void *job, size_t len)
{
    struct told told = {0, 0};
    sigset_t blocked;

    (void)job;
    (void)len;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGHUP) == 1 &&
        sigismember(&blocked, SIGPIPE) == 1)
        worker_tell(worker, &told, sizeof(told));
}

/* ---- tests */

static void test_what_a_job_tells_comes_to_the_loop_whole_and_in_order(void **state)
{
    struct loop loop = loop_new(10 * PARTS);
    struct workers *workers = workers_new(loop.base, 3, 10, on_told, &loop);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(workers_give(workers, tell_parts, &i, sizeof(i)));
    event_base_dispatch(loop.base);
    assert_int_equal(loop.count, 10 * PARTS);
    assert_true(workers_free(workers, 1000));
    event_base_free(loop.base);
}

static void test_a_full_backlog_takes_no_more(void **state)
{
    struct loop loop = loop_new(1);
    struct workers *workers = workers_new(loop.base, 1, 2, on_told, &loop);
    int job = 0;

    (void)state;
    assert_true(workers_give(workers, wait_for_end, &job, sizeof(job)));
    event_base_dispatch(loop.base); /* it is on its thread */
    assert_true(workers_give(workers, wait_for_end, &job, sizeof(job)));
    assert_true(workers_give(workers, wait_for_end, &job, sizeof(job)));
    assert_false(workers_give(workers, wait_for_end, &job, sizeof(job)));
    assert_true(workers_free(workers, 1000));
    assert_int_equal(loop.count, 1); /* what is told at the end goes nowhere */
    event_base_free(loop.base);
}

static void test_a_thread_that_hangs_is_left_behind(void **state)
{
    struct loop loop = loop_new(1);
    struct workers *workers = workers_new(loop.base, 2, 2, on_told, &loop);
    int64_t before;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_true(workers_give(workers, block, &fds[0], sizeof(fds[0])));
    event_base_dispatch(loop.base);
    before = clock_elapsed_ms();
    assert_false(workers_free(workers, 200));
    assert_in_range(clock_elapsed_ms() - before, 190, 1000);
    /* It ends later, and finds all that it needs. */
    assert_int_equal(write(fds[1], "x", 1), 1);
    usleep(50000);
    close(fds[1]);
    event_base_free(loop.base);
}

static void test_a_pool_without_work_ends_at_once(void **state)
{
    struct loop loop = loop_new(1);
    struct workers *workers = workers_new(loop.base, 8, 8, on_told, &loop);
    int64_t before = clock_elapsed_ms();

    (void)state;
    assert_true(workers_free(workers, 5000));
    assert_in_range(clock_elapsed_ms() - before, 0, 1000);
    event_base_free(loop.base);
}

static void test_signals_are_the_loops(void **state)
{
    struct loop loop = loop_new(1);
    struct workers *workers = workers_new(loop.base, 1, 1, on_told, &loop);
    sigset_t blocked;

    (void)state;
    assert_true(workers_give(workers, tell_signals, &loop.wanted, sizeof(loop.wanted)));
    event_base_dispatch(loop.base);
    assert_int_equal(loop.count, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    assert_true(workers_free(workers, 1000));
    event_base_free(loop.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_job_tells_comes_to_the_loop_whole_and_in_order),
        cmocka_unit_test(test_a_full_backlog_takes_no_more),
        cmocka_unit_test(test_a_thread_that_hangs_is_left_behind),
        cmocka_unit_test(test_a_pool_without_work_ends_at_once),
        cmocka_unit_test(test_signals_are_the_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
