/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the file systems of the host are. The service uses the machine's own; tests pass a directory with a
 * tree of theirs. */

#include "service/host/macros.h"

struct root {
        char *prefix; /* "" for the machine's own file systems, else the directory that stands for "/" */
        int sys;      /* <prefix>/sys */
};

/* Opens the file systems below PREFIX. The caller frees the answer with root_free(). Negative errno where
 * there is no sysfs. */
int root_open(const char *prefix, struct root **ret);

struct root *root_free(struct root *root);

static inline void root_freep(struct root **root) {
        root_free(*root);
}

/* PATH, which is absolute, below the prefix. The caller frees it; NULL where memory is short. */
char *root_path(const struct root *root, const char *path);
