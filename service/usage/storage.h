/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* File systems and swap areas that stand on disks behind a function. */

#include "service/usage/usage.h"

/* Adds `mounted` and `swap` for every mounted file system and swap area that would lose its disk. Storage is followed down from
 * the file system: through partitions, loop devices and whatever has "slaves" in sysfs (device-mapper, md, bcache), over all
 * devices of a btrfs, and from the disk of an nvme subsystem to the controllers below it, which sysfs shows nowhere above them. */
int storage_look(const struct usage_query *query, struct findings *findings);
