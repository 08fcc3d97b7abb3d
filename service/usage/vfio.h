/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who has functions open through VFIO. */

#include "service/usage/look.h"

/* The IOMMU group of the function at ADDRESS, -1 if it has none: also one that VFIO has made for want of an
 * IOMMU. */
int vfio_group(const struct look *look, const struct pci_address *address);

/* Whether a process is seen that has a way into the group open. */
bool vfio_is_seen(const struct look *look, int group);

/* Whether GROUP is open although nobody is seen. Returns 1, 0, or a negative errno. */
int vfio_is_busy(const struct look *look, int group);

/* Opens /dev/vfio/NAME where it is the device file with this number. Returns a descriptor, or a negative
 * errno: -EBUSY where somebody has it open, -ENODEV where it is another file. */
int vfio_open_node(const struct root *root, const char *name, dev_t number);

/* Whether the group that has the node /dev/vfio/NAME, with this device number, is open. The kernel refuses
 * to open a group's node with EBUSY while the group or any device of it is open (vfio_group_fops_open() in
 * drivers/vfio/group.c), also to one that has kept nothing but a device's descriptor; there is no other way
 * to ask. A node that is not there, or another one, is not open. Returns 1, 0, or a negative errno. */
int vfio_node_is_busy(const struct root *root, const char *name, dev_t number);
