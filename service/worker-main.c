/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker: carries out the orders that come over its standard input, one at a time, and answers each. It is a program of its
 * own that holds nothing but this socket, so that when the kernel does not let it go, nothing of the service's is held with it.
 * When the service is gone the socket is at its end, and the worker makes no further write. */

#include <errno.h>
#include <sys/socket.h>

#include "service/move/perform.h"

int main(int argc, char *argv[]) {
        _cleanup_(root_freep) struct root *root = NULL;
        struct performer *performer;
        struct report report;
        struct order order;

        if (root_open("", &root) < 0)
                return EXIT_FAILURE;

        performer = performer_new(root, STDIN_FILENO);
        if (!performer)
                return EXIT_FAILURE;

        while (recv(STDIN_FILENO, &order, sizeof(order), 0) == (ssize_t) sizeof(order)) {
                perform(performer, &order, &report);
                if (send(STDIN_FILENO, &report, sizeof(report), MSG_NOSIGNAL) < 0)
                        break;
        }

        performer_free(performer);
        return EXIT_SUCCESS;
}
