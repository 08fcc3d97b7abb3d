/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* From a file system, a file or a block device down to the functions that carry it: through partitions, loop
 * devices and whatever has "slaves" in sysfs (device-mapper, md, bcache), over all devices of a file system
 * that has several and of its pool, and from the disk of an nvme subsystem to the controllers below it,
 * which sysfs shows nowhere above them. */

#include "service/usage/mounts.h"

/* One way down. */
struct descent {
        struct look *look;
        struct libmnt_table *mounts; /* of the host: where the files of loop devices are */

        /* Called for each function that is reached, the controller as well as the bridges above it. TOP is
         * the uppermost device on the way that stands on others, "" if there is none. */
        int (*reached)(const struct descent *descent, const struct function *f, const char *top);
        void *userdata;

        unsigned depth; /* this and what follows is the descent's own */
        const char *top;
};

/* Each returns 0, what `reached` returned if that was negative, or another negative errno: -ELOOP for a
 * stack that stands on itself. */
int descend_from_device(struct descent *descent, dev_t device);
int descend_from_file_system(struct descent *descent, struct libmnt_fs *fs);

/* A block device's node, or a file, which stands on its file system. PATH is one that the kernel wrote. */
int descend_from_path(struct descent *descent, const char *path);
