/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Guests, and other programs that drive a function through VFIO. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/lookers.h"
#include "service/usage/vfio.h"

/* Somebody else who asks in the same way has the node open for a moment. */
#define TRIES 3
#define PAUSE_MSEC 20

/* The ways into a group. */
struct ways {
        struct look *look;
        int group;
        const char *member;
};

int vfio_group(const struct look *look, const struct pci_address *address) {
        char path[PATH_MAX], number[16], *end;
        long value;

        snprintf(path, sizeof(path), "bus/pci/devices/%s/iommu_group", PCI_ADDRESS_TEXT(address));
        if (sysfs_read_link(look->root->sys, path, number, sizeof(number)) < 0)
                return -1;

        value = strtol(number, &end, 10);
        return end == number || *end || value < 0 || value > INT_MAX ? -1 : (int) value;
}

static int add_way(struct ways *ways, const char *path, const char *subsystem) {
        dev_t number;
        int r = look_read_number(ways->look, path, &number);

        /* A directory without a node: a kernel that has no cdevs, a group that VFIO does not know. */
        if (r < 0)
                return r == -ENOENT || r == -ENODEV ? 0 : r;

        return look_add_way(ways->look, ways->group, path, subsystem, number);
}

static int add_cdev(const char *name, void *userdata) {
        struct ways *ways = userdata;
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "bus/pci/devices/%s/vfio-dev/%s", ways->member, name);
        return add_way(ways, path, "vfio-dev");
}

static int add_member(const char *name, void *userdata) {
        struct ways *ways = userdata;
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "bus/pci/devices/%s/vfio-dev", name);
        ways->member = name;
        r = sysfs_foreach(ways->look->root->sys, path, add_cdev, ways);
        return r == -ENOENT ? 0 : r;
}

/* Without an IOMMU the node is called otherwise (vfio_create_group() in drivers/vfio/group.c). */
static int add_ways(struct look *look, int group) {
        static const char *const prefixes[] = { "", "noiommu-" };
        struct ways ways = { look, group, NULL };
        char path[PATH_MAX];
        int r;

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                snprintf(path, sizeof(path), "class/vfio/%s%d", prefixes[i], group);
                r = add_way(&ways, path, "vfio");
                if (r < 0)
                        return r;
        }

        snprintf(path, sizeof(path), "kernel/iommu_groups/%d/devices", group);
        r = sysfs_foreach(look->root->sys, path, add_member, &ways);
        return r == -ENOENT ? 0 : r;
}

static int gather(struct look *look, const struct pci_address *address) {
        int group = vfio_group(look, address), *known;

        if (group < 0)
                return 0;
        for (size_t i = 0; i < look->n_groups; i++)
                if (look->groups[i] == group)
                        return 0;

        known = array_append(&look->groups, &look->n_groups, sizeof(*known));
        if (!known)
                return -ENOMEM;
        *known = group;
        return add_ways(look, group);
}

int vfio_gather(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++) {
                const struct function *f = look->functions[i];

                r = gather(look, &f->address);
                for (size_t v = 0; r >= 0 && v < f->n_virtual_functions; v++)
                        r = gather(look, &f->virtual_functions[v]);
        }

        return r;
}

/* A node that is not there, or that nobody answers for, is not open. */
static bool means_free(int error) {
        return error == ENOENT || error == ENXIO || error == ENODEV;
}

static int try_to_open(const char *node, dev_t number) {
        struct stat st;
        int fd;

        if (stat(node, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode) || st.st_rdev != number)
                return -ENODEV;

        fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int vfio_open_node(const struct root *root, const char *name, dev_t number) {
        const struct timespec pause = { .tv_nsec = PAUSE_MSEC * 1000000L };
        _cleanup_free_ char *directory = root_path(root, "/dev/vfio"), *node = NULL;
        int fd = -EBUSY;

        if (!directory || asprintf(&node, "%s/%s", directory, name) < 0)
                return -ENOMEM;

        for (unsigned i = 0; i < TRIES && fd == -EBUSY; i++) {
                if (i > 0)
                        nanosleep(&pause, NULL);
                fd = try_to_open(node, number);
        }

        return fd;
}

int vfio_node_is_busy(const struct root *root, const char *name, dev_t number) {
        _cleanup_close_ int fd = vfio_open_node(root, name, number);

        if (fd >= 0 || means_free(-fd))
                return 0;
        return fd == -EBUSY ? 1 : fd;
}

int vfio_is_busy(const struct look *look, int group) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < look->n_parts; i++) {
                const struct part *part = &look->parts[i];

                /* Without an IOMMU the kernel asks for CAP_SYS_RAWIO first: there only processes can be
                 * seen. */
                if (!part->function && part->group == group && streq(part->subsystem, "vfio") &&
                    !startswith(part->name, "noiommu-"))
                        r = vfio_node_is_busy(look->root, part->name, part->number);
        }

        return r;
}

bool vfio_is_seen(const struct look *look, int group) {
        for (size_t i = 0; i < look->n_openers; i++)
                if (!look->openers[i].part->function && look->openers[i].part->group == group)
                        return true;

        return false;
}

static int add_process(struct look *look, const struct pci_address *address, const struct opener *opener) {
        _cleanup_free_ char *message = NULL, *discreet = NULL;
        char subject[16];

        snprintf(subject, sizeof(subject), "%d", opener->pid);
        if (asprintf(&message,
                     "%s or a member of its IOMMU group is open through VFIO by process %s (%s): shut the guest down first",
                     PCI_ADDRESS_TEXT(address), subject, opener->command) < 0 ||
            asprintf(&discreet,
                     "%s or a member of its IOMMU group is open through VFIO by another user's process: it has to end first",
                     PCI_ADDRESS_TEXT(address)) < 0)
                return -ENOMEM;

        return findings_add_copy(&look->found, &(struct finding){
                                                               .kind = FINDING_VFIO,
                                                               .severity = SEVERITY_REFUSE,
                                                               .address = *address,
                                                               .subject = subject,
                                                               .message = message,
                                                               .discreet = discreet,
                                                               .privacy.owner = opener->uid,
                                               });
}

static int look_at_function(struct look *look, const struct function *f) {
        int group = vfio_group(look, &f->address), r = 0;

        if (group < 0)
                return 0;

        for (size_t i = 0; r >= 0 && i < look->n_openers; i++) {
                const struct opener *opener = &look->openers[i];

                if (!opener->part->function && opener->part->group == group)
                        r = add_process(look, &f->address, opener);
        }
        if (r < 0 || vfio_is_seen(look, group))
                return r;

        r = vfio_is_busy(look, group);
        if (r <= 0)
                return r;

        return findings_add(
                        &look->found, FINDING_VFIO, SEVERITY_REFUSE, &f->address, "",
                        "%s or a member of its IOMMU group is open through VFIO: shut the guest down first",
                        PCI_ADDRESS_TEXT(&f->address));
}

int vfio_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                r = look_at_function(look, look->functions[i]);

        return r;
}
