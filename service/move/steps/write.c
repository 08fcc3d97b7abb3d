/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing sysfs, and the list of what may be written. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "service/host/macros.h"
#include "service/move/steps/write.h"

/* The interface of the PCI driver core (Documentation/ABI/testing/sysfs-bus-pci in the kernel's source);
 * "bind" is also what binds the console to its drivers (drivers/tty/vt/vt.c), and "unbind" belongs to every
 * bus; "remove_slot" is pciback's (drivers/xen/xen-pciback/pci_stub.c). `new_id` is not here: what it adds
 * would outlive the move and catch other devices. */
static const char *const writable[] = {
        "driver_override",         "unbind", "bind",         "drivers_probe", "remove_slot", "sriov_numvfs",
        "sriov_drivers_autoprobe", "reset",  "reset_method",
};

static bool is_writable(const char *attribute) {
        const char *slash = strrchr(attribute, '/');

        for (size_t i = 0; i < ELEMENTSOF(writable); i++)
                if (streq(slash ? slash + 1 : attribute, writable[i]))
                        return true;

        return false;
}

bool write_is_wanted(int break_fd) {
        return poll(&(struct pollfd){ .fd = break_fd, .events = POLLRDHUP }, 1, 0) <= 0;
}

int sysfs_write(const struct place *place, const char *attribute, const char *value) {
        _cleanup_free_ char *line = NULL;
        _cleanup_close_ int fd = -EBADF;
        int length;

        if (!is_writable(attribute))
                return -EPERM;

        length = asprintf(&line, "%s\n", value);
        if (length < 0)
                return -ENOMEM;

        if (!write_is_wanted(place->break_fd))
                return -ECANCELED;

        fd = openat(place->dir, attribute, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        if (write(fd, line, (size_t) length) < 0)
                return -errno;

        return 0;
}
