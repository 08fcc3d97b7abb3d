/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading sysfs: attributes, links and directories. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "service/host/macros.h"
#include "service/host/sysfs.h"

static const char *const sleeping_attributes[] = {
        "driver_override",
        "uevent",
        "sriov_numvfs",
        /* These take no lock, but may wake the device (pci_config_pm_runtime_get()), which can take as long
           as it likes. */
        "config",
        "current_link_speed",
        "current_link_width",
        "max_link_speed",
        "max_link_width",
};

bool sysfs_attribute_sleeps(const char *attribute) {
        const char *slash = strrchr(attribute, '/');

        for (size_t i = 0; i < ELEMENTSOF(sleeping_attributes); i++)
                if (streq(slash ? slash + 1 : attribute, sleeping_attributes[i]))
                        return true;

        return false;
}

ssize_t sysfs_read_locked(int dir, const char *attribute, char *buffer, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        fd = openat(dir, attribute, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        n = read(fd, buffer, size - 1);
        if (n < 0)
                return -errno;

        while (n > 0 && buffer[n - 1] == '\n')
                n--;
        buffer[n] = '\0';
        return n;
}

ssize_t sysfs_read(int dir, const char *attribute, char *buffer, size_t size) {
        if (sysfs_attribute_sleeps(attribute))
                return -EDEADLK;

        return sysfs_read_locked(dir, attribute, buffer, size);
}

int sysfs_read_number(int dir, const char *attribute, int64_t *ret) {
        char buffer[32], *end;
        ssize_t n;
        int64_t value;

        n = sysfs_read(dir, attribute, buffer, sizeof(buffer));
        if (n < 0)
                return (int) n;

        errno = 0;
        value = strtoll(buffer, &end, 0);
        if (errno != 0 || end == buffer || *end != '\0')
                return -EINVAL;

        *ret = value;
        return 0;
}

int sysfs_read_device(int dir, const char *path, dev_t *ret) {
        char attribute[PATH_MAX], text[32];
        unsigned major, minor;
        ssize_t n;

        if (snprintf(attribute, sizeof(attribute), "%s/dev", path) >= (int) sizeof(attribute))
                return -ENAMETOOLONG;

        n = sysfs_read(dir, attribute, text, sizeof(text));
        if (n < 0)
                return (int) n;
        if (sscanf(text, "%u:%u", &major, &minor) != 2)
                return -EINVAL;

        *ret = makedev(major, minor);
        return 0;
}

int sysfs_read_link(int dir, const char *link, char *buffer, size_t size) {
        char target[SYSFS_VALUE_MAX];
        const char *name;
        ssize_t n;

        n = readlinkat(dir, link, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';

        name = strrchr(target, '/');
        name = name ? name + 1 : target;
        if (strlen(name) >= size)
                return -ENAMETOOLONG;

        strcpy(buffer, name);
        return 0;
}

int sysfs_open_directory(int dir, const char *path) {
        int fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int sysfs_foreach(int dir, const char *path, int (*function)(const char *name, void *userdata),
                  void *userdata) {
        struct dirent *entry;
        int fd, r = 0;
        DIR *d;

        fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                close(fd);
                return r;
        }

        while (r == 0 && (entry = readdir(d)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        r = function(entry->d_name, userdata);

        closedir(d);
        return r;
}
