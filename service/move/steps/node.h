/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waiting for the device files of VFIO: a move has not succeeded before they exist and udev has set their
 * owner and mode. */

#include "service/host/root.h"

struct node_watch;

/* Starts listening for the files that binding will make, so call it before. GROUP is the number of the IOMMU
 * group as text. */
int node_watch_new(const struct root *root, const char *group, struct node_watch **ret);
struct node_watch *node_watch_free(struct node_watch *watch);

/* Waits until the group's file, and below the device directory DEVICE the cdev if the kernel has one, exist
 * and udev has dealt with them; at most LIMIT_MSEC milliseconds, or until BREAK_FD hangs up. Where no udev
 * runs, existing is enough. Returns 0, -ETIMEDOUT, -ECANCELED. */
int node_watch_wait(struct node_watch *watch, int device, unsigned limit_msec, int break_fd);
