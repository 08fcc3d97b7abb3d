/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One pass over all processes: what they have open, and in which mount namespaces they live. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/lookers.h"
#include "service/usage/openers.h"
#include "service/usage/settle.h"
#include "service/usage/storage.h"

/* How long udev may take for what it is at. */
#define UDEV_MSEC 2000

struct pass {
        struct look *look;
        struct wanted *wanted;
        int proc;
        bool with_mounts;
        uint64_t *namespaces; /* those whose mounts have been looked at */
        size_t n_namespaces;
};

static bool is_known(const struct pass *pass, uint64_t namespace) {
        for (size_t i = 0; i < pass->n_namespaces; i++)
                if (pass->namespaces[i] == namespace)
                        return true;

        return false;
}

static int remember(struct pass *pass, uint64_t namespace) {
        uint64_t *known = array_append(&pass->namespaces, &pass->n_namespaces, sizeof(*known));

        if (!known)
                return -ENOMEM;

        *known = namespace;
        return 0;
}

/* Reads which mount namespace the process is in. Returns 0, -ESRCH if it has gone or is hidden by a security module, or another negative
 * errno. */
static int read_namespace(const struct pass *pass, const char *pid, uint64_t *ret) {
        char path[NAME_MAX + sizeof("/ns/mnt")], link[64];
        ssize_t n;

        snprintf(path, sizeof(path), "%s/ns/mnt", pid);
        n = readlinkat(pass->proc, path, link, sizeof(link) - 1);
        if (n < 0)
                return errno == ENOENT || errno == EACCES ? -ESRCH : -errno;
        link[n] = '\0';

        return sscanf(link, "mnt:[%" SCNu64 "]", ret) == 1 ? 0 : -EINVAL;
}

/* A namespace is known once its mounts have been read: should the first process in it go meanwhile, there is the next one. */
static int look_at_mounts(struct pass *pass, const char *pid) {
        _cleanup_mounts_ struct libmnt_table *mounts = NULL;
        uint64_t namespace;
        int r;

        r = read_namespace(pass, pid, &namespace);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        if (is_known(pass, namespace))
                return 0;

        r = mounts_read(pass->look->root, pid, &mounts);
        if (r == -ESRCH || r == -EINVAL) /* a process that is ending has no namespace any more (mounts_open_common()) */
                return 0;
        if (r >= 0)
                r = storage_look_elsewhere(pass->look, mounts);
        return r < 0 ? r : remember(pass, namespace);
}

static int look_at_process(const char *pid, void *userdata) {
        struct pass *pass = userdata;
        int r = 0;

        if (!isdigit((unsigned char) pid[0]) || atol(pid) == getpid())
                return 0;

        if (wanted_any(pass->wanted))
                r = openers_look(pass->wanted, pass->proc, pid);
        if (r >= 0 && pass->with_mounts)
                r = look_at_mounts(pass, pid);
        return r;
}

/* The host's mounts come first: what is among them is nothing special elsewhere. */
static int look_at_host(struct pass *pass) {
        uint64_t namespace;
        int r;

        r = storage_look_at_host(pass->look);
        if (r < 0)
                return r;

        r = read_namespace(pass, "1", &namespace);
        return r == -ESRCH ? 0 : r < 0 ? r : remember(pass, namespace);
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

static int look_at_all(struct look *look, struct wanted *wanted, int proc) {
        struct pass pass = { .look = look, .wanted = wanted, .proc = proc, .with_mounts = storage_is_there(look) };
        int r = 0;

        if (pass.with_mounts)
                r = look_at_host(&pass);
        if (r >= 0)
                r = sysfs_foreach(proc, ".", look_at_process, &pass);

        free(pass.namespaces);
        return r;
}

static bool root_has_any_open(const struct look *look) {
        for (size_t i = 0; i < look->n_openers; i++)
                if (look->openers[i].uid == 0)
                        return true;

        return false;
}

/* What udev starts looks at a new disk for a moment, as root. Once udev is done, those who had something open are asked again. */
static int look_again(struct look *look, int proc) {
        _cleanup_(wanted_freep) struct wanted *wanted = wanted_new(look);
        struct opener *before = look->openers;
        size_t n = look->n_openers;
        char pid[16];
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
        return r;
}

int processes_look(struct look *look) {
        _cleanup_(wanted_freep) struct wanted *wanted = wanted_new(look);
        _cleanup_close_ int proc = -EBADF;
        int r;

        if (!wanted)
                return -ENOMEM;
        if (!wanted_any(wanted) && !storage_is_there(look))
                return 0;

        if (!may_see_all())
                return -EPERM;

        proc = open_proc(look);
        if (proc < 0)
                return proc;

        r = look_at_all(look, wanted, proc);
        if (r < 0 || !root_has_any_open(look) || !udev_is_busy(look->root))
                return r;

        udev_wait(look->root, UDEV_MSEC);
        return look_again(look, proc);
}
