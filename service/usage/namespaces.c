/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each mount namespace is looked at once, through the first process that is found in it. */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/usage/namespaces.h"
#include "service/usage/storage.h"

struct namespaces {
        struct look *look;
        pthread_mutex_t lock; /* for everything below, and for what is found in mounts */
        uint64_t *known;      /* their inodes */
        size_t n;
};

struct namespaces *namespaces_free(struct namespaces *namespaces) {
        if (!namespaces)
                return NULL;

        pthread_mutex_destroy(&namespaces->lock);
        free(namespaces->known);
        free(namespaces);
        return NULL;
}

static bool is_known(const struct namespaces *namespaces, uint64_t inode) {
        for (size_t i = 0; i < namespaces->n; i++)
                if (namespaces->known[i] == inode)
                        return true;

        return false;
}

static int remember(struct namespaces *namespaces, uint64_t inode) {
        uint64_t *known = array_append(&namespaces->known, &namespaces->n, sizeof(*known));

        if (!known)
                return -ENOMEM;

        *known = inode;
        return 0;
}

/* Returns 0, -ESRCH if the process has gone or is hidden, or another negative errno. */
static int read_inode(int proc, const char *pid, uint64_t *ret) {
        char path[NAME_MAX + sizeof("/ns/mnt")], link[64];
        ssize_t n;

        snprintf(path, sizeof(path), "%s/ns/mnt", pid);
        n = readlinkat(proc, path, link, sizeof(link) - 1);
        if (n < 0)
                return errno == ENOENT || errno == EACCES ? -ESRCH : -errno;
        link[n] = '\0';

        return sscanf(link, "mnt:[%" SCNu64 "]", ret) == 1 ? 0 : -EINVAL;
}

int namespaces_new(struct look *look, int proc, struct namespaces **ret) {
        _cleanup_(namespaces_freep) struct namespaces *namespaces = malloc(sizeof(*namespaces));
        uint64_t inode;
        int r;

        if (!namespaces)
                return -ENOMEM;
        *namespaces = (struct namespaces){ .look = look, .lock = PTHREAD_MUTEX_INITIALIZER };

        r = storage_look_at_host(look);
        if (r < 0)
                return r;

        r = read_inode(proc, "1", &inode);
        if (r >= 0)
                r = remember(namespaces, inode);
        if (r < 0 && r != -ESRCH)
                return r;

        *ret = TAKE_PTR(namespaces);
        return 0;
}

/* A namespace is known once its mounts have been read: should the first process in it go meanwhile, there is
 * the next one. */
static int look_at(struct namespaces *namespaces, const char *pid, uint64_t inode) {
        _cleanup_mounts_ struct libmnt_table *mounts = NULL;
        int r;

        if (is_known(namespaces, inode))
                return 0;

        r = mounts_read(namespaces->look->root, pid, &mounts);
        if (r == -ESRCH ||
            r == -EINVAL) /* a process that is ending has no namespace any more (mounts_open_common()) */
                return 0;
        if (r >= 0)
                r = storage_look_elsewhere(namespaces->look, mounts);
        return r < 0 ? r : remember(namespaces, inode);
}

int namespaces_look(struct namespaces *namespaces, int proc, const char *pid) {
        uint64_t inode;
        int r;

        r = read_inode(proc, pid, &inode);
        if (r < 0)
                return r == -ESRCH ? 0 : r;

        pthread_mutex_lock(&namespaces->lock);
        r = look_at(namespaces, pid, inode);
        pthread_mutex_unlock(&namespaces->lock);
        return r;
}
