/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The ways of handing a function to a guest, and which of them this host can serve. */

#include "service/host/model.h"

struct backend {
        const char *name;
        const char *driver;
        const char *module; /* the module to load for the driver */
        enum driver_kind kind;

        /* Returns 1 if this host can serve the backend; else 0, with the reason as the end of a sentence in
         * *RET_REASON, which the caller frees; or a negative errno. */
        int (*available)(const struct backend *backend, const struct model *model, char **ret_reason);
};

/* All of them, in the order in which `Backends` lists them. */
const struct backend *backends(size_t *ret_n);

/* The backend of this name or of this kind of driver; NULL if there is none. */
const struct backend *backend_by_name(const char *name);
const struct backend *backend_by_kind(enum driver_kind kind);

/* Calls the backend's own test. */
int backend_available(const struct backend *backend, const struct model *model, char **ret_reason);

/* What CONFIGURED, a backend's name or "auto", comes to on this host. With "auto": xen on a Xen dom0, else
 * vfio wherever the host can do it, else kvm. NULL where that is nothing. A backend that is configured by
 * name is returned whether it is available or not: nothing ever falls back silently. */
const struct backend *backend_select(const char *configured, const struct model *model);

/* Whether DRIVER is registered, or will be once MODULE is loaded, and that can be: 1; or 0 with the reason
 * as above; or a negative errno. */
int module_usable(const struct model *model, const char *driver, const char *module, char **ret_reason);

/* Whether a driver of this name is registered with the PCI core. */
bool driver_is_registered(const struct model *model, const char *driver);
