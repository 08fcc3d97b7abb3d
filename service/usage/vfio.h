/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who has functions open through VFIO. */

#include "service/usage/look.h"

/* Whether the group of F is open (ROLE PART_GROUP), or that of one of its virtual functions (PART_VIRTUAL), although no process is seen that
 * has the node open. The kernel refuses to open a group's node with EBUSY while the group or any device of it is open (vfio_group_fops_open() in
 * drivers/vfio/group.c), also to one that has kept nothing but a device's descriptor; there is no other way to ask.
 * Returns 1, 0, or a negative errno. */
int vfio_is_busy(const struct look *look, const struct function *f, enum part_role role);
