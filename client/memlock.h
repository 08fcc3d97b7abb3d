/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The limit on locked memory: VFIO locks all memory of a virtual machine, and the limit of an ordinary user
 * is a few megabytes. It is the one thing that the service cannot arrange for who gets access to a device.
 */

#include "terminal.h"

/* Tells on standard error, where this user's limit is too low for it, the limit and what is needed.
 * `command` is the one that gets the device, from which the memory of QEMU's machines is known, or NULL. */
void memlock_tell(const Terminal *terminal, char *const *command);
