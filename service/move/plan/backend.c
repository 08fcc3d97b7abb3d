/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of backends. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "service/host/sysfs.h"
#include "service/move/plan/backend.h"

/* XENFEAT_dom0 of Xen's public/features.h. */
#define XEN_FEATURE_DOM0 (1 << 11)

static int say(char **ret, const char *text) {
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

bool driver_is_registered(const struct model *model, const char *driver) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "bus/pci/drivers/%s", driver);
        return faccessat(model_root(model)->sys, path, F_OK, 0) >= 0;
}

int module_usable(const struct model *model, const char *driver, const char *module, char **ret_reason) {
        static const char *const reasons[] = {
                [MODULE_MISSING] = "the running kernel has no module %s",
                [MODULE_BLACKLISTED] = "modprobe.d blacklists the module %s",
                [MODULE_BANNED] = "an install line in modprobe.d stands in place of the module %s",
                [MODULE_SHUT_OUT] = "module_blacklist= on the kernel command line keeps out the module %s",
                [MODULE_LOCKED_OUT] = "kernel.modules_disabled keeps out the module %s, and any other",
        };
        int state;

        if (driver_is_registered(model, driver))
                return 1;

        state = aliases_module_state(model_aliases(model), module);
        if (state < 0)
                return state;
        if (state == MODULE_LOADABLE)
                return 1;
        if (state == MODULE_LIVE)
                return asprintf(ret_reason, "the module %s is loaded but has registered no driver %s",
                                module, driver) < 0
                                       ? -ENOMEM
                                       : 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        return asprintf(ret_reason, reasons[state], module) < 0 ? -ENOMEM : 0;
#pragma GCC diagnostic pop
}

static bool is_xen_dom0(const struct model *model) {
        char features[32];

        return sysfs_read(model_root(model)->sys, "hypervisor/properties/features", features,
                          sizeof(features)) > 0 &&
               (strtoul(features, NULL, 16) & XEN_FEATURE_DOM0);
}

static int vfio_available(const struct backend *backend, const struct model *model, char **ret_reason) {
        size_t n;

        model_groups(model, &n);
        if (n > 0)
                return module_usable(model, backend->driver, backend->module, ret_reason);

        if (is_xen_dom0(model))
                return say(ret_reason, "Xen keeps the IOMMU to itself, so dom0 has no IOMMU groups");
        return say(ret_reason,
                   "this host has no IOMMU groups: enable the IOMMU in the firmware and on the kernel command line "
                   "(intel_iommu=on or amd_iommu=on)");
}

static int kvm_available(const struct backend *backend, const struct model *model, char **ret_reason) {
        return module_usable(model, backend->driver, backend->module, ret_reason);
}

static int xen_available(const struct backend *backend, const struct model *model, char **ret_reason) {
        if (!is_xen_dom0(model))
                return say(ret_reason, "this host is not a Xen dom0");

        return module_usable(model, backend->driver, backend->module, ret_reason);
}

static const struct backend table[] = {
        { "vfio", "vfio-pci", "vfio_pci", DRIVER_VFIO, vfio_available },
        { "kvm", "pci-stub", "pci_stub", DRIVER_KVM, kvm_available },
        { "xen", "pciback", "xen_pciback", DRIVER_XEN, xen_available },
};

/* What `auto` tries, the best first. */
static const char *const preference[] = { "xen", "vfio", "kvm" };

const struct backend *backends(size_t *ret_n) {
        *ret_n = ELEMENTSOF(table);
        return table;
}

const struct backend *backend_by_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(table[i].name, name))
                        return &table[i];

        return NULL;
}

const struct backend *backend_by_kind(enum driver_kind kind) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].kind == kind)
                        return &table[i];

        return NULL;
}

int backend_available(const struct backend *backend, const struct model *model, char **ret_reason) {
        return backend->available(backend, model, ret_reason);
}

const struct backend *backend_select(const char *configured, const struct model *model) {
        if (!streq(configured, "auto"))
                return backend_by_name(configured);

        for (size_t i = 0; i < ELEMENTSOF(preference); i++) {
                const struct backend *backend = backend_by_name(preference[i]);
                _cleanup_free_ char *reason = NULL;

                if (backend_available(backend, model, &reason) > 0)
                        return backend;
        }

        return NULL;
}
