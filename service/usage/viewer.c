/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may read what. */

#include <errno.h>
#include <libmount.h>
#include <stdio.h>

#include "service/usage/viewer.h"

struct viewer {
        const struct root *root;
        uid_t uid;
        pid_t pid;
        struct libmnt_table *mounts; /* that the process sees; NULL until somebody asks */
};

int viewer_new(const struct root *root, uid_t uid, pid_t pid, struct viewer **ret) {
        struct viewer *viewer = malloc(sizeof(*viewer));

        if (!viewer)
                return -ENOMEM;

        *viewer = (struct viewer){ .root = root, .uid = uid, .pid = pid };
        *ret = viewer;
        return 0;
}

struct viewer *viewer_nobody(void) {
        static struct viewer nobody = { .uid = OWNER_NOBODY };

        return &nobody;
}

struct viewer *viewer_free(struct viewer *viewer) {
        if (viewer)
                mnt_unref_table(viewer->mounts);
        free(viewer);
        return NULL;
}

/* An empty table, where the process has gone or nobody knows it, hides everything. */
static bool read_mounts(struct viewer *viewer) {
        _cleanup_free_ char *file = NULL, *path = NULL;

        if (viewer->mounts)
                return true;

        viewer->mounts = mnt_new_table();
        if (!viewer->mounts || asprintf(&file, "/proc/%d/mountinfo", viewer->pid) < 0)
                return false;

        path = root_path(viewer->root, file);
        return path && mnt_table_parse_file(viewer->mounts, path) >= 0;
}

static bool sees_mount(struct viewer *viewer, const struct finding *finding) {
        return read_mounts(viewer) &&
               mnt_table_find_devno(viewer->mounts, finding->privacy.mount, MNT_ITER_FORWARD);
}

static bool may_read(struct viewer *viewer, const struct finding *finding) {
        if (!viewer || viewer->uid == 0 || !finding->discreet)
                return true;
        if (viewer->uid == OWNER_NOBODY)
                return false;
        if (finding->privacy.owner != OWNER_NOBODY)
                return finding->privacy.owner == viewer->uid;

        return finding->privacy.mount != 0 && sees_mount(viewer, finding);
}

const char *viewer_subject(struct viewer *viewer, const struct finding *finding) {
        return may_read(viewer, finding) ? finding->subject : "";
}

const char *viewer_message(struct viewer *viewer, const struct finding *finding) {
        return may_read(viewer, finding) ? finding->message : finding->discreet;
}
