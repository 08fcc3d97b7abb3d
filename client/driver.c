/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a driver's name alone tells. */

#include <string.h>

#include "driver.h"

bool driver_is_passthrough(const char *driver) {
        return strcmp(driver, "pci-stub") == 0 || strcmp(driver, "pciback") == 0 || strstr(driver, "vfio");
}

const char *driver_or_none(const char *driver) {
        return *driver ? driver : "none";
}
