/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the storage pools of ZFS are made of. Their file systems have device numbers and sources that lead to
 * no device, and sysfs does not show who belongs to which pool; but udev knows, since it reads off each
 * block device what is on it (blkid(8)). */

#include "service/usage/look.h"

/* Calls FUNCTION for each block device that the pool of DATASET ("POOL/NAME@SNAPSHOT") has, until it returns
 * a negative errno, which is passed on. What udev has recorded is read once for LOOK. */
int pools_foreach(struct look *look, const char *dataset, int (*function)(dev_t device, void *userdata),
                  void *userdata);
