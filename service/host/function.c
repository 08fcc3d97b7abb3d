/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading one PCI function from sysfs, with as few system calls as the kernel's layout allows: hosts have
 * thousands. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/array.h"
#include "service/host/function.h"
#include "service/host/sysfs.h"

enum {
        CLASS_BRIDGE = 0x06,
        CLASS_DISPLAY_VGA = 0x0300,
};

int function_compare_address(const void *address, const void *function) {
        return pci_address_compare(address, &((const struct function *) function)->address);
}

bool function_is_bridge(const struct function *f) {
        return f->bridge || f->class_code >> 16 == CLASS_BRIDGE;
}

char *function_modalias(const struct function *f, char buffer[static MODALIAS_SIZE]) {
        snprintf(buffer, MODALIAS_SIZE, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", f->vendor, f->device,
                 f->subsystem_vendor, f->subsystem_device, f->class_code >> 16 & 0xff,
                 f->class_code >> 8 & 0xff, f->class_code & 0xff);
        return buffer;
}

static int parse_modalias(struct function *f, const char *modalias) {
        unsigned vendor, device, subsystem_vendor, subsystem_device, base, sub, interface;
        char composed[MODALIAS_SIZE];

        if (sscanf(modalias, "pci:v%8Xd%8Xsv%8Xsd%8Xbc%2Xsc%2Xi%2X", &vendor, &device, &subsystem_vendor,
                   &subsystem_device, &base, &sub, &interface) != 7)
                return -EINVAL;

        f->vendor = (uint16_t) vendor;
        f->device = (uint16_t) device;
        f->subsystem_vendor = (uint16_t) subsystem_vendor;
        f->subsystem_device = (uint16_t) subsystem_device;
        f->class_code = base << 16 | sub << 8 | interface;

        /* sscanf() also takes white space and signs. */
        return streq(function_modalias(f, composed), modalias) ? 0 : -EINVAL;
}

int function_open(const struct root *root, const struct pci_address *address) {
        char path[sizeof("bus/pci/devices/") + PCI_ADDRESS_SIZE];

        snprintf(path, sizeof(path), "bus/pci/devices/%s", PCI_ADDRESS_TEXT(address));
        return sysfs_open_directory(root->sys, path);
}

/* The link below /sys/bus/pci/devices ends in ".../PARENT/ADDRESS"; above a root bus there is no PCI
 * address. */
static void read_parent(const struct root *root, struct function *f) {
        char path[sizeof("bus/pci/devices/") + PCI_ADDRESS_SIZE], target[PATH_MAX], *slash;
        ssize_t n;

        snprintf(path, sizeof(path), "bus/pci/devices/%s", PCI_ADDRESS_TEXT(&f->address));
        n = readlinkat(root->sys, path, target, sizeof(target) - 1);
        if (n < 0)
                return;
        target[n] = '\0';

        slash = strrchr(target, '/');
        if (!slash)
                return;
        *slash = '\0';
        slash = strrchr(target, '/');
        f->has_parent = slash && pci_address_parse(slash + 1, &f->parent) >= 0;
}

/* A device that needs no device file of its own shows a cdev as vfio-dev/vfioN where the kernel has
 * CONFIG_VFIO_DEVICE_CDEV. */
static int read_node_entry(const char *name, void *userdata) {
        char **node = userdata;

        return asprintf(node, "/dev/vfio/devices/%s", name) < 0 ? -ENOMEM : 1;
}

static int read_node(int dir, char **ret) {
        _cleanup_free_ char *name = NULL;
        char buffer[PATH_MAX];
        int r;

        r = sysfs_foreach(dir, "vfio-dev", read_node_entry, &name);
        if (r == -ENOMEM)
                return r;

        /* The directory is there in every kernel since 6.1, the character device only with the option: then
         * it has a number. */
        if (r > 0) {
                snprintf(buffer, sizeof(buffer), "vfio-dev/%s/dev", strrchr(name, '/') + 1);
                if (faccessat(dir, buffer, F_OK, 0) >= 0) {
                        *ret = TAKE_PTR(name);
                        return 0;
                }
        }

        *ret = strdup("");
        return *ret ? 0 : -ENOMEM;
}

static int read_driver(int dir, struct function *f) {
        char name[NAME_MAX + 1] = "";
        struct stat st;
        int r;

        /* Before the name: a number that is out of date is one that was bound before. */
        f->binding = fstatat(dir, "driver", &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_ino;
        r = sysfs_read_link(dir, "driver", name, sizeof(name));
        if (r < 0 && r != -ENOENT)
                return r;

        f->kind = driver_kind(name);
        if (f->kind == DRIVER_HOST && faccessat(dir, "vfio-dev", F_OK, 0) >= 0)
                f->kind = DRIVER_VFIO;

        r = f->kind == DRIVER_VFIO ? read_node(dir, &f->vfio_node) : free_and_copy(&f->vfio_node, "");
        if (r < 0)
                return r;

        return free_and_copy(&f->driver, name);
}

/* Without an IOMMU the VFIO drivers make groups of their own (CONFIG_VFIO_NOIOMMU), which isolate nothing:
 * they count as none. */
static bool group_is_real(const struct root *root, const char *number) {
        char path[PATH_MAX], name[64];

        snprintf(path, sizeof(path), "kernel/iommu_groups/%s/name", number);
        return sysfs_read(root->sys, path, name, sizeof(name)) < 0 || !streq(name, "vfio-noiommu");
}

static int read_group(const struct root *root, int dir) {
        char number[16], *end;
        long value;

        if (sysfs_read_link(dir, "iommu_group", number, sizeof(number)) < 0)
                return -1;

        value = strtol(number, &end, 10);
        if (end == number || *end != '\0' || value < 0 || value > INT_MAX || !group_is_real(root, number))
                return -1;

        return (int) value;
}

static int read_virtual_functions(int dir, struct function *f) {
        char link[32], name[PCI_ADDRESS_SIZE];
        struct pci_address address, *entry;

        for (unsigned i = 0; i < f->max_virtual_functions; i++) {
                snprintf(link, sizeof(link), "virtfn%u", i);
                if (sysfs_read_link(dir, link, name, sizeof(name)) < 0)
                        break;
                if (pci_address_parse(name, &address) < 0)
                        continue;

                entry = array_append(&f->virtual_functions, &f->n_virtual_functions, sizeof(*entry));
                if (!entry)
                        return -ENOMEM;
                *entry = address;
        }

        return 0;
}

/* What can change: read in the first place and again by function_refresh(). */
static int read_state(const struct root *root, int dir, struct function *f) {
        char methods[SYSFS_VALUE_MAX];
        int64_t autoprobe;
        ssize_t n;
        int r;

        r = read_driver(dir, f);
        if (r < 0)
                return r;

        f->group = read_group(root, dir);

        r = read_virtual_functions(dir, f);
        if (r < 0)
                return r;

        if (f->max_virtual_functions > 0)
                f->autoprobe = sysfs_read_number(dir, "sriov_drivers_autoprobe", &autoprobe) < 0 ||
                               autoprobe != 0;

        /* The list came with 5.15, the attribute that resets long before. */
        n = sysfs_read(dir, "reset_method", methods, sizeof(methods));
        if (n < 0)
                methods[0] = '\0';
        f->resets_unlisted = n == -ENOENT && faccessat(dir, "reset", F_OK, 0) >= 0;
        return free_and_copy(&f->reset_methods, methods);
}

static int read_identity(int dir, ino_t *ret) {
        struct stat st;

        if (fstat(dir, &st) < 0)
                return -errno;

        *ret = st.st_ino;
        return 0;
}

/* Without "0x", unlike the ids of the function itself (sriov_vf_device_show() in drivers/pci/iov.c). */
static uint16_t read_hex(int dir, const char *attribute) {
        char text[16];

        return sysfs_read(dir, attribute, text, sizeof(text)) < 0 ? 0 : (uint16_t) strtoul(text, NULL, 16);
}

/* What is fixed from the day the function appears. */
static int read_constants(const struct root *root, int dir, struct function *f) {
        char modalias[128], physical[PCI_ADDRESS_SIZE];
        int64_t number;
        ssize_t n;
        int r;

        r = read_identity(dir, &f->identity);
        if (r < 0)
                return r;

        n = sysfs_read(dir, "modalias", modalias, sizeof(modalias));
        if (n < 0)
                return (int) n;
        r = parse_modalias(f, modalias);
        if (r < 0)
                return r;

        if (sysfs_read_number(dir, "revision", &number) >= 0)
                f->revision = (uint8_t) number;
        if (sysfs_read_number(dir, "numa_node", &number) >= 0)
                f->numa_node = (int) number;
        if (f->class_code >> 8 == CLASS_DISPLAY_VGA && sysfs_read_number(dir, "boot_vga", &number) >= 0)
                f->boot_vga = number != 0;
        if (sysfs_read_number(dir, "sriov_totalvfs", &number) >= 0)
                f->max_virtual_functions = (unsigned) number;
        if (f->max_virtual_functions > 0)
                f->virtual_device = read_hex(dir, "sriov_vf_device");

        /* Only header types 1 and 2 have it (pci_bridge_attrs_are_visible() in drivers/pci/pci-sysfs.c). */
        f->bridge = faccessat(dir, "secondary_bus_number", F_OK, 0) >= 0;

        f->is_virtual = sysfs_read_link(dir, "physfn", physical, sizeof(physical)) >= 0 &&
                        pci_address_parse(physical, &f->physical) >= 0;
        read_parent(root, f);
        return 0;
}

int function_read(const struct root *root, const struct pci_address *address, struct function **ret) {
        _cleanup_(function_freep) struct function *f = NULL;
        _cleanup_close_ int dir = -EBADF;
        int r;

        dir = function_open(root, address);
        if (dir < 0)
                return dir;

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->address = *address;
        f->numa_node = -1;
        f->vendor_name = f->device_name = f->class_name = "";

        r = read_constants(root, dir, f);
        if (r < 0)
                return r;

        r = read_state(root, dir, f);
        if (r < 0)
                return r;

        f->override = strdup("");
        f->home = strdup("");
        f->lease = strdup("");
        f->vfio_driver = strdup("");
        if (!f->override || !f->home || !f->lease || !f->vfio_driver)
                return -ENOMEM;

        *ret = TAKE_PTR(f);
        return 0;
}

static bool same_virtual_functions(const struct function *a, const struct function *b) {
        if (a->n_virtual_functions != b->n_virtual_functions)
                return false;

        for (size_t i = 0; i < a->n_virtual_functions; i++)
                if (pci_address_compare(&a->virtual_functions[i], &b->virtual_functions[i]) != 0)
                        return false;

        return true;
}

/* Moves the changeable fields of FROM into F. */
static int take_state(struct function *f, struct function *from) {
        int changes = 0;

        if (!streq(f->driver, from->driver) || f->kind != from->kind)
                changes |= FUNCTION_DRIVER;
        else if (f->binding != from->binding)
                changes |= FUNCTION_REBOUND;
        if (f->group != from->group)
                changes |= FUNCTION_GROUP;
        if (!streq(f->vfio_node, from->vfio_node))
                changes |= FUNCTION_NODE;
        if (!same_virtual_functions(f, from))
                changes |= FUNCTION_VIRTUAL_FUNCTIONS;
        if (!streq(f->reset_methods, from->reset_methods))
                changes |= FUNCTION_RESET_METHODS;

        free(f->driver);
        free(f->vfio_node);
        free(f->virtual_functions);
        free(f->reset_methods);
        f->driver = TAKE_PTR(from->driver);
        f->kind = from->kind;
        f->binding = from->binding;
        f->group = from->group;
        f->vfio_node = TAKE_PTR(from->vfio_node);
        f->virtual_functions = TAKE_PTR(from->virtual_functions);
        f->n_virtual_functions = from->n_virtual_functions;
        f->reset_methods = TAKE_PTR(from->reset_methods);
        f->resets_unlisted = from->resets_unlisted;
        f->autoprobe = from->autoprobe;
        return changes;
}

bool function_exists(const struct root *root, const struct function *f) {
        _cleanup_close_ int dir = function_open(root, &f->address);
        ino_t identity;

        return dir >= 0 && read_identity(dir, &identity) >= 0 && identity == f->identity;
}

int function_refresh(const struct root *root, struct function *f) {
        _cleanup_(function_freep) struct function *now = NULL;
        _cleanup_close_ int dir = -EBADF;
        ino_t identity;
        int r;

        dir = function_open(root, &f->address);
        if (dir < 0)
                return dir;

        r = read_identity(dir, &identity);
        if (r < 0)
                return r;
        if (identity != f->identity)
                return -ESTALE;

        now = calloc(1, sizeof(*now));
        if (!now)
                return -ENOMEM;
        now->max_virtual_functions = f->max_virtual_functions;

        r = read_state(root, dir, now);
        if (r < 0)
                return r;

        return take_state(f, now);
}

struct function *function_free(struct function *f) {
        if (!f)
                return NULL;

        free(f->virtual_functions);
        free(f->driver);
        free(f->override);
        free(f->vfio_node);
        free(f->reset_methods);
        free(f->home);
        free(f->lease);
        free(f->vfio_driver);
        free(f);
        return NULL;
}
