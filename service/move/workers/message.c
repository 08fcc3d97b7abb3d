/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Messages with descriptors, unix(7). */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "service/move/workers/message.h"

union control {
        struct cmsghdr header;
        char buffer[CMSG_SPACE(sizeof(int))];
};

int message_send(int socket, const void *data, size_t size, int descriptor) {
        union control control = {};
        struct iovec part = { (void *) data, size };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

        if (descriptor >= 0) {
                control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS,
                                                   .cmsg_len = CMSG_LEN(sizeof(int)) };
                memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
                message.msg_control = &control;
                message.msg_controllen = sizeof(control.buffer);
        }

        return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t message_receive(int socket, void *buffer, size_t size, int *ret_descriptor) {
        union control control;
        struct iovec part = { buffer, size };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *header;
        ssize_t n;

        *ret_descriptor = -EBADF;
        n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return -errno;

        header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
            header->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_descriptor, CMSG_DATA(header), sizeof(int));
        return n;
}
