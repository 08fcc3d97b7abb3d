/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Object paths of the service as people know what they stand for. */

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "dbus/names.h"

static const char *path_below(const char *path, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(path, prefix, n) == 0 && path[n] == '/' && path[n + 1] ? path + n + 1 : NULL;
}

const char *address_from_path(const char *path, char buffer[static ADDRESS_SIZE]) {
        const char *name = path_below(path, VFIOBIND_DEVICE_PATH);
        char *last = NULL;

        if (!name || strlen(name) >= ADDRESS_SIZE)
                name = "";

        strcpy(buffer, name);
        for (char *p = buffer; *p; p++)
                if (*p == '_') {
                        *p = ':';
                        last = p;
                }
        if (last)
                *last = '.';

        return buffer;
}

const char *group_from_path(const char *path) {
        return path_below(path, VFIOBIND_GROUP_PATH);
}

const char *operation_from_path(const char *path) {
        return path_below(path, VFIOBIND_OPERATION_PATH);
}

int address_compare(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);

        /* All parts but the domain have a fixed width, and no address is padded: the longer has the larger
         * domain. */
        if (n != m)
                return n < m ? -1 : 1;

        return strcmp(a, b);
}
