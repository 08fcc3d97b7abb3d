/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The device files of a group, one after the other. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/sysfs.h"
#include "service/move/steps/access.h"
#include "service/move/steps/acl.h"
#include "service/usage/vfio.h"

#define CLASS "class/vfio"

struct visit {
        const struct root *root;
        const char *member; /* whose cdev it is */
        uid_t uid;
        int (*change)(int fd, uid_t uid);
};

/* The file NAME below /dev/vfio, which belongs to the device whose directory is PATH below /sys. */
static int visit_node(const struct visit *visit, const char *path, const char *name) {
        _cleanup_free_ char *directory = root_path(visit->root, "/dev/vfio"), *node = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        dev_t number;
        int r;

        /* A directory without a number: a kernel that has no cdevs. */
        r = sysfs_read_device(visit->root->sys, path, &number);
        if (r < 0)
                return r == -ENOENT || r == -ENODEV ? 0 : r;
        if (!directory || asprintf(&node, "%s/%s", directory, name) < 0)
                return -ENOMEM;

        fd = open(node, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode) || st.st_rdev != number)
                return 0;

        r = visit->change(fd, visit->uid);
        return r < 0 ? r : 0;
}

static int visit_cdev(const char *name, void *userdata) {
        const struct visit *visit = userdata;
        char path[PATH_MAX], node[NAME_MAX + sizeof("devices/")];

        snprintf(path, sizeof(path), "bus/pci/devices/%s/vfio-dev/%s", visit->member, name);
        snprintf(node, sizeof(node), "devices/%s", name);
        return visit_node(visit, path, node);
}

static int visit_member(const char *name, void *userdata) {
        struct visit *visit = userdata;
        char path[PATH_MAX];
        int r;

        visit->member = name;
        snprintf(path, sizeof(path), "bus/pci/devices/%s/vfio-dev", name);
        r = sysfs_foreach(visit->root->sys, path, visit_cdev, visit);
        return r == -ENOENT ? 0 : r;
}

static int visit_all(struct visit *visit, int group) {
        char path[64], name[16];
        int r;

        snprintf(name, sizeof(name), "%d", group);
        snprintf(path, sizeof(path), CLASS "/%s", name);
        r = visit_node(visit, path, name);
        if (r < 0)
                return r;

        snprintf(path, sizeof(path), "kernel/iommu_groups/%d/devices", group);
        r = sysfs_foreach(visit->root->sys, path, visit_member, visit);
        return r == -ENOENT ? 0 : r;
}

int access_grant(const struct root *root, int group, uid_t uid) {
        struct visit visit = { .root = root, .uid = uid, .change = acl_admit_user };

        return visit_all(&visit, group);
}

int access_withdraw(const struct root *root, int group, uid_t uid) {
        struct visit visit = { .root = root, .uid = uid, .change = acl_dismiss_user };

        return visit_all(&visit, group);
}

/* The first cdev. */
struct search {
        const struct root *root;
        const char *member;
        char *name; /* of the file, with room for NAME_MAX + 1 bytes */
        dev_t number;
};

static int find_cdev(const char *name, void *userdata) {
        struct search *search = userdata;
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "bus/pci/devices/%s/vfio-dev/%s", search->member, name);
        if (sysfs_read_device(search->root->sys, path, &search->number) < 0)
                return 0;

        snprintf(search->name, NAME_MAX + 1, "devices/%s", name);
        return 1;
}

int access_open(const struct root *root, const char *address, int group, char node[static NAME_MAX + 1]) {
        char path[PATH_MAX], name[NAME_MAX + 1];
        struct search search = { .root = root, .member = address, .name = name };
        int r;

        snprintf(path, sizeof(path), "bus/pci/devices/%s/vfio-dev", address);
        r = sysfs_foreach(root->sys, path, find_cdev, &search);
        if (r <= 0) {
                snprintf(name, sizeof(name), "%d", group);
                snprintf(path, sizeof(path), CLASS "/%s", name);
                r = sysfs_read_device(root->sys, path, &search.number);
        }
        if (r < 0)
                return r;

        r = vfio_open_node(root, name, search.number);
        if (r >= 0)
                snprintf(node, NAME_MAX + 1, "/dev/vfio/%.128s", name);
        return r;
}

int access_is_used(const struct root *root, int group) {
        char path[64], name[16];
        dev_t number;
        int r;

        snprintf(name, sizeof(name), "%d", group);
        snprintf(path, sizeof(path), CLASS "/%s", name);
        r = sysfs_read_device(root->sys, path, &number);
        if (r < 0)
                return r == -ENOENT || r == -ENODEV ? 0 : r;

        return vfio_node_is_busy(root, name, number);
}
