/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the steps of the worker have in common, for the files of this folder that carry them out. */

#include <limits.h>

#include "service/host/address.h"
#include "service/host/root.h"
#include "service/move/steps/step.h"
#include "service/usage/finding.h"

struct node_watch;

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

/* The driver that the function has, "" for none; its override, "" for none, -E2BIG where that is too long to
 * be put back as it was. The override's attribute waits for whoever holds the device's lock. */
int subject_read_driver(const struct subject *subject, char *driver, size_t size);
int subject_read_override(const struct subject *subject, char *override, size_t size);

/* Writes to an attribute of the function's own; below /sys, where the function is named by its address,
 * which may be another's by now: -ENODEV or -ESTALE then. See write.h. */
int subject_write(const struct subject *subject, const char *attribute, const char *value);
int subject_write_address(const struct subject *subject, const char *path);

/* Each carries out the step of its name (step.h) and looks whether it has come true: 0, or a negative errno.
 * Drivers, by their files below /sys/bus/pci. */
int perform_override(struct subject *subject);
int perform_unbind(struct subject *subject);
int perform_bind(struct subject *subject);
int perform_probe(struct subject *subject);
int perform_wait_node(struct subject *subject);

/* The node of an IOMMU group: who may open it, and what has it open. */
int perform_access(struct subject *subject);
int perform_withdraw_access(struct subject *subject);
int perform_open(struct subject *subject);

/* Virtual functions. */
int perform_virtual_functions(struct subject *subject);
int perform_autoprobe(struct subject *subject);
