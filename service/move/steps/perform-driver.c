/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The steps that take a function from one driver to another. */

#include <errno.h>
#include <stdio.h>

#include "service/host/driver.h"
#include "service/host/sysfs.h"
#include "service/move/steps/node.h"
#include "service/move/steps/subject.h"

int subject_read_driver(const struct subject *subject, char *driver, size_t size) {
        int r = sysfs_read_link(subject->dir, "driver", driver, size);

        if (r == -ENOENT) {
                *driver = '\0';
                return 0;
        }
        return r;
}

int subject_read_override(const struct subject *subject, char *override, size_t size) {
        ssize_t n = sysfs_read_locked(subject->dir, "driver_override", override, size);

        if (n < 0)
                return (int) n;
        if ((size_t) n >= size - 1)
                return -E2BIG; /* it could not be put back as it was */

        /* The kernel prints a null pointer like this (driver_override_show()). */
        if (streq(override, "(null)"))
                *override = '\0';
        return 0;
}

int perform_override(struct subject *subject) {
        char now[NAME_MAX + 1];
        int r;

        r = subject_write(subject, "driver_override", subject->order->argument);
        if (r < 0)
                return r;

        r = subject_read_override(subject, now, sizeof(now));
        if (r < 0)
                return r;
        return streq(now, subject->order->argument) ? 0 : -EBUSY;
}

int perform_unbind(struct subject *subject) {
        char driver[NAME_MAX + 1];
        int r, error;

        r = subject_read_driver(subject, driver, sizeof(driver));
        if (r < 0)
                return r;
        if (*driver == '\0')
                return 0;
        if (!streq(driver, subject->order->argument))
                return -EBUSY;

        error = subject_write(subject, "driver/unbind", subject->address);

        r = subject_read_driver(subject, driver, sizeof(driver));
        if (r < 0)
                return r;
        if (*driver == '\0')
                return 0;
        return error < 0 ? error : -EBUSY;
}

static int bind_driver(struct subject *subject, const char *driver) {
        char path[NAME_MAX + sizeof("bus/pci/drivers//bind")], now[NAME_MAX + 1];
        int r, error;

        r = subject_read_driver(subject, now, sizeof(now));
        if (r < 0)
                return r;
        if (streq(now, driver))
                return 0;
        if (*now != '\0')
                return -EBUSY;

        snprintf(path, sizeof(path), "bus/pci/drivers/%s/bind", driver);
        error = subject_write_address(subject, path);

        /* EBUSY with the right link means that a probe of the kernel's came first; no link in spite of a
         * success, that the driver's probe gave up without an error. The link decides. */
        r = subject_read_driver(subject, now, sizeof(now));
        if (r < 0)
                return r;
        if (streq(now, driver))
                return 0;
        return error < 0 ? error : -ENXIO;
}

static int watch_node(struct subject *subject) {
        char group[32];
        int r;

        subject->performer->watch = node_watch_free(subject->performer->watch);

        r = sysfs_read_link(subject->dir, "iommu_group", group, sizeof(group));
        if (r < 0)
                return r;

        return node_watch_new(subject->performer->root, group, &subject->performer->watch);
}

/* Whether a bind may make a device file of VFIO: one to a driver of VFIO does, and so may one to a driver
 * that is not known to be of that kind where its own override names it, since besides those only the stubs
 * are bound so. */
static int makes_node(const struct subject *subject) {
        const char *driver = subject->order->argument;
        char override[NAME_MAX + 1];
        int r;

        if (driver_kind(driver) != DRIVER_HOST)
                return driver_kind(driver) == DRIVER_VFIO;

        r = subject_read_override(subject, override, sizeof(override));
        return r < 0 ? r : streq(override, driver);
}

int perform_bind(struct subject *subject) {
        int r = makes_node(subject);

        if (r > 0)
                r = watch_node(subject);
        if (r < 0 && r != -ENOENT)
                return r;

        return bind_driver(subject, subject->order->argument);
}

static int bind_module_driver(const char *name, void *userdata) {
        struct subject *subject = userdata;
        const char *driver = startswith(name, "pci:");

        return driver && driver_kind(driver) == DRIVER_HOST && bind_driver(subject, driver) >= 0;
}

/* The drivers of the host modules first, by name, since the kernel's own choice may be a passthrough driver
 * that was given the ids of this function; then the kernel's choice, for drivers that no module names. */
int perform_probe(struct subject *subject) {
        _cleanup_free_ char *modules = strdup(subject->order->argument);
        char path[STEP_ARGUMENT_SIZE + sizeof("module//drivers")], driver[NAME_MAX + 1], *save = NULL;
        int r;

        if (!modules)
                return -ENOMEM;

        for (char *m = strtok_r(modules, " ", &save); m; m = strtok_r(NULL, " ", &save)) {
                snprintf(path, sizeof(path), "module/%s/drivers", m);
                if (sysfs_foreach(subject->performer->root->sys, path, bind_module_driver, subject) > 0)
                        return 0;
        }

        r = subject_write_address(subject, "bus/pci/drivers_probe");
        if (r < 0)
                return r;

        r = subject_read_driver(subject, driver, sizeof(driver));
        if (r < 0)
                return r;
        return driver_kind(driver) == DRIVER_HOST ? 0 : -ENODEV;
}

int perform_wait_node(struct subject *subject) {
        struct performer *performer = subject->performer;
        const char *group = subject->order->argument;
        int r = 0;

        if (!performer->watch)
                r = *group ? node_watch_new(performer->root, group, &performer->watch) : watch_node(subject);
        if (r < 0)
                return r;

        r = node_watch_wait(performer->watch, subject->dir, subject->order->limit_msec, performer->break_fd);
        performer->watch = node_watch_free(performer->watch);
        return r;
}
