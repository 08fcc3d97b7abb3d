/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Object paths. */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "dbus/names.h"
#include "dbus/path.h"
#include "service/host/macros.h"

char *device_path(const struct pci_address *address, char buffer[static OBJECT_PATH_SIZE]) {
        snprintf(buffer, OBJECT_PATH_SIZE, VFIOBIND_DEVICE_PATH "/%s", PCI_ADDRESS_TEXT(address));

        for (char *p = buffer; *p; p++)
                if (*p == ':' || *p == '.')
                        *p = '_';
        return buffer;
}

char *group_path(int group, char buffer[static OBJECT_PATH_SIZE]) {
        if (group < 0)
                strcpy(buffer, "/");
        else
                snprintf(buffer, OBJECT_PATH_SIZE, VFIOBIND_GROUP_PATH "/%d", group);
        return buffer;
}

char *operation_path(uint32_t id, char buffer[static OBJECT_PATH_SIZE]) {
        snprintf(buffer, OBJECT_PATH_SIZE, VFIOBIND_OPERATION_PATH "/%" PRIu32, id);
        return buffer;
}

int device_path_parse(const char *path, struct pci_address *ret) {
        const char *name = startswith(path, VFIOBIND_DEVICE_PATH "/");
        char text[PCI_ADDRESS_SIZE];
        struct pci_address address;
        size_t length;

        length = name ? strlen(name) : 0;
        if (length < strlen("0000_00_00_0") || length >= sizeof(text))
                return -EINVAL;

        strcpy(text, name);
        text[length - 2] = '.';
        text[length - 5] = text[length - 8] = ':';
        if (pci_address_parse(text, &address) < 0 || !streq(DEVICE_PATH(&address), path))
                return -EINVAL;

        *ret = address;
        return 0;
}

int group_path_parse(const char *path, int *ret) {
        const char *name = startswith(path, VFIOBIND_GROUP_PATH "/");
        long value;

        if (!name)
                return -EINVAL;

        value = strtol(name, NULL, 10);
        if (value < 0 || value > INT_MAX || !streq(GROUP_PATH((int) value), path))
                return -EINVAL;

        *ret = (int) value;
        return 0;
}

int operation_path_parse(const char *path, uint32_t *ret) {
        const char *name = startswith(path, VFIOBIND_OPERATION_PATH "/");
        unsigned long value;

        if (!name)
                return -EINVAL;

        value = strtoul(name, NULL, 10);
        if (value > UINT32_MAX || !streq(OPERATION_PATH((uint32_t) value), path))
                return -EINVAL;

        *ret = (uint32_t) value;
        return 0;
}
