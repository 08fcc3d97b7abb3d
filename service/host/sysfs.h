/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reading sysfs. Everything is relative to a directory's descriptor, so that tests can pass a tree of their
 * own, and so that a device that goes away takes its directory along instead of lending its name to the next
 * one.
 *
 * Some attributes take the device's lock in the kernel, and while a driver hangs in its probe or remove
 * callback, reading them sleeps uninterruptibly (drivers/pci/pci-sysfs.c and drivers/base/core.c:
 * driver_override_show(), uevent_show(), sriov_numvfs_show()), and some wake the device. The service's main
 * process must never read those: sysfs_read() refuses them with -EDEADLK, and only the worker calls
 * sysfs_read_locked(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest value that is read here; the kernel answers at most a page. */
#define SYSFS_VALUE_MAX 4096

/* Reads ATTRIBUTE below the directory DIR into BUFFER, without the newline at the end, and ends it with NUL.
 * Returns the length, -ENOENT if there is none, -ENODEV if the device has gone, or another negative errno.
 */
ssize_t sysfs_read(int dir, const char *attribute, char *buffer, size_t size);

/* The same for every attribute: may sleep for ever. For the worker only. */
ssize_t sysfs_read_locked(int dir, const char *attribute, char *buffer, size_t size);

/* Reads an unsigned or signed number, decimal or with "0x". -EINVAL if it is none. */
int sysfs_read_number(int dir, const char *attribute, int64_t *ret);

/* The number of the device file of the device whose directory is PATH below DIR, from its attribute "dev".
 * -ENOENT if it has no device file. */
int sysfs_read_device(int dir, const char *path, dev_t *ret);

/* The last component of a symbolic link's target: the name of the driver behind "driver", the number of a
 * group. Returns 0, -ENOENT where there is no such link, -ENAMETOOLONG. */
int sysfs_read_link(int dir, const char *link, char *buffer, size_t size);

/* Opens a directory below DIR for use as DIR. Returns a descriptor, closed on exec, or a negative errno. */
int sysfs_open_directory(int dir, const char *path);

/* Whether reading ATTRIBUTE can sleep on the device's lock. */
bool sysfs_attribute_sleeps(const char *attribute);

/* Calls FUNCTION for every entry of the directory PATH below DIR but "." and "..", until it returns other
 * than 0. Returns what it returned last, 0 for an empty directory, or a negative errno. */
int sysfs_foreach(int dir, const char *path, int (*function)(const char *name, void *userdata),
                  void *userdata);
