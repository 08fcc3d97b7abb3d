/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Idle workers: who gets one again, and when they end. */

#include <poll.h>
#include <signal.h>

#include "service/move/workers/workers.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"

static const struct fake_function functions[] = { { .address = NIC, .driver = "e1000e", .group = "1" } };

static void on_report(struct worker *worker, const struct report *report, void *userdata) {
        unsigned *n = userdata;

        assert_non_null(report);
        (*n)++;
}

static struct worker *take(struct stage *stage, unsigned *n) {
        struct worker *worker = NULL;

        assert_ok(workers_take(stage->workers, on_report, n, &worker));
        return worker;
}

static void order(struct stage *stage, struct worker *worker) {
        const struct order order = { .kind = STEP_LOOK,
                                     .address = at(NIC),
                                     .identity = host_function(&stage->host, NIC)->identity };

        assert_ok(worker_order(worker, &order));
}

static void wait_for_reports(struct stage *stage, const unsigned *n, unsigned wanted) {
        while (*n < wanted)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
}

/* A pidfd of the worker, which tells when it has ended. */
static int watch(const struct worker *worker) {
        struct worker_identity identity = worker_identity(worker);
        int fd = worker_identity_open(&identity);

        assert_true(fd >= 0);
        return fd;
}

static bool has_ended(int pidfd, int timeout_msec) {
        struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

        return poll(&poll_fd, 1, timeout_msec) > 0;
}

static void test_again(void **state) {
        struct stage *stage = *state;
        unsigned first = 0, second = 0;
        struct worker *worker = take(stage, &first);
        uint64_t pid = worker_identity(worker).pid;

        order(stage, worker);
        wait_for_reports(stage, &first, 1);
        assert_null(workers_give_back(stage->workers, worker));

        worker = take(stage, &second);
        assert_int_equal(worker_identity(worker).pid, pid);
        order(stage, worker);
        wait_for_reports(stage, &second, 1);
        assert_int_equal(first, 1);
        workers_give_back(stage->workers, worker);
}

/* Nobody gets one that may sleep in the kernel, or the answer to somebody else's order. */
static void test_owing(void **state) {
        struct stage *stage = *state;
        unsigned n = 0;
        struct worker *worker = take(stage, &n);
        _cleanup_close_ int pidfd = watch(worker);

        order(stage, worker);
        workers_give_back(stage->workers, worker);
        assert_true(has_ended(pidfd, 10000));

        worker = take(stage, &n);
        order(stage, worker);
        wait_for_reports(stage, &n, 1);
        assert_int_equal(n, 1);
        workers_give_back(stage->workers, worker);
}

/* SEEN: the event loop has noticed the end before the next one asks. */
static void take_after_end(struct stage *stage, bool seen) {
        unsigned n = 0;
        struct worker *worker = take(stage, &n);
        uint64_t pid = worker_identity(worker).pid;
        _cleanup_close_ int pidfd = watch(worker);

        workers_give_back(stage->workers, worker);
        assert_int_equal(kill((pid_t) pid, SIGKILL), 0);
        assert_true(has_ended(pidfd, 10000));
        while (seen && sd_event_run(stage->event, 0) > 0)
                ;

        worker = take(stage, &n);
        assert_int_not_equal(worker_identity(worker).pid, pid);
        order(stage, worker);
        wait_for_reports(stage, &n, 1);
        workers_give_back(stage->workers, worker);
}

static void test_ended(void **state) {
        take_after_end(*state, false);
        take_after_end(*state, true);
}

static void test_end_after_a_while(void **state) {
        struct stage *stage = *state;
        unsigned n = 0;
        struct worker *worker = take(stage, &n);
        _cleanup_close_ int pidfd = watch(worker);

        workers_give_back(stage->workers, worker);
        for (unsigned i = 0; i < 1000 && !has_ended(pidfd, 0); i++)
                assert_ok(sd_event_run(stage->event, 10000));
        assert_true(has_ended(pidfd, 0));
}

static void test_crowd(void **state) {
        struct stage *stage = *state;
        struct worker *workers[8];
        int pidfds[ELEMENTSOF(workers)];
        unsigned n = 0, n_left = 0;

        for (size_t i = 0; i < ELEMENTSOF(workers); i++) {
                workers[i] = take(stage, &n);
                pidfds[i] = watch(workers[i]);
                order(stage, workers[i]);
        }
        wait_for_reports(stage, &n, ELEMENTSOF(workers));
        for (size_t i = 0; i < ELEMENTSOF(workers); i++)
                workers_give_back(stage->workers, workers[i]);

        for (size_t i = ELEMENTSOF(workers); i-- > 0; close(pidfds[i]))
                n_left += !has_ended(pidfds[i], i >= 2 ? 10000 : 0);
        assert_int_equal(n_left, 2);
}

UNIT_MAIN(ON_STAGE(test_again), ON_STAGE(test_owing), ON_STAGE(test_ended), ON_STAGE(test_end_after_a_while),
          ON_STAGE(test_crowd))
