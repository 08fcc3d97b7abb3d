/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A device in words. */

#include <json-c/json.h>

#include "terminal.h"

/* Vendor and device as far as they are known, owned by the caller; "" if neither is, NULL if memory is
 * short. */
char *describe_name(json_object *device);

/* Writes what is worth knowing of a device to standard output, as `Key: value`, aligned, long values folded
 * to the terminal. `device` and `group` are the properties of both, as json_read() leaves them; `group` may
 * be NULL. -ENOMEM. */
int describe_device(const Terminal *terminal, json_object *device, json_object *group);
