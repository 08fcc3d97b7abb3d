/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is below a function in sysfs: one walk over its directory finds its disks, interfaces, connectors,
 * keyboards and nodes. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/sysfs.h"
#include "service/usage/lookers.h"

/* Deeper directories than this are none of the kernel's. */
#define DEPTH_MAX 64

struct walk {
        struct look *look;
        const struct function *function;
        unsigned depth;
};

static int walk_directory(struct walk *walk, const char *path);

/* Every nvme disk below a subsystem belongs to all of its controllers (drivers/nvme/host/multipath.c); sysfs
 * shows it below none. */
static int walk_subsystem(const char *name, void *userdata) {
        struct walk *walk = userdata;
        const struct part *controller = &walk->look->parts[walk->look->n_parts - 1];
        char path[PATH_MAX], target[PATH_MAX];
        const char *directory;
        ssize_t n;

        snprintf(path, sizeof(path), "class/nvme-subsystem/%s/%s", name, controller->name);
        if (faccessat(walk->look->root->sys, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;

        *strrchr(path, '/') = '\0';
        n = readlinkat(walk->look->root->sys, path, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        directory = startswith(target, "../../");
        n = directory ? walk_directory(walk, directory) : -EINVAL;
        return n < 0 ? (int) n : 1;
}

static int walk_subsystems(struct walk *walk) {
        int r = sysfs_foreach(walk->look->root->sys, "class/nvme-subsystem", walk_subsystem, walk);

        return r == -ENOENT || r > 0 ? 0 : r;
}

/* Whatever has the link "subsystem" is a device; other directories are attributes, or stand between devices.
 */
static int note_device(struct walk *walk, const char *path) {
        char link[PATH_MAX], subsystem[NAME_MAX + 1];
        dev_t number = 0;
        int r;

        snprintf(link, sizeof(link), "%s/subsystem", path);
        if (sysfs_read_link(walk->look->root->sys, link, subsystem, sizeof(subsystem)) < 0)
                return 0;

        /* Whoever has VFIO's node of the function open is a guest, not a program of the host: see vfio.c. */
        if (streq(subsystem, "vfio-dev"))
                return 0;

        r = look_read_number(walk->look, path, &number);
        if (r < 0 && r != -ENOENT && r != -ENODEV)
                return r;

        r = look_add_part(walk->look, walk->function, path, subsystem, number);
        if (r < 0)
                return r;

        return streq(subsystem, "nvme") ? walk_subsystems(walk) : 0;
}

static bool is_directory(DIR *d, const struct dirent *entry) {
        struct stat st;

        if (entry->d_type != DT_UNKNOWN)
                return entry->d_type == DT_DIR;

        return fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode);
}

static int walk_children(struct walk *walk, const char *path, DIR *d) {
        struct dirent *entry;
        int r = 0;

        while (r >= 0 && (entry = readdir(d))) {
                _cleanup_free_ char *child = NULL;

                if (streq(entry->d_name, ".") || streq(entry->d_name, "..") ||
                    streq(entry->d_name, "power") || !is_directory(d, entry))
                        continue;
                if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
                        return -ENOMEM;
                r = walk_directory(walk, child);
        }

        return r;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

/* What is gone by the time it is looked at is in nobody's way. */
static int walk_directory(struct walk *walk, const char *path) {
        _cleanup_(closedirp) DIR *d = NULL;
        int fd, r;

        if (walk->depth >= DEPTH_MAX)
                return -ELOOP;

        fd = openat(walk->look->root->sys, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }

        walk->depth++;
        r = note_device(walk, path);
        if (r >= 0)
                r = walk_children(walk, path, d);
        walk->depth--;
        return r;
}

static int look_below(struct look *look, const struct function *f) {
        struct walk walk = { .look = look, .function = f };
        char path[sizeof("bus/pci/devices/") + PCI_ADDRESS_SIZE], target[PATH_MAX];
        const char *directory;
        ssize_t n;

        snprintf(path, sizeof(path), "bus/pci/devices/%s", PCI_ADDRESS_TEXT(&f->address));
        n = readlinkat(look->root->sys, path, target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno;
        target[n] = '\0';

        directory = startswith(target, "../../../");
        return directory ? walk_directory(&walk, directory) : -EINVAL;
}

int parts_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                r = look_below(look, look->functions[i]);

        return r;
}
