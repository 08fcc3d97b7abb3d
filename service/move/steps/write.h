/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one door through which sysfs is written. Only the worker goes through it, and only for as long as
 * there is somebody for whom it does. */

#include <stdbool.h>

/* Whether somebody still wants what is done: whoever has the other end of BREAK_FD has not hung up. A
 * negative one never does. */
bool write_is_wanted(int break_fd);

/* A directory of sysfs, and the descriptor that tells whether writing below it is still wanted. */
struct place {
        int dir;
        int break_fd;
};

/* Writes VALUE and a newline to ATTRIBUTE below PLACE. The last component of ATTRIBUTE must be one of those
 * that this service has any business with; -EPERM for all others. Nothing is written where nobody wants it
 * any more: -ECANCELED. Returns 0 or the kernel's negative errno. May sleep for ever. */
int sysfs_write(const struct place *place, const char *attribute, const char *value);
