/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who may open the device files of an IOMMU group: that of the group, and on kernels that have them those of
 * its functions (the cdevs). Each function is about all of them, and leaves alone what is not there or is
 * not the device that it is named after. GROUP is the number of the group.
 *
 * Nothing here waits for a device: the files are on a file system in memory. */

#include <limits.h>

#include "service/host/root.h"

/* Lets the user UID open them; writes nothing where that is so already. Returns 0 or a negative errno. */
int access_grant(const struct root *root, int group, uid_t uid);

/* Takes that right away. What the user has open stays open. Returns 0 or a negative errno. */
int access_withdraw(const struct root *root, int group, uid_t uid);

/* Opens the file through which programs get at the function at ADDRESS: its cdev where there is one, else
 * the file of its group; NODE is the path. Returns a descriptor, or a negative errno: -EBUSY where a group
 * is open already. */
int access_open(const struct root *root, const char *address, int group, char node[static NAME_MAX + 1]);

/* Whether somebody has the group open. Returns 1, 0 or a negative errno. */
int access_is_used(const struct root *root, int group);
