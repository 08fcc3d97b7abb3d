/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A file system in memory, and a host in it. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/room.h"

static void check(bool good, const char *what, const char *path) {
        if (good)
                return;
        fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
        abort();
}

void room_open(void) {
        check(unshare(CLONE_NEWNS) >= 0, "unshare", ROOM);
        check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) >= 0, "make private", "/");
        check(mount("tmpfs", ROOM, "tmpfs", 0, "mode=0700") >= 0, "mount", ROOM);
}

void room_write(const char *path, const void *data, size_t size) {
        _cleanup_close_ int fd = -EBADF;

        room_remove(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        check(fd >= 0, "open", path);
        check(write(fd, data, size) == (ssize_t) size, "write", path);
}

void room_link(const char *path, const char *target) {
        room_remove(path);
        check(symlink(target, path) >= 0, "symlink", path);
}

void room_directory(const char *path) {
        check(mkdir(path, 0755) >= 0 || errno == EEXIST, "mkdir", path);
}

void room_remove(const char *path) {
        check(unlink(path) >= 0 || errno == ENOENT || errno == ENOTDIR, "unlink", path);
}

bool room_has(const char *path) {
        return access(path, F_OK) >= 0;
}

#define DEVICES ROOM "/sys/bus/pci/devices/"
#define BRIDGE "0000:00:1c.0"
#define BRIDGE_DIRECTORY ROOM "/sys/devices/pci0000:00/" BRIDGE
#define MODALIAS "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00\n"

static void add_function(const char *address) {
        char path[256], target[256];

        snprintf(path, sizeof(path), BRIDGE_DIRECTORY "/%s", address);
        room_directory(path);
        snprintf(path, sizeof(path), DEVICES "%s", address);
        snprintf(target, sizeof(target), "../../../devices/pci0000:00/" BRIDGE "/%s", address);
        room_link(path, target);
        snprintf(path, sizeof(path), DEVICES "%s/modalias", address);
        room_write(path, MODALIAS, strlen(MODALIAS));
        snprintf(path, sizeof(path), DEVICES "%s/driver", address);
        room_link(path, "../../../../bus/pci/drivers/e1000e");
        snprintf(path, sizeof(path), DEVICES "%s/iommu_group", address);
        room_link(path, "../../../../kernel/iommu_groups/7");
}

struct root *room_host(void) {
        static const char *const directories[] = {
                "/sys",
                "/sys/bus",
                "/sys/bus/pci",
                "/sys/bus/pci/devices",
                "/sys/bus/pci/drivers",
                "/sys/bus/pci/drivers/e1000e",
                "/sys/devices",
                "/sys/devices/pci0000:00",
                "/sys/devices/pci0000:00/0000:00:1c.0",
                "/sys/kernel",
                "/sys/kernel/iommu_groups",
                "/sys/kernel/iommu_groups/7",
        };
        struct root *root;
        char path[256];

        room_open();
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                snprintf(path, sizeof(path), ROOM "%s", directories[i]);
                room_directory(path);
        }

        room_link(DEVICES BRIDGE, "../../../devices/pci0000:00/" BRIDGE);
        room_write(BRIDGE_DIRECTORY "/modalias", MODALIAS, strlen(MODALIAS));
        room_write(BRIDGE_DIRECTORY "/secondary_bus_number", "1\n", 2);
        add_function(ROOM_NIC);
        add_function(ROOM_SIBLING);
        assert(root_open(ROOM, &root) >= 0);
        return root;
}

struct model *room_model(void) {
        struct root *root = room_host();
        struct aliases *aliases;
        struct model *model;

        assert(aliases_new(root, &aliases) >= 0);
        assert(model_new(root, aliases, &model) >= 0);
        assert(model_scan(model) >= 0);
        return model;
}
