/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one door through which sysfs is written. Only the worker goes through it. */

/* Writes VALUE and a newline to ATTRIBUTE below the directory DIR. The last component of ATTRIBUTE must be
 * one of those that this service has any business with; -EPERM for all others. Returns 0 or the kernel's
 * negative errno. May sleep for ever. */
int sysfs_write(int dir, const char *attribute, const char *value);
