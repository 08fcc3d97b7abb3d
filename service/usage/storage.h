/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* File systems and swap areas that stand on disks behind a function. The lookers of storage are in
 * lookers.h. */

#include "service/usage/mounts.h"

/* Whether any of the functions has a block device, so that it is worth while to look at mounts. */
bool storage_is_there(const struct look *look);

/* Adds `mounted`, and `stacked` for what they stand on, for the mounts of the host, which are kept in LOOK.
 */
int storage_look_at_host(struct look *look);

/* The same for the mounts of another mount namespace than the host's, but only for file systems that the
 * host itself has not mounted: services have namespaces of their own that show the host's mounts again, at
 * other places. */
int storage_look_elsewhere(struct look *look, struct libmnt_table *mounts);
