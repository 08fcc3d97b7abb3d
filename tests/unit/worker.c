/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Workers as processes: what they inherit, what becomes of them, and how one is known again. */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "service/move/workers/worker.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"

static const struct fake_function functions[] = { { .address = NIC, .driver = "e1000e", .group = "1" } };

struct heard {
        unsigned reports, ends;
        struct report last;
};

static void on_report(struct worker *worker, const struct report *report, void *userdata) {
        struct heard *heard = userdata;

        heard->reports += report != NULL;
        heard->ends += report == NULL;
        if (report)
                heard->last = *report;
}

static struct worker *start(struct stage *stage, struct heard *heard) {
        struct worker *worker = NULL;

        assert_ok(worker_start(stage->event, stage->worker, on_report, heard, &worker));
        return worker;
}

static struct order order_to_look(struct stage *stage) {
        return (struct order){ .kind = STEP_LOOK,
                               .address = at(NIC),
                               .identity = host_function(&stage->host, NIC)->identity };
}

static bool has_ended(int pidfd, int timeout_msec) {
        struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

        return poll(&poll_fd, 1, timeout_msec) > 0;
}

static void test_reports(void **state) {
        struct stage *stage = *state;
        struct heard heard = {};
        struct worker *worker = start(stage, &heard);
        struct order order = order_to_look(stage);

        for (unsigned i = 1; i <= 5; i++)
                assert_ok(worker_order(worker, &order));
        while (heard.reports < 5)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        assert_int_equal(heard.last.error, 0);
        assert_string_equal(heard.last.driver, "e1000e");

        order.identity++;
        assert_ok(worker_order(worker, &order));
        while (heard.reports < 6)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        assert_int_equal(heard.last.error, -ESTALE);
        assert_false(heard.last.has_state);
        assert_int_equal(heard.ends, 0);
        worker_dismiss(worker);
}

/* Nothing of ours but its socket: no descriptor, no blocked signal. */
static void test_inherits_nothing(void **state) {
        struct stage *stage = *state;
        struct heard heard = {};
        _cleanup_free_ char *command = NULL;
        struct worker *worker = start(stage, &heard);
        struct order order = order_to_look(stage);
        char line[256], masks[256] = "", path[64];
        FILE *pipe, *status;

        /* Once it answers, it is itself. */
        assert_ok(worker_order(worker, &order));
        while (heard.reports < 1)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));

        assert_true(asprintf(&command, "ls -l /proc/%" PRIu64 "/fd", worker_identity(worker).pid) >= 0);
        pipe = popen(command, "re");
        while (fgets(line, sizeof(line), pipe)) {
                const char *arrow = strstr(line, "-> ");

                if (arrow && !strstr(arrow, stage->host.tree->path))
                        assert_row(strstr(arrow, "socket:") || strstr(arrow, "/dev/null"), "%s", line);
        }
        pclose(pipe);

        snprintf(path, sizeof(path), "/proc/%" PRIu64 "/status", worker_identity(worker).pid);
        status = fopen(path, "re");
        while (fgets(line, sizeof(line), status))
                if (startswith(line, "SigBlk:"))
                        snprintf(masks, sizeof(masks), "%s", line + strlen("SigBlk:"));
        fclose(status);
        assert_int_equal(strtoull(masks, NULL, 16), 0);
        worker_dismiss(worker);
}

/* A descriptor comes with the report, is nobody else's, and is closed where nobody takes it. */
static void test_descriptor(void **state) {
        struct stage *stage = *state;
        struct heard heard = {};
        struct worker *worker = start(stage, &heard);
        struct order order = order_to_look(stage);
        _cleanup_close_ int taken = -EBADF;
        int left;

        order.kind = STEP_OPEN;
        for (unsigned i = 1; i <= 2; i++) {
                assert_ok(worker_order(worker, &order));
                while (heard.reports < i)
                        assert_ok(sd_event_run(stage->event, UINT64_MAX));
                assert_int_equal(heard.last.error, 0);
                assert_string_equal(heard.last.value, "/dev/vfio/1");
                if (i == 1)
                        taken = worker_take_descriptor(worker);
        }
        assert_true(fcntl(taken, F_GETFD) & FD_CLOEXEC);

        left = worker_take_descriptor(worker);
        assert_true(left >= 0 && left != taken);
        close(left);
        assert_true(worker_take_descriptor(worker) < 0);

        /* The next one is left to the worker's end. */
        assert_ok(worker_order(worker, &order));
        while (heard.reports < 3)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        worker_dismiss(worker);
        assert_int_equal(fcntl(left, F_GETFD), -1);
}

static void test_dismissed(void **state) {
        struct stage *stage = *state;
        struct heard heard = {};
        struct worker *worker = start(stage, &heard);
        struct worker_identity identity = worker_identity(worker);
        int pidfd = assert_ok(worker_identity_open(&identity));

        assert_false(has_ended(pidfd, 0));
        worker_dismiss(worker);
        assert_true(has_ended(pidfd, 10000));
        close(pidfd);

        /* Reaped by the loop, and nothing is reported any more. */
        while (kill((pid_t) identity.pid, 0) == 0)
                assert_ok(sd_event_run(stage->event, 10000));
        assert_int_equal(heard.reports + heard.ends, 0);
        assert_int_equal(worker_identity_open(&identity), -ESRCH);
}

static void test_killed(void **state) {
        struct stage *stage = *state;
        struct heard heard = {};
        struct worker *worker = start(stage, &heard);
        struct order order = order_to_look(stage);

        kill((pid_t) worker_identity(worker).pid, SIGKILL);
        while (heard.ends == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        assert_int_equal(heard.ends, 1);
        assert_int_equal(worker_order(worker, &order), -EPIPE);
        worker_dismiss(worker);
        assert_null(worker_dismiss(NULL));
}

static void test_too_far_behind(void **state) {
        struct stage *stage = *state;
        struct heard heard = {};
        struct worker *worker = start(stage, &heard);
        struct order order = order_to_look(stage);
        unsigned n = 0, r = 0;

        stage_fault(stage, "look", NIC, 1, "hang");
        while ((r = (unsigned) -worker_order(worker, &order)) == 0)
                n++;
        assert_int_equal(r, EAGAIN);
        assert_true(n >= 32); /* what an observation sends ahead */
        stage_release(stage);
        while (heard.reports < n)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        worker_dismiss(worker);
}

static void test_no_program(void **state) {
        static const char *const programs[] = { "/nowhere/worker", "/dev/null", "/" };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
                struct worker *worker = NULL;

                assert_row(worker_start(stage->event, programs[i], on_report, NULL, &worker) < 0, "%s",
                           programs[i]);
                assert_null(worker);
        }
}

static void test_identity(void **state) {
        struct worker_identity self = { .pid = (uint64_t) getpid() };
        char path[64], text[1024] = {}, buffer[128] = "x";
        FILE *file;
        const char *p;
        int fd;

        /* The start time as proc(5) has it, past a name that may contain anything. */
        snprintf(path, sizeof(path), "/proc/self/stat");
        file = fopen(path, "re");
        assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
        fclose(file);
        p = strrchr(text, ')') + 2;
        for (unsigned field = 3; field < 22; field++)
                p = strchr(p, ' ') + 1;
        self.start_time = strtoull(p, NULL, 10);

        fd = assert_ok(worker_identity_open(&self));
        assert_false(has_ended(fd, 0));
        close(fd);

        /* That it cannot be looked at does not mean that it has ended. */
        for (int n = 0; n <= 1; n++) {
                struct rlimit before = spare_descriptors(n);

                assert_int_equal(worker_identity_open(&self), -EMFILE);
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        }
        self.start_time++;
        assert_int_equal(worker_identity_open(&self), -ESRCH);

        /* Where a process that does not exist sleeps. */
        self.pid = 4194304 + 1;
        assert_string_equal(worker_where(&self, buffer, sizeof(buffer)), "");
}

UNIT_MAIN(ON_STAGE(test_reports), ON_STAGE(test_inherits_nothing), ON_STAGE(test_descriptor),
          ON_STAGE(test_dismissed), ON_STAGE(test_killed), ON_STAGE(test_too_far_behind),
          ON_STAGE(test_no_program), cmocka_unit_test(test_identity))
