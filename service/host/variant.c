/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From the module that the alias table names for VFIO to the name of its driver. */

#include <limits.h>
#include <stdio.h>

#include "service/host/sysfs.h"
#include "service/host/variant.h"

static int take_driver_of_module(const char *name, void *userdata) {
        const char *driver = startswith(name, "pci:");

        if (!driver)
                return 0;

        snprintf(userdata, NAME_MAX + 1, "%s", driver);
        return 1;
}

bool module_driver(const struct root *root, const char *module, char driver[static NAME_MAX + 1]) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "module/%s/drivers", module);
        return sysfs_foreach(root->sys, path, take_driver_of_module, driver) > 0;
}

char *vfio_driver(const struct root *root, struct aliases *aliases, const struct function *f, char *buffer,
                  size_t size) {
        const char *module = aliases_vfio_module(aliases, f);
        char driver[NAME_MAX + 1];

        if (streq(module, "vfio_pci"))
                snprintf(buffer, size, "vfio-pci");
        else if (module_driver(root, module, driver))
                snprintf(buffer, size, "%s", driver);
        else
                snprintf(buffer, size, "%s", module);

        return buffer;
}
