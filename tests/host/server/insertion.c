/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Insertion and removal of modules. simexec starts processes under a seccomp filter that hands these system
 * calls over to us; the caller (libkmod in the daemon, modprobe, udevd) is unmodified and finds the answer
 * in its return value and in /sys/module.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "pci.h"

struct call {
        int listener;
        struct seccomp_notif notice;
};

/* ".../vfio-pci.ko" is vfio_pci */
static int name_of_file(pid_t pid, int fd, char *ret, size_t size) {
        _cleanup_free_ char *link = must_format("/proc/%d/fd/%d", pid, fd);
        char path[4096], *base;
        ssize_t n = readlink(link, path, sizeof(path) - 1);

        if (n < 0)
                return -EBADF;
        path[n] = '\0';
        base = strrchr(path, '/');
        base = base ? base + 1 : path;
        snprintf(ret, size, "%.*s", (int) strcspn(base, "."), base);
        for (char *p = ret; *p; p++)
                if (*p == '-')
                        *p = '_';
        return 0;
}

static int name_in_memory(pid_t pid, uint64_t address, char *ret, size_t size) {
        _cleanup_free_ char *path = must_format("/proc/%d/mem", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : pread(fd, ret, size - 1, address);

        if (fd >= 0)
                close(fd);
        if (n <= 0)
                return -EFAULT;
        ret[n] = '\0';
        return 0;
}

static int carry_out(struct sim *s, const struct seccomp_notif *n) {
        bool insert = n->data.nr == SYS_finit_module;
        _cleanup_free_ char *subject = NULL;
        struct record *record;
        char name[64];
        int r;

        if (insert)
                r = name_of_file(n->pid, n->data.args[0], name, sizeof(name));
        else if (n->data.nr == SYS_delete_module)
                r = name_in_memory(n->pid, n->data.args[0], name, sizeof(name));
        else
                r = -ENOEXEC;
        if (r < 0)
                return r;

        pthread_mutex_lock(&s->lock);
        subject = must_format("module/%s/%s", name, insert ? "insert" : "delete");
        record = record_begin(s, n->pid, 0, subject, "", 0);
        r = insert ? module_insert(s, name) : module_delete(s, name);
        record_end(s, record, r);
        pthread_mutex_unlock(&s->lock);
        return r;
}

static void call_thread(struct sim *s, void *data) {
        struct call *c = data;
        struct seccomp_notif_resp answer = { .id = c->notice.id };

        answer.error = carry_out(s, &c->notice);
        /* fails if the caller has been killed meanwhile */
        (void) ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        close(c->listener);
        free(c);
}

static void listen_thread(struct sim *s, void *data) {
        struct pollfd p = { .fd = (int) (intptr_t) data, .events = POLLIN };

        for (;;) {
                struct call *c;

                if (poll(&p, 1, -1) < 0 && errno != EINTR)
                        break;
                if (!(p.revents & POLLIN)) {
                        if (p.revents & (POLLHUP | POLLERR))
                                break;
                        continue;
                }
                c = must_alloc(sizeof(*c));
                c->listener = fcntl(p.fd, F_DUPFD_CLOEXEC, 3);
                if (c->listener >= 0 && ioctl(p.fd, SECCOMP_IOCTL_NOTIF_RECV, &c->notice) == 0) {
                        sim_thread(s, call_thread, c);
                        continue;
                }
                if (c->listener >= 0)
                        close(c->listener);
                free(c);
        }
        close(p.fd);
}

void insertion_serve(struct sim *s, int listener) {
        sim_thread(s, listen_thread, (void *) (intptr_t) listener);
}
