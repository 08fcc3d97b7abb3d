/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Starting workers and talking to them. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "service/host/macros.h"
#include "service/host/sysfs.h"
#include "service/move/workers/message.h"
#include "service/move/workers/worker.h"

struct worker {
        int socket;
        size_t n_owed; /* orders without a report */
        struct worker_identity identity;
        sd_event_source *source;
        worker_report_t report;
        void *userdata;
        struct findings *findings; /* borrowed */
        int descriptor;            /* that came with the last report; negative: none */
};

static int read_start_time(uint64_t pid, uint64_t *ret) {
        char path[64], text[1024];
        const char *p;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
        n = sysfs_read(AT_FDCWD, path, text, sizeof(text));
        if (n < 0)
                return (int) n;

        /* The second field is the name in parentheses, which may contain anything; the others are numbers
         * and a letter. */
        p = strrchr(text, ')');
        for (unsigned field = 2; p && field < 22; field++)
                p = strchr(p + 1, ' ');
        if (!p)
                return -EINVAL;

        *ret = strtoull(p + 1, NULL, 10);
        return 0;
}

static int spawn(const char *program, int socket, pid_t *ret) {
        char *arguments[] = { (char *) program, NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);

        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

        r = posix_spawn(ret, program, &actions, &attributes, arguments, environ);

        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        return -r;
}

/* The report may free the worker, or take the descriptor. */
static void tell_report(struct worker *worker, const struct report *report, int descriptor) {
        closep(&worker->descriptor);
        worker->descriptor = descriptor;
        worker->n_owed--;
        worker->report(worker, report, worker->userdata);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct worker *worker = userdata;
        union {
                struct report report;
                struct finding_record finding;
        } message;
        int descriptor;
        ssize_t n;

        _Static_assert(sizeof(message.report) != sizeof(message.finding),
                       "They are told apart by their sizes.");

        n = message_receive(fd, &message, sizeof(message), &descriptor);
        /* ECONNRESET says, once, that the worker has ended before it read all orders; what it has reported
         * until then comes after it (unix_release_sock() in net/unix/af_unix.c). */
        if (n == -EAGAIN || n == -EINTR || n == -ECONNRESET)
                return 0;

        if (n == (ssize_t) sizeof(message.report)) {
                tell_report(worker, &message.report, descriptor);
                return 0;
        }
        closep(&descriptor);

        if (n == (ssize_t) sizeof(message.finding) && worker->findings &&
            finding_unpack(&message.finding, worker->findings) >= 0)
                return 0;

        /* It has ended, or lacks the memory for what it says: either way nothing more can be learnt from it.
         */
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
        worker->report(worker, NULL, worker->userdata);
        return 0;
}

/* A floating source: it outlives the worker's object, since a process in the kernel's hands may outlive that
 * by far. */
static int on_exit_of_process(sd_event_source *source, const siginfo_t *si, void *userdata) {
        sd_event_source_disable_unref(source);
        return 0;
}

static int reap_later(sd_event *event, pid_t pid) {
        sd_event_source *source;
        int r;

        r = sd_event_add_child(event, &source, pid, WEXITED, on_exit_of_process, NULL);
        if (r < 0)
                return r;

        /* Not only once: a process that is traced can be over before it can be waited for. */
        (void) sd_event_source_set_enabled(source, SD_EVENT_ON);
        if (sd_event_source_set_floating(source, true) >= 0)
                sd_event_source_unref(source);
        return 0;
}

int worker_start(sd_event *event, const char *program, worker_report_t report, void *userdata,
                 struct worker **ret) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        struct worker *worker;
        int pair[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];

        worker = calloc(1, sizeof(*worker));
        if (!worker)
                return -ENOMEM;
        worker->report = report;
        worker->userdata = userdata;
        worker->descriptor = -EBADF;

        r = sd_event_add_io(event, &worker->source, ours, EPOLLIN, on_socket, worker);
        if (r >= 0)
                r = spawn(program, theirs, &pid);
        if (r < 0) {
                sd_event_source_disable_unref(worker->source);
                free(worker);
                return r;
        }

        worker->socket = TAKE_FD(ours);
        worker->identity.pid = (uint64_t) pid;
        r = read_start_time(worker->identity.pid, &worker->identity.start_time);
        (void) reap_later(event, pid);

        /* Nobody would know it again. */
        if (r < 0) {
                worker_dismiss(worker);
                return r;
        }

        *ret = worker;
        return 0;
}

int worker_order(struct worker *worker, const struct order *order) {
        if (send(worker->socket, order, sizeof(*order), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return -errno;

        worker->n_owed++;
        return 0;
}

bool worker_is_idle(const struct worker *worker) {
        char nothing;

        /* Of one that has ended, the socket says so, perhaps before the event loop does. */
        return worker->n_owed == 0 &&
               recv(worker->socket, &nothing, sizeof(nothing), MSG_PEEK | MSG_DONTWAIT) < 0 &&
               errno == EAGAIN;
}

void worker_set_report(struct worker *worker, worker_report_t report, void *userdata) {
        worker->report = report;
        worker->userdata = userdata;
        worker->findings = NULL;
        closep(&worker->descriptor);
        worker->descriptor = -EBADF;
}

int worker_take_descriptor(struct worker *worker) {
        return TAKE_FD(worker->descriptor);
}

void worker_set_findings(struct worker *worker, struct findings *findings) {
        worker->findings = findings;
}

struct worker *worker_dismiss(struct worker *worker) {
        if (!worker)
                return NULL;

        sd_event_source_disable_unref(worker->source);
        close(worker->socket);
        closep(&worker->descriptor);
        free(worker);
        return NULL;
}

struct worker_identity worker_identity(const struct worker *worker) {
        return worker->identity;
}

int worker_identity_open(const struct worker_identity *identity) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t start_time;
        int r;

        if (identity->pid == 0 || identity->pid > INT_MAX)
                return -ESRCH;

        fd = pidfd_open((pid_t) identity->pid, 0);
        if (fd < 0)
                return -errno;

        /* Only now that the number cannot be given to another process any more. */
        r = read_start_time(identity->pid, &start_time);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        if (start_time != identity->start_time)
                return -ESRCH;

        return TAKE_FD(fd);
}

char *worker_where(const struct worker_identity *identity, char *buffer, size_t size) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%" PRIu64 "/wchan", identity->pid);
        if (sysfs_read(AT_FDCWD, path, buffer, size) < 0 || streq(buffer, "0"))
                *buffer = '\0';

        return buffer;
}
