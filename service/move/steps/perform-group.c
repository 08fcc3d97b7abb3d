/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The steps about the node of a function's IOMMU group. */

#include <errno.h>

#include "service/host/sysfs.h"
#include "service/move/steps/access.h"
#include "service/move/steps/subject.h"

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

int perform_access(struct subject *subject) {
        int group, r;
        uid_t uid;

        r = read_access(subject, &group, &uid);
        return r < 0 ? r : access_grant(subject->performer->root, group, uid);
}

/* First it is made sure that the user opens nothing more, and then it is seen whether anything is open. */
int perform_withdraw_access(struct subject *subject) {
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
int perform_open(struct subject *subject) {
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
