/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of drivers that are no ordinary host drivers. */

#include <limits.h>

#include "service/host/driver.h"
#include "service/host/macros.h"

static const struct {
        const char *name;
        enum driver_kind kind;
        bool managed_dma; /* sets driver_managed_dma in its struct pci_driver */
} drivers[] = {
        { "vfio-pci", DRIVER_VFIO, true },
        { "pci-stub", DRIVER_KVM, true },
        { "pciback", DRIVER_XEN, false },
        { "pcieport", DRIVER_HOST, true },
};

static const char *const kind_names[_DRIVER_KIND_MAX] = {
        [DRIVER_NONE] = "none", [DRIVER_HOST] = "host", [DRIVER_VFIO] = "vfio",
        [DRIVER_KVM] = "kvm",   [DRIVER_XEN] = "xen",
};

const char *driver_kind_name(enum driver_kind kind) {
        return kind_names[kind];
}

/* All variants of VFIO in the kernel are called "…_vfio_pci" (drivers/vfio/pci/). */
static bool is_variant(const char *name) {
        static const char *const ends[] = { "_vfio_pci", "-vfio-pci" };
        size_t length = strlen(name);

        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (length > strlen(ends[i]) && streq(name + length - strlen(ends[i]), ends[i]))
                        return true;

        return false;
}

enum driver_kind driver_kind(const char *name) {
        if (*name == '\0')
                return DRIVER_NONE;

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                if (streq(drivers[i].name, name))
                        return drivers[i].kind;

        return is_variant(name) ? DRIVER_VFIO : DRIVER_HOST;
}

bool driver_name_is_valid(const char *name) {
        return strlen(name) <= NAME_MAX && !strchr(name, '/') && !streq(name, ".") && !streq(name, "..");
}

bool driver_keeps_group_viable(const char *name, enum driver_kind kind) {
        if (kind == DRIVER_NONE || kind == DRIVER_VFIO)
                return true;

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                if (streq(drivers[i].name, name))
                        return drivers[i].managed_dma;

        return false;
}
