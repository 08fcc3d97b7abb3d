/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Opening the host's file systems. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "service/host/root.h"
#include "service/host/sysfs.h"

struct root *root_free(struct root *root) {
        if (!root)
                return NULL;

        closep(&root->sys);
        free(root->prefix);
        free(root);
        return NULL;
}

char *root_path(const struct root *root, const char *path) {
        char *joined;

        return asprintf(&joined, "%s%s", root->prefix, path) < 0 ? NULL : joined;
}

int root_open(const char *prefix, struct root **ret) {
        _cleanup_(root_freep) struct root *root = NULL;
        _cleanup_free_ char *sys = NULL;

        root = malloc(sizeof(*root));
        if (!root)
                return -ENOMEM;
        *root = (struct root){ .prefix = strdup(prefix), .sys = -EBADF };
        if (!root->prefix)
                return -ENOMEM;

        sys = root_path(root, "/sys");
        if (!sys)
                return -ENOMEM;

        root->sys = sysfs_open_directory(AT_FDCWD, sys);
        if (root->sys < 0)
                return root->sys;

        *ret = TAKE_PTR(root);
        return 0;
}
