/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Object paths of the service as people know what they stand for. Addresses that the user gives are not
 * looked at: the service parses them, and words the error. */

#include <stddef.h>

#define ADDRESS_SIZE 32

/* The PCI address that a device's object path stands for, or "" for any other path. Returns `buffer`. */
const char *address_from_path(const char *path, char buffer[static ADDRESS_SIZE]);

/* The number that a group's object path stands for, as the service wrote it, or NULL for any other path;
 * points into `path`. */
const char *group_from_path(const char *path);

/* The same for an operation's. */
const char *operation_from_path(const char *path);

/* Compares full addresses as strcmp() does, by domain, bus, slot, function. */
int address_compare(const char *a, const char *b);
