/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tables of mounts and swap areas, as the kernel tells them. */

#include <libmount.h>

#include "service/usage/look.h"

/* Reads the mounts that the process PID, as text, sees. The caller frees them with mounts_unref(). Returns
 * 0, -ESRCH if there is no such process, or another negative errno. */
int mounts_read(const struct root *root, const char *pid, struct libmnt_table **ret);

/* The mounts of the host: this process may have a mount namespace of its own, with mounts that are nobody's
 * but the service's. */
int mounts_read_host(const struct root *root, struct libmnt_table **ret);

/* The swap areas. A kernel without swap has none. */
int mounts_read_swaps(const struct root *root, struct libmnt_table **ret);

/* The file system that holds the file at PATH, which is absolute and without symbolic links: the kernel
 * wrote it. The file is not looked at: that could take for ever on a network file system. NULL if there is
 * none. */
struct libmnt_fs *mounts_find(struct libmnt_table *mounts, const char *path);

/* Calls FUNCTION for each, until it returns a negative errno, which is returned then. */
int mounts_foreach(struct libmnt_table *mounts, int (*function)(struct libmnt_fs *fs, void *userdata),
                   void *userdata);

static inline void mounts_unrefp(struct libmnt_table **mounts) {
        mnt_unref_table(*mounts);
}

#define _cleanup_mounts_ _cleanup_(mounts_unrefp)
