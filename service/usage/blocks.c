/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Walking down through block devices. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "service/host/sysfs.h"
#include "service/usage/blocks.h"
#include "service/usage/pools.h"

/* Deeper stacks of block devices than this are a loop in what we were told. */
#define DEPTH_MAX 16

/* A directory on the way, below /sys. */
struct place {
        struct descent *descent;
        const char *path;
};

static int sys_of(const struct descent *descent) {
        return descent->look->root->sys;
}

static const char *name_of(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool path_contains(const char *path, const struct pci_address *address) {
        char component[PCI_ADDRESS_SIZE + 2];

        snprintf(component, sizeof(component), "/%s/", PCI_ADDRESS_TEXT(address));
        return strstr(path, component);
}

/* A path in sysfs goes through every function above a device: the controller and the bridges over it. */
static int reach(struct descent *descent, const char *path) {
        const struct look *look = descent->look;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                if (path_contains(path, &look->functions[i]->address))
                        r = descent->reached(descent, look->functions[i], strempty(descent->top));

        return r;
}

/* Goes on with the block device whose number is in the attribute PATH/NAME/dev. */
static int descend_entry(const char *name, void *userdata) {
        struct place *place = userdata;
        char path[PATH_MAX];
        dev_t device;

        snprintf(path, sizeof(path), "%s/%s", place->path, name);
        if (look_read_number(place->descent->look, path, &device) < 0)
                return 0;

        return descend_from_device(place->descent, device);
}

static int descend_entries(struct descent *descent, const char *path) {
        struct place place = { descent, path };
        int r = sysfs_foreach(sys_of(descent), path, descend_entry, &place);

        return r == -ENOENT ? 0 : r;
}

static int descend_slaves(struct descent *descent, const char *block) {
        const char *above = descent->top;
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s/slaves", block);
        descent->top = above ?: name_of(block);
        r = descend_entries(descent, path);
        descent->top = above;
        return r;
}

/* A loop device stands on another block device, or on the file system of its file, which is no stack. */
static int descend_loop(struct descent *descent, const char *block) {
        const char *above = descent->top;
        char path[PATH_MAX], file[PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s/loop/backing_file", block);
        if (sysfs_read(sys_of(descent), path, file, sizeof(file)) < 0)
                return 0;

        if (startswith(file, "/dev/"))
                descent->top = above ?: name_of(block);
        r = descend_from_path(descent, file);
        descent->top = above;
        return r;
}

/* The entry nvmeN of an nvme subsystem is a link to a controller, whose path goes through its function. */
static int descend_controller(const char *name, void *userdata) {
        struct place *place = userdata;
        char path[PATH_MAX], target[PATH_MAX];
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", place->path, name);
        n = readlinkat(sys_of(place->descent), path, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        return reach(place->descent, target);
}

/* The disk of an nvme subsystem is a virtual device beside the links to its controllers. */
static int descend_subsystem(struct descent *descent, const char *block) {
        static const char class[] = "/nvme-subsystem/";
        const char *subsystem = strstr(block, class);
        _cleanup_free_ char *path = NULL;
        struct place place = { descent };

        if (!subsystem)
                return 0;

        subsystem += strlen(class);
        path = strndup(block, (size_t) (subsystem - block) + strcspn(subsystem, "/"));
        if (!path)
                return -ENOMEM;

        place.path = path;
        return sysfs_foreach(sys_of(descent), path, descend_controller, &place);
}

/* A partition has its disk's slaves. */
static int descend_disk(struct descent *descent, const char *block) {
        _cleanup_free_ char *disk = strndup(block, (size_t) (name_of(block) - block));

        if (!disk)
                return -ENOMEM;
        if (isempty(disk))
                return 0;

        disk[strlen(disk) - 1] = '\0';
        return descend_slaves(descent, disk);
}

static int descend_block(struct descent *descent, const char *block) {
        static int (*const ways[])(struct descent * descent, const char *block) = {
                reach, descend_slaves, descend_loop, descend_subsystem, descend_disk,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(ways); i++)
                r = ways[i](descent, block);

        return r;
}

/* Reads where the block device DEVICE is below /sys. Returns 0, or -ENOENT if there is no such device. */
static int find_block(const struct descent *descent, dev_t device, char path[static PATH_MAX]) {
        char link[64], target[PATH_MAX];
        const char *block;
        ssize_t n;

        snprintf(link, sizeof(link), "dev/block/%u:%u", major(device), minor(device));
        n = readlinkat(sys_of(descent), link, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';

        block = startswith(target, "../../");
        if (!block)
                return -EINVAL;

        strcpy(path, block);
        return 0;
}

int descend_from_device(struct descent *descent, dev_t device) {
        char block[PATH_MAX];
        int r;

        r = find_block(descent, device, block);
        if (r < 0)
                return r == -ENOENT ? 0 : r; /* no block device: a network file system, tmpfs */
        if (descent->depth >= DEPTH_MAX)
                return -ELOOP;

        descent->depth++;
        r = descend_block(descent, block);
        descent->depth--;
        return r;
}

/* The number behind a device's node. Nodes are looked for below /dev only, which is no network file system.
 */
static int read_node(const struct descent *descent, const char *path, dev_t *ret) {
        _cleanup_free_ char *name = root_path(descent->look->root, path);
        struct stat st;

        if (!name)
                return -ENOMEM;
        if (!startswith(path, "/dev/") || stat(name, &st) < 0 || !S_ISBLK(st.st_mode))
                return -ENOENT;

        *ret = st.st_rdev;
        return 0;
}

/* All devices of a btrfs are listed in sysfs: those beside the one called by this name. */
static int descend_siblings(const char *name, void *userdata) {
        struct place *member = userdata;
        char devices[PATH_MAX], path[PATH_MAX];

        if (snprintf(devices, sizeof(devices), "fs/btrfs/%s/devices", name) >= (int) sizeof(devices) ||
            snprintf(path, sizeof(path), "%s/%s", devices, name_of(member->path)) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        if (faccessat(sys_of(member->descent), path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;

        return descend_entries(member->descent, devices);
}

static int descend_from_member(struct descent *descent, const char *node) {
        char block[PATH_MAX];
        struct place member = { descent, block };
        dev_t device;
        int r;

        r = read_node(descent, node, &device);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        r = find_block(descent, device, block);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        r = descend_from_device(descent, device);
        if (r >= 0)
                r = sysfs_foreach(sys_of(descent), "fs/btrfs", descend_siblings, &member);
        return r == -ENOENT ? 0 : r;
}

static int descend_from_pool_member(dev_t device, void *userdata) {
        return descend_from_device(userdata, device);
}

int descend_from_file_system(struct descent *descent, struct libmnt_fs *fs) {
        _cleanup_free_ char *source = strdup(strempty(mnt_fs_get_source(fs)));
        char *save = NULL;
        int r = 0;

        if (!source)
                return -ENOMEM;
        if (major(mnt_fs_get_devno(fs)) != 0)
                return descend_from_device(descent, mnt_fs_get_devno(fs));
        if (streq(strempty(mnt_fs_get_fstype(fs)), "zfs"))
                return pools_foreach(descent->look, source, descend_from_pool_member, descent);

        /* A file system over several devices has a number of its own (btrfs, bcachefs), and names one or all
         * of them. */
        for (char *node = strtok_r(source, ":", &save); r >= 0 && node; node = strtok_r(NULL, ":", &save))
                r = descend_from_member(descent, node);
        return r;
}

int descend_from_path(struct descent *descent, const char *path) {
        struct libmnt_fs *fs;
        dev_t device;
        int r;

        r = read_node(descent, path, &device);
        if (r != -ENOENT)
                return r < 0 ? r : descend_from_device(descent, device);

        fs = mounts_find(descent->mounts, path);
        return fs ? descend_from_file_system(descent, fs) : 0;
}
