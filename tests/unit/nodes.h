/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Device files of VFIO in a tree, with a number that no driver has, and who may open them. */

#include "tests/unit/tree.h"

/* Makes the file NAME below /dev/vfio. */
void node_add(struct tree *tree, const char *name, unsigned major, unsigned minor);

/* Makes the file of GROUP and its directory in /sys; takes both away. */
void node_add_group(struct tree *tree, int group);
void node_remove_group(struct tree *tree, int group);

/* Makes the file of a cdev, whose directory in /sys the tree has. */
void node_add_cdev(struct tree *tree, const char *name);

/* The users who are named in the list of NAME below /dev/vfio and may read and write it in effect, each
 * followed by a space, into a buffer that lives until the next call. */
const char *node_users(struct tree *tree, const char *name);

/* As udev does, and an administrator. */
void node_set_mode(struct tree *tree, const char *name, unsigned mode);
