/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One pass over all processes: what they have open, and in which mount namespaces they live. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/lookers.h"
#include "service/usage/namespaces.h"
#include "service/usage/openers.h"
#include "service/usage/settle.h"
#include "service/usage/storage.h"

/* How long udev may take for what it is at. */
#define UDEV_MSEC 2000

/* Room for a process id as text. */
#define PID_SIZE 16

/* The kernel is what takes the time here, and it can do so on several processors at once. A thread is not
 * worth while for a few. */
#define THREADS_MAX 4
#define PROCESSES_PER_THREAD 256

/* What the threads share that go over the processes. */
struct pass {
        struct look *look;
        int proc;
        struct namespaces *namespaces; /* NULL where no mount matters */

        char (*pids)[PID_SIZE];
        size_t n_pids;
        atomic_size_t next; /* which of them is to be looked at next */
};

/* One thread's share. */
struct share {
        struct pass *pass;
        struct wanted *wanted;
        pthread_t thread;
        int result;
};

static void *look_at_share(void *userdata) {
        struct share *share = userdata;
        struct pass *pass = share->pass;
        size_t i;

        while (share->result >= 0 && (i = atomic_fetch_add(&pass->next, 1)) < pass->n_pids) {
                const char *pid = pass->pids[i];

                if (wanted_any(share->wanted))
                        share->result = openers_look(share->wanted, pass->proc, pid);
                if (share->result >= 0 && pass->namespaces)
                        share->result = namespaces_look(pass->namespaces, pass->proc, pid);
        }

        return NULL;
}

static int note_process(const char *name, void *userdata) {
        struct pass *pass = userdata;
        char(*pid)[PID_SIZE];

        if (!isdigit((unsigned char) name[0]) || strlen(name) >= PID_SIZE || atol(name) == getpid())
                return 0;

        pid = array_append(&pass->pids, &pass->n_pids, sizeof(*pid));
        if (!pid)
                return -ENOMEM;
        strcpy(*pid, name);
        return 0;
}

/* The calling thread takes a share as well: where no other one can be started, it takes all. */
static int look_at_shares(struct pass *pass, struct share *shares, size_t n) {
        size_t started = 1;
        int r = 0;

        while (started < n &&
               pthread_create(&shares[started].thread, NULL, look_at_share, &shares[started]) == 0)
                started++;
        look_at_share(&shares[0]);
        for (size_t i = 1; i < started; i++)
                pthread_join(shares[i].thread, NULL);

        for (size_t i = 0; i < n; i++)
                r = r < 0 ? r : shares[i].result;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = openers_hand_over(shares[i].wanted, pass->look);
        return r;
}

static size_t count_threads(size_t n_processes) {
        size_t n = 1;

        while (n < THREADS_MAX && n < (size_t) get_nprocs() && n_processes > n * PROCESSES_PER_THREAD)
                n++;
        return n;
}

static int look_at_processes(struct pass *pass) {
        struct share shares[THREADS_MAX] = {};
        size_t n = count_threads(pass->n_pids);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                shares[i] = (struct share){ .pass = pass, .wanted = wanted_new(pass->look) };
                if (!shares[i].wanted)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = look_at_shares(pass, shares, n);
        for (size_t i = 0; i < n; i++)
                wanted_free(shares[i].wanted);
        return r;
}

/* Whoever lacks these sees no other user's processes, and must not conclude anything from that (proc(5)). */
static bool may_see_all(void) {
        const unsigned needed = 1U << CAP_SYS_PTRACE | 1U << CAP_DAC_READ_SEARCH;
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        return syscall(SYS_capget, &header, data) >= 0 && (data[0].effective & needed) == needed;
}

static int open_proc(const struct look *look) {
        _cleanup_free_ char *path = root_path(look->root, "/proc");

        return path ? sysfs_open_directory(AT_FDCWD, path) : -ENOMEM;
}

static int look_at_all(struct look *look, int proc, bool mounts) {
        _cleanup_(namespaces_freep) struct namespaces *namespaces = NULL;
        struct pass pass = { .look = look, .proc = proc };
        int r = 0;

        /* The host's mounts come first: what is among them is nothing special elsewhere. */
        if (mounts && storage_is_there(look))
                r = namespaces_new(look, proc, &namespaces);
        pass.namespaces = namespaces;
        if (r >= 0)
                r = sysfs_foreach(proc, ".", note_process, &pass);
        if (r >= 0)
                r = look_at_processes(&pass);

        free(pass.pids);
        return r;
}

static bool root_has_any_open(const struct look *look) {
        for (size_t i = 0; i < look->n_openers; i++)
                if (look->openers[i].uid == 0)
                        return true;

        return false;
}

static void forget_openers(struct look *look) {
        openers_free(look->openers, look->n_openers);
        look->openers = NULL;
        look->n_openers = 0;
}

/* Those who had something open are asked again. */
static int look_again(struct look *look, int proc) {
        _cleanup_(wanted_freep) struct wanted *wanted = wanted_new(look);
        struct opener *before = look->openers;
        size_t n = look->n_openers;
        char pid[PID_SIZE];
        int r = 0;

        if (!wanted)
                return -ENOMEM;
        look->openers = NULL;
        look->n_openers = 0;

        /* What one process has open stands side by side. */
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (i > 0 && before[i].pid == before[i - 1].pid)
                        continue;
                snprintf(pid, sizeof(pid), "%d", before[i].pid);
                r = openers_look(wanted, proc, pid);
        }

        openers_free(before, n);
        return r < 0 ? r : openers_hand_over(wanted, look);
}

static bool has_nodes(const struct look *look) {
        for (size_t i = 0; i < look->n_parts; i++)
                if (look->parts[i].number != 0)
                        return true;

        return false;
}

int processes_look(struct look *look) {
        _cleanup_close_ int proc = -EBADF;
        size_t n;
        int r;

        if (!has_nodes(look) && !storage_is_there(look))
                return 0;
        if (!may_see_all())
                return -EPERM;

        proc = open_proc(look);
        if (proc < 0)
                return proc;

        r = look_at_all(look, proc, true);
        if (r < 0 || !root_has_any_open(look))
                return r;

        /* What udev starts looks at a new disk for a moment, as root. It may be done since it was seen: that
         * there is nothing to wait for says nothing of what was seen. */
        n = look->n_openers;
        udev_wait(look->root, UDEV_MSEC);
        r = look_again(look, proc);
        if (r < 0 || look->n_openers >= n)
                return r;

        /* What a process has closed, another one may have had from it before. */
        forget_openers(look);
        return look_at_all(look, proc, false);
}
