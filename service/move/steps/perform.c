/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of the steps, those that are short, and what is done before and after each. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/array.h"
#include "service/host/function.h"
#include "service/host/sysfs.h"
#include "service/move/steps/console.h"
#include "service/move/steps/load.h"
#include "service/move/steps/node.h"
#include "service/move/steps/perform.h"
#include "service/move/steps/reset.h"
#include "service/move/steps/slot.h"
#include "service/move/steps/subject.h"
#include "service/move/steps/write.h"
#include "service/usage/usage.h"

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

static struct place place_of(const struct subject *subject) {
        return (struct place){ subject->dir, subject->performer->break_fd };
}

static struct place place_of_sys(const struct subject *subject) {
        return (struct place){ subject->performer->root->sys, subject->performer->break_fd };
}

/* The directory that was opened is the function's for as long as it is open, whoever is at the address. */
static int check_address(const struct subject *subject) {
        char path[sizeof("bus/pci/devices/") + PCI_ADDRESS_SIZE];
        struct stat known, now;

        snprintf(path, sizeof(path), "bus/pci/devices/%s", subject->address);
        if (fstat(subject->dir, &known) < 0 || fstatat(subject->performer->root->sys, path, &now, 0) < 0)
                return errno == ENOENT ? -ENODEV : -errno;

        return known.st_ino == now.st_ino ? 0 : -ESTALE;
}

int subject_write(const struct subject *subject, const char *attribute, const char *value) {
        const struct place place = place_of(subject);

        return sysfs_write(&place, attribute, value);
}

int subject_write_address(const struct subject *subject, const char *path) {
        const struct place sys = place_of_sys(subject);
        int r = check_address(subject);

        return r < 0 ? r : sysfs_write(&sys, path, subject->address);
}

static int perform_load(struct subject *subject) {
        return module_load(subject->order->argument);
}

static int perform_release_console(struct subject *subject) {
        const struct place sys = place_of_sys(subject);

        return console_release(&sys, subject->order->argument);
}

static int perform_return_console(struct subject *subject) {
        const struct place sys = place_of_sys(subject);

        return console_return(&sys);
}

/* pciback keeps the address of a function that leaves it, and would take that again at any later probe. */
static int perform_remove_slot(struct subject *subject) {
        return slot_remove(subject->performer->root, subject->performer->break_fd, subject->order->argument,
                           &subject->order->address, subject->order->limit_msec);
}

static int perform_reset(struct subject *subject) {
        const struct place place = place_of(subject);

        return reset_function(&place, &subject->order->address, subject->order->argument, subject->value,
                              sizeof(subject->value));
}

static int perform_reset_methods(struct subject *subject) {
        const struct place place = place_of(subject);

        return reset_put_back(&place, subject->order->argument);
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

        /* It was for another function, or the move has taken another turn. An override can come between a
         * bind and the wait. */
        if (order->kind != STEP_WAIT_NODE && order->kind != STEP_OVERRIDE)
                performer->watch = node_watch_free(performer->watch);

        findings_clear(&performer->findings);
        closep(&performer->descriptor);
        performer->descriptor = -EBADF;
        *report = (struct report){};
        pci_address_format(&order->address, subject.address);

        /* The order has come, but whoever gave it may have gone since. */
        if (!write_is_wanted(performer->break_fd)) {
                report->error = -ECANCELED;
                return;
        }

        if (steps[order->kind].has_subject) {
                report->error = open_subject(&subject);
                if (report->error < 0)
                        return;
        }

        report->error = steps[order->kind].perform(&subject);

        if (steps[order->kind].reports_state) {
                r = subject_read_driver(&subject, report->driver, sizeof(report->driver));
                if (r >= 0)
                        r = subject_read_override(&subject, report->override, sizeof(report->override));
                if (r < 0 && report->error >= 0)
                        report->error = r;
                report->has_state = r >= 0;
        }

        strcpy(report->value, subject.value);
        closep(&subject.dir);
}
