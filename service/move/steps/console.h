/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Taking the console off a display before the display is moved, and giving it back. Both write to sysfs:
 * only the worker does this. */

#include "service/move/steps/write.h"

/* Releases what WHICH says, SYS being /sys: CONSOLE_KERNEL, the kernel's console on framebuffers, or
 * CONSOLE_FIRMWARE, the framebuffer that the firmware has set up, with its driver, which is not bound again
 * before the next boot. Nothing to release is a success. Negative errno. */
int console_release(const struct place *sys, const char *which);

/* Lets the kernel's console have framebuffers again. */
int console_return(const struct place *sys);
