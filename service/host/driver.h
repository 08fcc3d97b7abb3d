/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is known about drivers by their names: which hand a function to a guest, and which leave DMA to
 * others. */

#include <stdbool.h>

/* What a function that is bound to a driver is for. The words are those of the property State. */
enum driver_kind {
        DRIVER_NONE, /* no driver */
        DRIVER_HOST, /* the host uses it */
        DRIVER_VFIO, /* VFIO: vfio-pci or a variant */
        DRIVER_KVM,  /* the legacy stub pci-stub */
        DRIVER_XEN,  /* the legacy stub pciback */
        _DRIVER_KIND_MAX,
};

/* "none", "host", "vfio", "kvm" or "xen". */
const char *driver_kind_name(enum driver_kind kind);

/* The kind of the driver NAME ("": no driver). A variant of VFIO that is not called like one counts as
 * DRIVER_HOST here; a function's own `vfio-dev` directory tells it (see function_read()). */
enum driver_kind driver_kind(const char *name);

/* Whether a driver can have this name, or none, which "" says: names are directories in sysfs. */
bool driver_name_is_valid(const char *name);

/* Whether the kind belongs to a driver that hands functions to guests, so that it is nobody's host driver.
 */
static inline bool driver_kind_is_passthrough(enum driver_kind kind) {
        return kind >= DRIVER_VFIO;
}

/* Whether a group stays viable with a member on this driver.
 *
 * The kernel's rule since 5.19 (iommu_device_use_default_domain() and iommu_group_claim_dma_owner() in
 * drivers/iommu/iommu.c): a driver whose struct pci_driver does not set `driver_managed_dma` claims the
 * group for the kernel's DMA API when it binds, and VFIO cannot claim the group while anybody has. The
 * drivers that set it are VFIO's, pci-stub and pcieport; pciback and the other drivers of bridges (shpchp)
 * do not. A member without a driver claims nothing. */
bool driver_keeps_group_viable(const char *name, enum driver_kind kind);
