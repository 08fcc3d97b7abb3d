/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker: carries out the orders that come over its standard input, one at a time, and answers each. It
 * is a program of its own that holds nothing but this socket, so that when the kernel does not let it go,
 * nothing of the service's is held with it. When the service is gone the socket is at its end, and the
 * worker makes no further write. */

#include <errno.h>
#include <sys/socket.h>

#include "service/move/steps/perform.h"
#include "service/move/workers/message.h"

/* What a survey has found goes ahead of the report. */
static int send_findings(const struct findings *findings) {
        struct finding_record record;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < findings->n; i++) {
                finding_pack(&findings->array[i], &record);
                r = message_send(STDIN_FILENO, &record, sizeof(record), -EBADF);
        }

        return r;
}

/* With what was opened, of which nothing may stay here: VFIO lets a group be open but once. */
static int send_report(struct performer *performer, const struct report *report) {
        _cleanup_close_ int descriptor = performer_take_descriptor(performer);

        return message_send(STDIN_FILENO, report, sizeof(*report), descriptor);
}

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
                if (send_findings(performer_findings(performer)) < 0 || send_report(performer, &report) < 0)
                        break;
        }

        performer_free(performer);
        return EXIT_SUCCESS;
}
