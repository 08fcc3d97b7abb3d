/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a driver's name alone tells, for the lists, which show no more of a device. */

#include <stdbool.h>

/* Whether devices on this driver are handed over, as far as its name tells: VFIO drivers, variants included,
 * and the legacy stubs. */
bool driver_is_passthrough(const char *driver);

/* The name, or "none" where it is empty. */
const char *driver_or_none(const char *driver);
