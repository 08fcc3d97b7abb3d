/* SPDX-License-Identifier: GPL-2.0-or-later */

/* udev keeps the file /run/udev/queue while it has events to handle (udev_queue_get_queue_is_empty() of
 * libudev). */

#include <poll.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <time.h>

#include "service/usage/settle.h"

static int64_t now_msec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Its programs open the nodes of devices that have just appeared, for a moment. */
static bool is_busy(const struct root *root) {
        _cleanup_free_ char *queue = root_path(root, "/run/udev/queue");

        return queue && access(queue, F_OK) >= 0;
}

void udev_wait(const struct root *root, unsigned limit_msec) {
        _cleanup_free_ char *directory = root_path(root, "/run/udev");
        int64_t end = now_msec() + limit_msec, left;
        _cleanup_close_ int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        char events[4096];

        if (!directory || fd < 0 || inotify_add_watch(fd, directory, IN_DELETE) < 0)
                return;

        while (is_busy(root) && (left = end - now_msec()) > 0) {
                struct pollfd event = { .fd = fd, .events = POLLIN };

                if (poll(&event, 1, (int) left) > 0)
                        while (read(fd, events, sizeof(events)) > 0)
                                ;
        }
}
