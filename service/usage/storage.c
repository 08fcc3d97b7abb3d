/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From mount points and swap areas down to PCI functions. */

#include <errno.h>
#include <libmount.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "service/host/sysfs.h"
#include "service/usage/storage.h"

/* Deeper stacks of block devices than this are a loop in what we were told. */
#define DEPTH_MAX 16

/* A file system or swap area that is being followed down to its disks. */
struct walk {
        const struct usage_query *query;
        struct findings *findings;
        enum finding_kind kind;
        enum severity severity;
        const char *subject;
        unsigned depth;
};

/* One directory of sysfs on the way. */
struct place {
        struct walk *walk;
        const char *path; /* below /sys */
};

static int walk_device(struct walk *walk, dev_t device);

static bool path_contains(const char *path, const struct pci_address *address) {
        char component[PCI_ADDRESS_SIZE + 2];

        snprintf(component, sizeof(component), "/%s/", PCI_ADDRESS_TEXT(address));
        return strstr(path, component);
}

static int report(struct walk *walk, const struct function *f) {
        if (walk->kind == FINDING_SWAP)
                return findings_add(walk->findings, walk->kind, walk->severity, &f->address, walk->subject,
                                    "%s carries the swap area %s: turn it off with swapoff first",
                                    PCI_ADDRESS_TEXT(&f->address), walk->subject);

        return findings_add(walk->findings, walk->kind, walk->severity, &f->address, walk->subject,
                            "%s carries the file system mounted on %s: %s", PCI_ADDRESS_TEXT(&f->address),
                            walk->subject,
                            walk->severity == SEVERITY_REFUSE ? "the running system stands on it" :
                                                                "unmount it first");
}

/* A path in sysfs goes through every function above a device: the controller and the bridges over it. */
static int report_path(struct walk *walk, const char *path) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < walk->query->n_functions; i++)
                if (path_contains(path, &walk->query->functions[i]->address))
                        r = report(walk, walk->query->functions[i]);

        return r;
}

/* Goes on with the block device whose number is in the attribute PATH/NAME/dev. */
static int walk_entry(const char *name, void *userdata) {
        struct place *place = userdata;
        _cleanup_free_ char *path = NULL;
        char number[32];
        unsigned major, minor;

        if (asprintf(&path, "%s/%s/dev", place->path, name) < 0)
                return -ENOMEM;
        if (sysfs_read(place->walk->query->root->sys, path, number, sizeof(number)) < 0 ||
            sscanf(number, "%u:%u", &major, &minor) != 2)
                return 0;

        return walk_device(place->walk, makedev(major, minor));
}

static int walk_entries(struct walk *walk, const char *path) {
        struct place place = { walk, path };
        int r = sysfs_foreach(walk->query->root->sys, path, walk_entry, &place);

        return r == -ENOENT ? 0 : r;
}

static int walk_slaves(struct walk *walk, const char *block) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/slaves", block) < 0)
                return -ENOMEM;

        return walk_entries(walk, path);
}

/* A loop device stands on the file system of its file. */
static int walk_loop(struct walk *walk, const char *block) {
        _cleanup_free_ char *path = NULL;
        char file[PATH_MAX];
        struct stat st;

        if (asprintf(&path, "%s/loop/backing_file", block) < 0)
                return -ENOMEM;
        if (sysfs_read(walk->query->root->sys, path, file, sizeof(file)) < 0 || stat(file, &st) < 0)
                return 0;

        return walk_device(walk, st.st_dev);
}

/* The entry nvmeN of an nvme subsystem is a link to a controller, whose path goes through its function. */
static int walk_controller(const char *name, void *userdata) {
        struct place *place = userdata;
        _cleanup_free_ char *path = NULL;
        char target[PATH_MAX];
        ssize_t n;

        if (asprintf(&path, "%s/%s", place->path, name) < 0)
                return -ENOMEM;

        n = readlinkat(place->walk->query->root->sys, path, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        return report_path(place->walk, target);
}

/* The disk of an nvme subsystem is a virtual device beside the links to its controllers. */
static int walk_subsystem(struct walk *walk, const char *block) {
        static const char class[] = "/nvme-subsystem/";
        const char *subsystem = strstr(block, class);
        _cleanup_free_ char *path = NULL;
        struct place place = { walk };

        if (!subsystem)
                return 0;

        subsystem += strlen(class);
        path = strndup(block, (size_t) (subsystem - block) + strcspn(subsystem, "/"));
        if (!path)
                return -ENOMEM;

        place.path = path;
        return sysfs_foreach(walk->query->root->sys, path, walk_controller, &place);
}

static int walk_block(struct walk *walk, const char *block) {
        static int (*const ways[])(struct walk *walk, const char *block) = {
                report_path, walk_slaves, walk_loop, walk_subsystem,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(ways); i++)
                r = ways[i](walk, block);

        return r;
}

static int walk_device(struct walk *walk, dev_t device) {
        _cleanup_free_ char *disk = NULL;
        char link[64], target[PATH_MAX];
        const char *block;
        ssize_t n;
        int r;

        snprintf(link, sizeof(link), "dev/block/%u:%u", major(device), minor(device));
        n = readlinkat(walk->query->root->sys, link, target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno; /* no block device: a network file system, tmpfs */
        target[n] = '\0';

        block = startswith(target, "../../");
        if (!block)
                return -EINVAL;
        if (walk->depth >= DEPTH_MAX)
                return -ELOOP;

        walk->depth++;
        r = walk_block(walk, block);

        /* A partition has its disk's slaves. */
        if (r >= 0 && strrchr(block, '/')) {
                disk = strndup(block, (size_t) (strrchr(block, '/') - block));
                r = disk ? walk_slaves(walk, disk) : -ENOMEM;
        }
        walk->depth--;
        return r;
}

/* A btrfs has a device number of its own and, in sysfs, the list of its devices. */
static int walk_btrfs_entry(const char *name, void *userdata) {
        struct place *source = userdata;
        _cleanup_free_ char *devices = NULL, *member = NULL;

        if (asprintf(&devices, "fs/btrfs/%s/devices", name) < 0 || asprintf(&member, "%s/%s", devices, source->path) < 0)
                return -ENOMEM;
        if (faccessat(source->walk->query->root->sys, member, F_OK, 0) < 0)
                return 0;

        return walk_entries(source->walk, devices);
}

static int walk_btrfs(struct walk *walk, const char *source) {
        _cleanup_free_ char *resolved = realpath(source, NULL);
        struct place place = { walk };
        int r;

        if (!resolved)
                return 0;

        place.path = strrchr(resolved, '/') + 1;
        r = sysfs_foreach(walk->query->root->sys, "fs/btrfs", walk_btrfs_entry, &place);
        return r == -ENOENT ? 0 : r;
}

static int walk_file(struct walk *walk, const char *path) {
        struct stat st;

        if (isempty(path) || stat(path, &st) < 0)
                return 0;

        return walk_device(walk, S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev);
}

/* What a running system cannot do without, whoever asks. */
static enum severity mount_severity(const char *target) {
        static const char *const system[] = {
                "/",    "/boot", "/boot/efi", "/efi",     "/etc",     "/gnu",     "/nix",
                "/opt", "/srv",  "/usr",      "/usr/lib", "/usr/local", "/var", "/var/lib", "/var/log", "/var/tmp",
        };

        for (size_t i = 0; i < ELEMENTSOF(system); i++)
                if (streq(target, system[i]))
                        return SEVERITY_REFUSE;

        return SEVERITY_FORCE;
}

static int look_at_mount(struct walk walk, struct libmnt_fs *fs) {
        const char *type = mnt_fs_get_fstype(fs), *source = mnt_fs_get_source(fs);

        walk.kind = FINDING_MOUNTED;
        walk.subject = strempty(mnt_fs_get_target(fs));
        walk.severity = mount_severity(walk.subject);

        if (type && source && streq(type, "btrfs"))
                return walk_btrfs(&walk, source);

        return walk_device(&walk, mnt_fs_get_devno(fs));
}

static int look_at_swap(struct walk walk, struct libmnt_fs *fs) {
        walk.kind = FINDING_SWAP;
        walk.subject = strempty(mnt_fs_get_source(fs));
        walk.severity = SEVERITY_REFUSE;
        return walk_file(&walk, mnt_fs_get_source(fs));
}

static void table_unrefp(struct libmnt_table **table) {
        mnt_unref_table(*table);
}

static void iter_freep(struct libmnt_iter **iter) {
        mnt_free_iter(*iter);
}

static int look_at_table(const struct walk *walk, const char *file,
                         int (*parse)(struct libmnt_table *table, const char *path),
                         int (*look)(struct walk walk, struct libmnt_fs *fs)) {
        _cleanup_(table_unrefp) struct libmnt_table *table = mnt_new_table();
        _cleanup_(iter_freep) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
        _cleanup_free_ char *path = root_path(walk->query->root, file);
        struct libmnt_fs *fs;
        int r;

        if (!table || !iter || !path)
                return -ENOMEM;

        /* A kernel without swap has no list of swap areas. */
        r = parse(table, path);
        if (r != 0)
                return access(path, F_OK) < 0 ? 0 : -EIO;

        while (r >= 0 && mnt_table_next_fs(table, iter, &fs) == 0)
                r = look(*walk, fs);
        return r;
}

/* The mounts of the host: this process may have a mount namespace of its own, with mounts that are nobody's but the service's. */
static const char *mounts_of_host(const struct root *root) {
        _cleanup_free_ char *path = root_path(root, "/proc/1/mountinfo");

        return path && access(path, R_OK) >= 0 ? "/proc/1/mountinfo" : "/proc/self/mountinfo";
}

int storage_look(const struct usage_query *query, struct findings *findings) {
        const struct walk walk = { .query = query, .findings = findings };
        int r;

        r = look_at_table(&walk, mounts_of_host(query->root), mnt_table_parse_file, look_at_mount);
        if (r < 0)
                return r;

        return look_at_table(&walk, "/proc/swaps", mnt_table_parse_swaps, look_at_swap);
}
