/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which modules the kernel's alias table names for a function, and whether modprobe's configuration lets
 * them in. Everything here reads files; nothing is loaded (that is service/move/steps/load.h). */

#include "service/host/function.h"

struct aliases;

/* Opens the module index of the running kernel below ROOT, which must outlive it. The caller frees it with
 * aliases_free(). */
int aliases_new(const struct root *root, struct aliases **ret);
struct aliases *aliases_free(struct aliases *aliases);

/* The host modules of a function, separated by spaces, in the order of the alias table; "" for none. The
 * answer belongs to ALIASES and lives until aliases_refresh(). */
const char *aliases_host_modules(struct aliases *aliases, const struct function *f);

/* The module of the VFIO driver made for the function: that of the alias "vfio_pci:…" with the fewest
 * wildcards, where some are more than wildcards; else "vfio_pci". The same rule as libvirt's, from the same
 * table (include/linux/pci.h: PCI_DRIVER_OVERRIDE_DEVICE_VFIO). Lives as the above. */
const char *aliases_vfio_module(struct aliases *aliases, const struct function *f);

enum module_state {
        MODULE_LIVE,        /* loaded or built in */
        MODULE_LOADABLE,    /* there and allowed */
        MODULE_MISSING,     /* the running kernel has none of this name */
        MODULE_BLACKLISTED, /* modprobe.d: blacklist */
        MODULE_BANNED,      /* modprobe.d: an install line stands in its place */
        MODULE_SHUT_OUT,    /* the kernel command line: module_blacklist= */
        MODULE_LOCKED_OUT,  /* the sysctl kernel.modules_disabled: nothing is loaded any more */
};

/* What loading the module would meet. -errno only where the index cannot be read. */
int aliases_module_state(struct aliases *aliases, const char *module);

/* Reads the index and modprobe's configuration again if they have changed on disk. Returns whether they had.
 */
bool aliases_refresh(struct aliases *aliases);
