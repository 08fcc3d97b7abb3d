/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether virtual functions can go. */

#include "service/host/function.h"

/* Whether one of the virtual functions of F is open through VFIO. Returns 1, 0, or a negative errno. */
int virtual_functions_are_open(const struct root *root, struct function *f);
