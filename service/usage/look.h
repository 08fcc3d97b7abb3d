/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One look at how functions are used: what is gathered first, once for all of them, and then read by
 * everybody who looks. */

#include <sys/types.h>

#include "service/usage/usage.h"

/* A device of the kernel that goes when its function goes: a disk, a partition, an interface, a connector, a
 * keyboard … Or a way by which VFIO opens functions: that is shared by a whole IOMMU group. */
struct part {
        const struct function *function; /* below which it is; NULL: a way into a group */
        int group;                       /* the IOMMU group that it opens; -1: it is a part of a function */
        char *path;                      /* owned; its directory below /sys */
        const char *name;                /* the end of the path */
        char *subsystem;                 /* owned; "block", "net", "drm" … */
        dev_t number;                    /* of its node, 0 if it has none */
};

/* A process that has the node of a part open. */
struct opener {
        const struct part *part;
        pid_t pid;
        uid_t uid;     /* whose process it is */
        char *command; /* owned; what it calls itself */
        char *node;    /* owned; the node as the process sees it */
};

/* A function that the kernel unbinds together with another one. */
struct dependant {
        struct function *function; /* owned */
        struct pci_address about;  /* the function that was asked about */
};

/* A block device that belongs to a pool of ZFS. */
struct pool_member {
        dev_t device;
        char *pool; /* owned */
};

struct libmnt_table;

struct look {
        const struct root *root;
        struct findings found;

        /* Those that were asked about, and those that go along with them. */
        struct function **functions;
        size_t n_functions;
        struct dependant *dependants;
        size_t n_dependants;

        struct part *parts;
        size_t n_parts;
        int *groups; /* whose ways are among the parts */
        size_t n_groups;
        struct opener *openers;
        size_t n_openers;

        /* Only where any of the functions has a disk. */
        struct libmnt_table *mounts; /* of the host */
        dev_t *mounted;              /* the numbers of the file systems in it */
        size_t n_mounted;

        bool knows_pools; /* pools.c's own */
        struct pool_member *pool_members;
        size_t n_pool_members;
};

/* Adds a part of F, or a way into GROUP, with copies of the strings. Returns 0 or -ENOMEM. */
int look_add_part(struct look *look, const struct function *f, const char *path, const char *subsystem,
                  dev_t number);
int look_add_way(struct look *look, int group, const char *path, const char *subsystem, dev_t number);

/* Reads a device number from the attribute "dev" of a directory below /sys. Returns 0, or a negative errno:
 * -ENOENT if the device has no node. */
int look_read_number(const struct look *look, const char *path, dev_t *ret);

/* Frees an array of openers. */
void openers_free(struct opener *openers, size_t n);

/* Frees what was gathered. */
void look_clear(struct look *look);

#define _cleanup_look_ _cleanup_(look_clear)
