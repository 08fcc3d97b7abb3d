/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One PCI function as the kernel shows it in sysfs. */

#include <stdint.h>
#include <sys/types.h>

#include "service/host/address.h"
#include "service/host/driver.h"
#include "service/host/root.h"

/* What can change while a function exists, as bits, so that one notification tells of several. */
enum function_change {
        FUNCTION_DRIVER = 1 << 0, /* and with it State */
        FUNCTION_OVERRIDE = 1 << 1,
        FUNCTION_GROUP = 1 << 2,
        FUNCTION_NODE = 1 << 3,
        FUNCTION_VIRTUAL_FUNCTIONS = 1 << 4,
        FUNCTION_RESET_METHODS = 1 << 5,
        FUNCTION_HOME = 1 << 6,
        FUNCTION_BUSY = 1 << 7,
        FUNCTION_VFIO_DRIVER = 1 << 8,
        FUNCTION_LEASE = 1 << 9,    /* and with it whether that is returning */
        FUNCTION_REBOUND = 1 << 10, /* it has left its driver, and is back on it */
};

struct model;

struct function {
        struct model *model; /* whose it is, NULL while it is being read */

        struct pci_address address;

        /* The inode of its directory in sysfs. The kernel gives each directory a number of its own
         * (kernfs_new_node()), so another device that comes to the same address is told from this one. */
        ino_t identity;

        uint16_t vendor, device, subsystem_vendor, subsystem_device;
        uint32_t class_code; /* 24 bits: class, subclass, programming interface */
        uint8_t revision;

        bool bridge;   /* the header type is not 0 */
        bool boot_vga; /* the firmware's display */
        int numa_node; /* -1: unknown */

        bool has_parent;
        struct pci_address parent; /* the bridge above, valid with has_parent */

        bool is_virtual;
        struct pci_address physical; /* the physical function, valid with is_virtual */

        unsigned max_virtual_functions;
        uint16_t virtual_device;               /* the device id of its virtual functions */
        bool autoprobe;                        /* the kernel probes new ones, valid where there can be any */
        struct pci_address *virtual_functions; /* owned, in the kernel's order */
        size_t n_virtual_functions;

        int group; /* the IOMMU group, -1: none */

        char *driver; /* owned; "" for none */
        enum driver_kind kind;
        ino_t binding;   /* to that driver: the inode of the link to it, a new one each time that the kernel
                            binds it (driver_sysfs_add() in drivers/base/dd.c); 0 for none, and where only
                            a uevent has told of the driver */
        char *override;  /* owned; "" for none; as last observed by the worker */
        char *vfio_node; /* owned; the path of its cdev, "" where there is none */
        char *reset_methods;  /* owned; separated by spaces as the kernel does */
        bool resets_unlisted; /* the kernel can reset it, and is too old to tell how */

        /* The kernel's number of the last uevent that the fields are known to reflect: an earlier one tells
         * nothing new. */
        uint64_t seqnum;

        /* Interned in the model: do not free. "" where the database has no name. */
        const char *vendor_name, *device_name, *class_name;

        char *vfio_driver; /* owned; what the backend vfio comes to for it: see variant.h */

        /* What service/move knows about it. */
        char *home;       /* owned; its host driver, "none" if it had none, "" if it was never moved */
        char *lease;      /* owned; the unique name on the bus of whoever has it in a lease, "" for nobody */
        bool returning;   /* that lease has ended, and it is on its way back */
        bool busy;        /* an operation holds it or its group */
        bool moving;      /* an operation is changing its driver just now */
        unsigned n_turns; /* how often that has begun or ended */
};

/* Compares an address with a function's, for arrays that are sorted by address (array.h). */
int function_compare_address(const void *address, const void *function);

/* Whether it is a bridge by its header or by its class: such a function is never moved and no endpoint. */
bool function_is_bridge(const struct function *f);

/* The modalias as the kernel composes it (modalias_show() in drivers/pci/pci-sysfs.c), into BUFFER. */
#define MODALIAS_SIZE 64
char *function_modalias(const struct function *f, char buffer[static MODALIAS_SIZE]);

/* Opens the directory of the function in sysfs. Returns a descriptor, -ENOENT if there is no such function.
 */
int function_open(const struct root *root, const struct pci_address *address);

/* Reads the function at ADDRESS. The fields that no readable attribute shows (override, names, home, busy)
 * are left empty. The caller frees the answer with function_free(). Returns 0, -ENOENT if there is no such
 * function. */
int function_read(const struct root *root, const struct pci_address *address, struct function **ret);

/* Brings the fields that can change up to date with the kernel. Returns the changes as a mask of enum
 * function_change, -ENOENT if it has gone, -ESTALE if another device has its address now, or another
 * negative errno. */
int function_refresh(const struct root *root, struct function *f);

/* Whether the function is still the one at its address. */
bool function_exists(const struct root *root, const struct function *f);

struct function *function_free(struct function *f);

static inline void function_freep(struct function **f) {
        function_free(*f);
}
