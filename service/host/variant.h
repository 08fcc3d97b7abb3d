/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The VFIO driver for a function: vfio-pci, or the variant that was made for its device. */

#include <limits.h>

#include "service/host/aliases.h"

/* The name of the PCI driver of a module that is loaded, which may be another one than the module's, into
 * DRIVER. Returns whether there is one. */
bool module_driver(const struct root *root, const char *module, char driver[static NAME_MAX + 1]);

/* The name of the driver that the backend vfio comes to for F: that of the variant made for it, else
 * "vfio-pci"; a module's name in place of a variant that is not loaded yet. Into BUFFER, which is returned.
 */
char *vfio_driver(const struct root *root, struct aliases *aliases, const struct function *f, char *buffer,
                  size_t size);
