/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answering what the service asks. */

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/unit.h"
#include "tests/unit/xenstored.h"

/* As struct xsd_sockmsg. */
struct header {
        uint32_t type, request, transaction, length;
};

/* Of enum xsd_sockmsg_type. */
enum {
        TYPE_DIRECTORY = 1,
        TYPE_READ = 2,
        TYPE_WATCH_EVENT = 15,
        TYPE_ERROR = 16,
};

static void answer(int fd, uint32_t type, const char *data, size_t length) {
        struct header header = { .type = type, .length = (uint32_t) length };

        (void) send(fd, &header, sizeof(header), MSG_NOSIGNAL);
        (void) send(fd, data, length, MSG_NOSIGNAL);
}

/* The names of a key's children, each once and with NUL behind it; that of a key's first part stands for
 * those of the rest. */
static size_t list(const struct xenstored *xenstored, const char *path, char *names) {
        size_t length = 0, n = strlen(path);

        for (size_t i = 0; i < xenstored->n; i++) {
                const char *rest = xenstored->keys[i].path;
                size_t size;
                bool known = false;

                if (strncmp(rest, path, n) != 0 || rest[n] != '/')
                        continue;
                rest += n + 1;
                size = strcspn(rest, "/");
                for (const char *p = names; !known && p < names + length; p += strlen(p) + 1)
                        known = strlen(p) == size && strncmp(p, rest, size) == 0;
                if (!known) {
                        memcpy(names + length, rest, size);
                        names[length + size] = '\0';
                        length += size + 1;
                }
        }
        return length;
}

static void serve_request(const struct xenstored *xenstored, int fd, uint32_t type, const char *path) {
        char names[4096];
        size_t length;

        for (size_t i = 0; type == TYPE_READ && i < xenstored->n; i++)
                if (streq(xenstored->keys[i].path, path)) {
                        answer(fd, type, xenstored->keys[i].value, strlen(xenstored->keys[i].value));
                        return;
                }

        length = list(xenstored, path, names);
        if (length == 0)
                answer(fd, TYPE_ERROR, "ENOENT", sizeof("ENOENT"));
        else
                answer(fd, type, names, type == TYPE_DIRECTORY ? length : 0);
}

static void misbehave(enum fault fault, int fd) {
        static const struct header longer = { .type = TYPE_DIRECTORY, .length = 1 << 20 };

        switch (fault) {
        case FAULT_LONG:
                (void) send(fd, &longer, sizeof(longer), MSG_NOSIGNAL);
                break;
        case FAULT_TYPE:
                answer(fd, TYPE_WATCH_EVENT, "", 0);
                break;
        case FAULT_ERROR:
                answer(fd, TYPE_ERROR, "EACCES", sizeof("EACCES"));
                break;
        default:
                break;
        }
}

static void *serve(void *userdata) {
        const struct xenstored *xenstored = userdata;
        struct header header;
        char path[4096];
        int fd;

        while ((fd = accept(xenstored->listener, NULL, NULL)) >= 0) {
                while (recv(fd, &header, sizeof(header), MSG_WAITALL) == sizeof(header) &&
                       recv(fd, path, header.length, MSG_WAITALL) == header.length) {
                        if (xenstored->fault != NO_FAULT) {
                                misbehave(xenstored->fault, fd);
                                break;
                        }
                        serve_request(xenstored, fd, header.type, path);
                }
                close(fd);
        }
        return NULL;
}

void xenstored_start(struct xenstored *xenstored, struct tree *tree) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_free_ char *path = root_path(tree->root, "/run/xenstored/socket");

        tree_write(tree, "run/xenstored/pid", "1\n");
        assert_true(strlen(path) < sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        unlink(path);

        xenstored->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(xenstored->listener, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(xenstored->listener, 1), 0);
        assert_int_equal(pthread_create(&xenstored->thread, NULL, serve, xenstored), 0);
}

void xenstored_stop(struct xenstored *xenstored) {
        shutdown(xenstored->listener, SHUT_RDWR);
        pthread_join(xenstored->thread, NULL);
        close(xenstored->listener);
}
