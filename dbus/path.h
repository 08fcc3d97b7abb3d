/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Object paths of functions, groups and operations, there and back. */

#include "service/host/address.h"

#define OBJECT_PATH_SIZE 64

/* Each writes the path into BUFFER and returns it. A GROUP below 0 gives "/", which stands for none. */
char *device_path(const struct pci_address *address, char buffer[static OBJECT_PATH_SIZE]);
char *group_path(int group, char buffer[static OBJECT_PATH_SIZE]);
char *operation_path(uint32_t id, char buffer[static OBJECT_PATH_SIZE]);

#define DEVICE_PATH(address) device_path((address), (char[OBJECT_PATH_SIZE]){})
#define GROUP_PATH(group) group_path((group), (char[OBJECT_PATH_SIZE]){})
#define OPERATION_PATH(id) operation_path((id), (char[OBJECT_PATH_SIZE]){})

/* Each returns 0, or -EINVAL for a path that is no such object's. Only the form that the functions above
 * write is taken. */
int device_path_parse(const char *path, struct pci_address *ret);
int group_path_parse(const char *path, int *ret);
int operation_path_parse(const char *path, uint32_t *ret);
