/* SPDX-License-Identifier: GPL-2.0-or-later */

/* libmount's tables, read from below a root and with the errors that matter here. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "service/usage/mounts.h"

/* PATH is a file that may well not be there: then this is the error MISSING. */
static int read_table(const struct root *root, const char *path,
                      int (*parse)(struct libmnt_table *table, const char *path), int missing,
                      struct libmnt_table **ret) {
        _cleanup_mounts_ struct libmnt_table *table = mnt_new_table();
        _cleanup_free_ char *name = root_path(root, path);
        int r;

        if (!table || !name)
                return -ENOMEM;

        r = parse(table, name);
        if (r == -ENOENT || r == -ESRCH)
                return missing;
        if (r != 0)
                return r < 0 ? r : -EIO;

        *ret = TAKE_PTR(table);
        return 0;
}

int mounts_read(const struct root *root, const char *pid, struct libmnt_table **ret) {
        char path[sizeof("/proc//mountinfo") + NAME_MAX];

        snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
        return read_table(root, path, mnt_table_parse_file, -ESRCH, ret);
}

int mounts_read_host(const struct root *root, struct libmnt_table **ret) {
        int r = mounts_read(root, "1", ret);

        if (r == -ESRCH)
                r = mounts_read(root, "self", ret);
        return r;
}

int mounts_read_swaps(const struct root *root, struct libmnt_table **ret) {
        int r = read_table(root, "/proc/swaps", mnt_table_parse_swaps, -ENOENT, ret);

        if (r != -ENOENT)
                return r;

        *ret = mnt_new_table();
        return *ret ? 0 : -ENOMEM;
}

/* mnt_table_find_mountpoint() would ask for the file's status. */
struct libmnt_fs *mounts_find(struct libmnt_table *mounts, const char *path) {
        _cleanup_free_ char *directory = strdup(path);
        struct libmnt_fs *fs = NULL;

        /* What has been mounted out of sight is "(unreachable)". */
        while (!fs && path[0] == '/' && !isempty(directory)) {
                *strrchr(directory, '/') = '\0';

                /* The last one mounted on a place hides those before it. */
                fs = mnt_table_find_target(mounts, isempty(directory) ? "/" : directory, MNT_ITER_BACKWARD);
        }

        return fs;
}

static void iter_freep(struct libmnt_iter **iter) {
        mnt_free_iter(*iter);
}

int mounts_foreach(struct libmnt_table *mounts, int (*function)(struct libmnt_fs *fs, void *userdata),
                   void *userdata) {
        _cleanup_(iter_freep) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;
        int r = 0;

        if (!iter)
                return -ENOMEM;

        while (r >= 0 && mnt_table_next_fs(mounts, iter, &fs) == 0)
                r = function(fs, userdata);
        return r < 0 ? r : 0;
}
