/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Loading kernel modules as modprobe does, softdeps and options included, with two differences: what is
 * blacklisted stays out, and an `install` line of modprobe.d is taken as the administrator's ban, never run
 * as a command. */

/* Loads the module called NAME, or all that the alias NAME stands for ("pci:v…"). Returns 0 if one of them
 * is live now, -ENOENT if there is none, -EPERM if modprobe.d keeps it out, or what the kernel answered. */
int module_load(const char *name);
