/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The framebuffer that the firmware left on a graphics adapter, and a driver of the kernel draws to without
 * knowing the adapter. */

#include <stddef.h>

#include "service/host/address.h"
#include "service/host/root.h"

#define FIRMWARE_NAME_SIZE 64

/* Whether the firmware's framebuffer is in the memory of the function at ADDRESS, from /proc/iomem, and NAME
 * of its driver where that is not NULL. Returns 1, 0, or a negative errno. */
int firmware_framebuffer(const struct root *root, const struct pci_address *address, char *name);
