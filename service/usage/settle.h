/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waiting for udev. */

#include "service/host/root.h"

/* Waits until udev has nothing to do any more, at most LIMIT_MSEC milliseconds. */
void udev_wait(const struct root *root, unsigned limit_msec);
