/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One user more, or less, who may read and write a file, by an entry in its access control list (acl(5)).
 * What everybody else may do stays as it is in effect. */

#include <sys/types.h>

/* Lets the user UID read and write the file behind FD, which may be opened with O_PATH. Returns 1, or 0 if
 * that is so already and nothing was written, or a negative errno: -EOPNOTSUPP where the file system has no
 * such lists. */
int acl_admit_user(int fd, uid_t uid);

/* Takes the entry of UID away. Returns 1, or 0 if there was none, or a negative errno. */
int acl_dismiss_user(int fd, uid_t uid);
