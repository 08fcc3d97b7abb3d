/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The steps, one function each, and the table that names them. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/array.h"
#include "service/host/driver.h"
#include "service/host/function.h"
#include "service/host/sysfs.h"
#include "service/move/access.h"
#include "service/move/console.h"
#include "service/move/load.h"
#include "service/move/node.h"
#include "service/move/perform.h"
#include "service/move/reset.h"
#include "service/move/slot.h"
#include "service/move/write.h"
#include "service/usage/usage.h"
#include "service/usage/virtual.h"

struct performer {
        const struct root *root;
        int break_fd;
        struct node_watch *watch; /* between a bind to VFIO and the wait for its node */

        struct function **noted; /* owned, and so are the functions: those that the next survey is about */
        size_t n_noted;
        struct findings findings; /* of the last survey */
        int descriptor;           /* what the last order has opened, or negative */
};

/* A function whose identity has just been checked. */
struct subject {
        struct performer *performer;
        const struct order *order;
        char address[PCI_ADDRESS_SIZE];
        int dir;
        char value[NAME_MAX + 1]; /* for the report */
};

struct performer *performer_new(const struct root *root, int break_fd) {
        struct performer *performer = calloc(1, sizeof(*performer));

        if (performer)
                *performer = (struct performer){ .root = root, .break_fd = break_fd, .descriptor = -EBADF };
        return performer;
}

static void forget_noted(struct performer *performer) {
        for (size_t i = 0; i < performer->n_noted; i++)
                function_free(performer->noted[i]);
        free(TAKE_PTR(performer->noted));
        performer->n_noted = 0;
}

struct performer *performer_free(struct performer *performer) {
        if (!performer)
                return NULL;

        node_watch_free(performer->watch);
        forget_noted(performer);
        findings_clear(&performer->findings);
        closep(&performer->descriptor);
        free(performer);
        return NULL;
}

const struct findings *performer_findings(const struct performer *performer) {
        return &performer->findings;
}

int performer_take_descriptor(struct performer *performer) {
        return TAKE_FD(performer->descriptor);
}

static int read_driver(int dir, char *driver, size_t size) {
        int r = sysfs_read_link(dir, "driver", driver, size);

        if (r == -ENOENT) {
                *driver = '\0';
                return 0;
        }
        return r;
}

static int read_override(int dir, char *override, size_t size) {
        ssize_t n = sysfs_read_locked(dir, "driver_override", override, size);

        if (n < 0)
                return (int) n;
        if ((size_t) n >= size - 1)
                return -E2BIG; /* it could not be put back as it was */

        /* The kernel prints a null pointer like this (driver_override_show()). */
        if (streq(override, "(null)"))
                *override = '\0';
        return 0;
}

static int perform_load(struct subject *subject) {
        return module_load(subject->order->argument);
}

static int perform_override(struct subject *subject) {
        char now[NAME_MAX + 1];
        int r;

        r = sysfs_write(subject->dir, "driver_override", subject->order->argument);
        if (r < 0)
                return r;

        r = read_override(subject->dir, now, sizeof(now));
        if (r < 0)
                return r;
        return streq(now, subject->order->argument) ? 0 : -EBUSY;
}

static int perform_unbind(struct subject *subject) {
        char driver[NAME_MAX + 1];
        int r, error;

        r = read_driver(subject->dir, driver, sizeof(driver));
        if (r < 0)
                return r;
        if (*driver == '\0')
                return 0;
        if (!streq(driver, subject->order->argument))
                return -EBUSY;

        error = sysfs_write(subject->dir, "driver/unbind", subject->address);

        r = read_driver(subject->dir, driver, sizeof(driver));
        if (r < 0)
                return r;
        if (*driver == '\0')
                return 0;
        return error < 0 ? error : -EBUSY;
}

static int bind_driver(struct subject *subject, const char *driver) {
        char path[NAME_MAX + sizeof("bus/pci/drivers//bind")], now[NAME_MAX + 1];
        int r, error;

        r = read_driver(subject->dir, now, sizeof(now));
        if (r < 0)
                return r;
        if (streq(now, driver))
                return 0;
        if (*now != '\0')
                return -EBUSY;

        snprintf(path, sizeof(path), "bus/pci/drivers/%s/bind", driver);
        error = sysfs_write(subject->performer->root->sys, path, subject->address);

        /* EBUSY with the right link means that a probe of the kernel's came first; no link in spite of a
         * success, that the driver's probe gave up without an error. The link decides. */
        r = read_driver(subject->dir, now, sizeof(now));
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

static int perform_bind(struct subject *subject) {
        char override[NAME_MAX + 1];
        int r;

        /* Of all drivers only those of VFIO and the stubs are bound with an override of the same name. */
        r = read_override(subject->dir, override, sizeof(override));
        if (r < 0)
                return r;
        if (streq(override, subject->order->argument) && driver_kind(override) != DRIVER_KVM &&
            driver_kind(override) != DRIVER_XEN) {
                r = watch_node(subject);
                if (r < 0 && r != -ENOENT)
                        return r;
        }

        return bind_driver(subject, subject->order->argument);
}

static int bind_module_driver(const char *name, void *userdata) {
        struct subject *subject = userdata;
        const char *driver = startswith(name, "pci:");

        return driver && driver_kind(driver) == DRIVER_HOST && bind_driver(subject, driver) >= 0;
}

/* The drivers of the host modules first, by name, since the kernel's own choice may be a passthrough driver
 * that was given the ids of this function; then the kernel's choice, for drivers that no module names. */
static int perform_probe(struct subject *subject) {
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

        r = sysfs_write(subject->performer->root->sys, "bus/pci/drivers_probe", subject->address);
        if (r < 0)
                return r;

        r = read_driver(subject->dir, driver, sizeof(driver));
        if (r < 0)
                return r;
        return driver_kind(driver) == DRIVER_HOST ? 0 : -ENODEV;
}

static int perform_wait_node(struct subject *subject) {
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

/* The group of the function, as the kernel says now, and the user in the argument. */
static int read_access(struct subject *subject, int *ret_group, uid_t *ret_uid) {
        char group[16];
        int r;

        r = sysfs_read_link(subject->dir, "iommu_group", group, sizeof(group));
        if (r < 0)
                return r;

        *ret_group = atoi(group);
        *ret_uid = (uid_t) strtoul(subject->order->argument, NULL, 10);
        return 0;
}

static int perform_access(struct subject *subject) {
        int group, r;
        uid_t uid;

        r = read_access(subject, &group, &uid);
        return r < 0 ? r : access_grant(subject->performer->root, group, uid);
}

/* First it is made sure that the user opens nothing more, and then it is seen whether anything is open. */
static int perform_withdraw_access(struct subject *subject) {
        const struct root *root = subject->performer->root;
        int group, r;
        uid_t uid;

        r = read_access(subject, &group, &uid);
        if (r >= 0)
                r = access_withdraw(root, group, uid);
        if (r >= 0)
                r = access_is_used(root, group);
        return r > 0 ? -EBUSY : r;
}

/* The descriptor goes with the report. */
static int perform_open(struct subject *subject) {
        struct performer *performer = subject->performer;
        char group[16];
        int r;

        r = sysfs_read_link(subject->dir, "iommu_group", group, sizeof(group));
        if (r >= 0)
                r = access_open(performer->root, subject->address, atoi(group), subject->value);
        if (r < 0)
                return r;

        performer->descriptor = r;
        return 0;
}

static int perform_release_console(struct subject *subject) {
        return console_release(subject->performer->root, subject->order->argument);
}

static int perform_return_console(struct subject *subject) {
        return console_return(subject->performer->root);
}

/* pciback keeps the address of a function that leaves it, and would take that again at any later probe. */
static int perform_remove_slot(struct subject *subject) {
        return slot_remove(subject->performer->root, subject->order->argument, &subject->order->address,
                           subject->order->limit_msec);
}

/* Whoever has one of them open would keep the kernel waiting, and everybody else with it. */
static int remove_virtual_functions(struct subject *subject) {
        _cleanup_(function_freep) struct function *f = NULL;
        int r;

        r = function_read(subject->performer->root, &subject->order->address, &f);
        if (r >= 0)
                r = virtual_functions_are_open(subject->performer->root, f);
        if (r != 0)
                return r < 0 ? r : -ETXTBSY;

        return sysfs_write(subject->dir, "sriov_numvfs", "0");
}

static int perform_virtual_functions(struct subject *subject) {
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
                r = sysfs_write(subject->dir, "sriov_numvfs", wanted);
        if (r < 0)
                return r;

        n = sysfs_read_locked(subject->dir, "sriov_numvfs", now, sizeof(now));
        if (n < 0)
                return (int) n;
        return streq(now, wanted) ? 0 : -EBUSY;
}

static int perform_autoprobe(struct subject *subject) {
        char now[8];
        ssize_t n;
        int r;

        r = sysfs_write(subject->dir, "sriov_drivers_autoprobe", subject->order->argument);
        if (r < 0)
                return r;

        n = sysfs_read(subject->dir, "sriov_drivers_autoprobe", now, sizeof(now));
        if (n < 0)
                return (int) n;
        return streq(now, subject->order->argument) ? 0 : -EBUSY;
}

static int perform_reset(struct subject *subject) {
        return reset_function(subject->dir, &subject->order->address, subject->order->argument,
                              subject->value, sizeof(subject->value));
}

static int perform_reset_methods(struct subject *subject) {
        return reset_put_back(subject->dir, subject->order->argument);
}

static int perform_look(struct subject *subject) {
        return 0;
}

static int perform_read(struct subject *subject) {
        ssize_t n = sysfs_read_locked(subject->dir, subject->order->argument, subject->value,
                                      sizeof(subject->value));

        return n < 0 ? (int) n : 0;
}

static int note(struct performer *performer, const struct pci_address *address) {
        struct function **slot, *f;
        int r;

        /* One that has gone is used by nobody; whoever asked will notice. */
        r = function_read(performer->root, address, &f);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        slot = array_append(&performer->noted, &performer->n_noted, sizeof(*slot));
        if (!slot) {
                function_free(f);
                return -ENOMEM;
        }
        *slot = f;
        return 0;
}

static int perform_note(struct subject *subject) {
        _cleanup_free_ char *words = strdup(subject->order->argument);
        struct pci_address address;
        char *save = NULL;
        int r = words ? 0 : -ENOMEM;

        for (char *w = strtok_r(words, " ", &save); r >= 0 && w; w = strtok_r(NULL, " ", &save)) {
                r = pci_address_parse(w, &address);
                if (r >= 0)
                        r = note(subject->performer, &address);
        }
        return r;
}

static int perform_survey(struct subject *subject) {
        struct performer *performer = subject->performer;
        const struct usage_query query = { performer->root, performer->noted, performer->n_noted };
        int r = usage_look(&query, &performer->findings);

        forget_noted(performer);
        return r;
}

static const struct {
        int (*perform)(struct subject *subject);
        bool has_subject;   /* it is about one function, whose identity is checked before */
        bool reports_state; /* the function is looked at afterwards */
} steps[_STEP_KIND_MAX] = {
        [STEP_LOAD_MODULE] = { perform_load, false, false },
        [STEP_OVERRIDE] = { perform_override, true, true },
        [STEP_UNBIND] = { perform_unbind, true, true },
        [STEP_PROBE] = { perform_probe, true, true },
        [STEP_BIND] = { perform_bind, true, true },
        [STEP_WAIT_NODE] = { perform_wait_node, true, false },
        [STEP_ACCESS] = { perform_access, true, false },
        [STEP_WITHDRAW_ACCESS] = { perform_withdraw_access, true, false },
        [STEP_OPEN] = { perform_open, true, false },
        [STEP_RELEASE_CONSOLE] = { perform_release_console, true, false },
        [STEP_RETURN_CONSOLE] = { perform_return_console, true, false },
        [STEP_REMOVE_SLOT] = { perform_remove_slot, true, false },
        [STEP_VIRTUAL_FUNCTIONS] = { perform_virtual_functions, true, false },
        [STEP_AUTOPROBE] = { perform_autoprobe, true, false },
        [STEP_RESET] = { perform_reset, true, false },
        [STEP_RESET_METHODS] = { perform_reset_methods, true, false },
        [STEP_LOOK] = { perform_look, true, true },
        [STEP_READ] = { perform_read, true, false },
        [STEP_NOTE] = { perform_note, false, false },
        [STEP_SURVEY] = { perform_survey, false, false },
};

/* The links of a physical function lead to nothing but its own virtual functions. */
static int open_virtual(int physical, unsigned virtual_function, char address[static PCI_ADDRESS_SIZE],
                        int *ret_dir) {
        char link[32];
        int r;

        snprintf(link, sizeof(link), "virtfn%u", virtual_function - 1);
        r = sysfs_read_link(physical, link, address, PCI_ADDRESS_SIZE);
        if (r < 0)
                return r;

        r = sysfs_open_directory(physical, link);
        if (r >= 0)
                *ret_dir = r;
        return r;
}

static int open_subject(struct subject *subject) {
        const struct order *order = subject->order;
        _cleanup_close_ int dir = -EBADF;
        struct stat st;

        dir = function_open(subject->performer->root, &order->address);
        if (dir < 0)
                return dir == -ENOENT ? -ENODEV : dir;
        if (fstat(dir, &st) < 0)
                return -errno;
        if (st.st_ino != order->identity)
                return -ESTALE;

        if (order->virtual_function > 0)
                return open_virtual(dir, order->virtual_function, subject->address, &subject->dir);

        subject->dir = TAKE_FD(dir);
        return 0;
}

void perform(struct performer *performer, const struct order *order, struct report *report) {
        struct subject subject = { .performer = performer, .order = order, .dir = -EBADF };
        int r;

        /* It was for another function, or the move has taken another turn. */
        if (order->kind != STEP_WAIT_NODE)
                performer->watch = node_watch_free(performer->watch);

        findings_clear(&performer->findings);
        closep(&performer->descriptor);
        performer->descriptor = -EBADF;
        *report = (struct report){};
        pci_address_format(&order->address, subject.address);

        if (steps[order->kind].has_subject) {
                report->error = open_subject(&subject);
                if (report->error < 0)
                        return;
        }

        report->error = steps[order->kind].perform(&subject);

        if (steps[order->kind].reports_state) {
                r = read_driver(subject.dir, report->driver, sizeof(report->driver));
                if (r >= 0)
                        r = read_override(subject.dir, report->override, sizeof(report->override));
                if (r < 0 && report->error >= 0)
                        report->error = r;
                report->has_state = r >= 0;
        }

        strcpy(report->value, subject.value);
        closep(&subject.dir);
}
