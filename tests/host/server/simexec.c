/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simexec SOCKET COMMAND…: runs a command whose attempts to insert or remove kernel modules, and those of
 * all its children, are answered by the simulated host behind the socket.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define TRAP(call) \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)

static int install(void) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                TRAP(SYS_finit_module),
                TRAP(SYS_init_module),
                TRAP(SYS_delete_module),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
        int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

        return fd < 0 ? -errno : fd;
}

static int hand_over(const char *path, int fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        union {
                char buffer[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        struct iovec part = { (void *) "l", 1 };
        struct msghdr m = {
                .msg_iov = &part, .msg_iovlen = 1,
                .msg_control = &control, .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        int s;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));

        s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (s < 0 || connect(s, (struct sockaddr *) &address, sizeof(address)) < 0 || sendmsg(s, &m, 0) < 0)
                return -errno;
        close(s);
        return 0;
}

int main(int argc, char **argv) {
        int fd, r;

        if (argc < 3) {
                fprintf(stderr, "usage: %s SOCKET COMMAND…\n", argv[0]);
                return 125;
        }
        fd = install();
        /* EBUSY: we are below another simexec already, and need nothing of our own */
        r = fd < 0 ? fd : hand_over(argv[1], fd);
        if (r < 0 && r != -EBUSY) {
                fprintf(stderr, "simexec: %s\n", strerror(-r));
                return 125;
        }
        if (fd >= 0)
                close(fd);
        execvp(argv[2], argv + 2);
        r = errno;
        fprintf(stderr, "simexec: %s: %s\n", argv[2], strerror(r));
        return r == ENOENT ? 127 : 126;
}
