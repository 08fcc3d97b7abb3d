/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reading what the kernel tells in lines of text below /proc, and udev below /run. */

#include "service/host/root.h"

/* Calls FUNCTION for each line of a file below the root, without the newline, until it returns other than 0,
 * which is passed on. A file that is not there has no lines. */
int foreach_line(const struct root *root, const char *path,
                 int (*function)(const char *line, void *userdata), void *userdata);
