/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A client of xenstore that only reads. */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "service/usage/xenstore.h"

#define SOCKET "/run/xenstored/socket"

/* XENSTORE_PAYLOAD_MAX of xs_wire.h, for requests and answers. */
#define PAYLOAD_MAX 4096

/* For each write and each read: the daemon answers from memory. */
#define PATIENCE_SEC 3

/* struct xsd_sockmsg and enum xsd_sockmsg_type of xs_wire.h. */
struct header {
        uint32_t type, request, transaction, length;
};

enum {
        TYPE_DIRECTORY = 1,
        TYPE_READ = 2,
        TYPE_ERROR = 16,
};

int xenstore_open(const struct root *root) {
        const struct timeval patience = { .tv_sec = PATIENCE_SEC };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_free_ char *path = root_path(root, SOCKET);
        _cleanup_close_ int fd = -EBADF;

        if (!path)
                return -ENOMEM;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
            connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;

        return TAKE_FD(fd);
}

static int send_all(int fd, const void *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                data = (const char *) data + n;
                size -= (size_t) n;
        }
        return 0;
}

static int receive_all(int fd, void *data, size_t size) {
        while (size > 0) {
                ssize_t n = recv(fd, data, size, 0);

                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                if (n == 0)
                        return -EBADMSG;
                data = (char *) data + n;
                size -= (size_t) n;
        }
        return 0;
}

/* The answer ends with NUL, which does not count in *RET_LENGTH. The caller frees it. */
static int ask(int fd, uint32_t type, const char *path, char **ret, size_t *ret_length) {
        struct header header = { .type = type, .length = (uint32_t) strlen(path) + 1 };
        _cleanup_free_ char *answer = NULL;
        int r;

        r = send_all(fd, &header, sizeof(header));
        if (r >= 0)
                r = send_all(fd, path, header.length);
        if (r >= 0)
                r = receive_all(fd, &header, sizeof(header));
        if (r < 0)
                return r;
        if (header.length > PAYLOAD_MAX)
                return -EBADMSG;

        answer = calloc(header.length + 1, 1);
        if (!answer)
                return -ENOMEM;
        r = receive_all(fd, answer, header.length);
        if (r < 0)
                return r;

        if (header.type == TYPE_ERROR)
                return streq(answer, "ENOENT") ? -ENOENT : -EIO;
        if (header.type != type)
                return -EBADMSG;
        *ret = TAKE_PTR(answer);
        *ret_length = header.length;
        return 0;
}

int xenstore_read(int xenstore, const char *path, char **ret) {
        size_t length;

        return ask(xenstore, TYPE_READ, path, ret, &length);
}

int xenstore_foreach(int xenstore, const char *path, int (*function)(const char *name, void *userdata),
                     void *userdata) {
        _cleanup_free_ char *names = NULL;
        size_t length;
        int r;

        r = ask(xenstore, TYPE_DIRECTORY, path, &names, &length);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        for (const char *name = names; r == 0 && name < names + length; name += strlen(name) + 1)
                r = function(name, userdata);
        return r;
}
