/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The steps about the virtual functions of a physical one. */

#include <errno.h>

#include "service/host/function.h"
#include "service/host/sysfs.h"
#include "service/move/steps/subject.h"
#include "service/usage/virtual.h"

/* Whoever has one of them open would keep the kernel waiting, and everybody else with it. */
static int remove_virtual_functions(struct subject *subject) {
        _cleanup_(function_freep) struct function *f = NULL;
        int r;

        r = function_read(subject->performer->root, &subject->order->address, &f);
        if (r >= 0)
                r = virtual_functions_are_open(subject->performer->root, f);
        if (r != 0)
                return r < 0 ? r : -ETXTBSY;

        return subject_write(subject, "sriov_numvfs", "0");
}

int perform_virtual_functions(struct subject *subject) {
        const char *wanted = subject->order->argument;
        char now[16];
        ssize_t n;
        int r = 0;

        n = sysfs_read_locked(subject->dir, "sriov_numvfs", now, sizeof(now));
        if (n < 0 || streq(now, wanted))
                return n < 0 ? (int) n : 0;

        /* From one number to another the kernel goes by way of none (sriov_numvfs_store() in
         * drivers/pci/iov.c). */
        if (!streq(now, "0"))
                r = remove_virtual_functions(subject);
        if (r >= 0 && !streq(wanted, "0"))
                r = subject_write(subject, "sriov_numvfs", wanted);
        if (r < 0)
                return r;

        n = sysfs_read_locked(subject->dir, "sriov_numvfs", now, sizeof(now));
        if (n < 0)
                return (int) n;
        return streq(now, wanted) ? 0 : -EBUSY;
}

int perform_autoprobe(struct subject *subject) {
        char now[8];
        ssize_t n;
        int r;

        r = subject_write(subject, "sriov_drivers_autoprobe", subject->order->argument);
        if (r < 0)
                return r;

        n = sysfs_read(subject->dir, "sriov_drivers_autoprobe", now, sizeof(now));
        if (n < 0)
                return (int) n;
        return streq(now, subject->order->argument) ? 0 : -EBUSY;
}
