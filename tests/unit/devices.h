/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is below functions in a tree: disks, interfaces, keyboards, connectors; and what a look at them finds.
 * All functions end the test where something is not as they say. */

#include "service/usage/usage.h"
#include "tests/unit/tree.h"

/* Functions in a tree, as they are asked about. */
struct setting {
        struct tree *tree;
        struct function **functions;
        size_t n;
};

/* Makes the tree and its functions; reads them again, after something was changed; removes all of it. */
struct setting *setting_new(const struct fake_function *functions, size_t n);
void setting_refresh(struct setting *setting);
struct setting *setting_free(struct setting *setting);

/* Makes the directory PATH below /sys into a device of a subsystem, with the number "8:1", or NULL for one without a
 * node, and what leads to it: /sys/class/block/sda1, /sys/dev/block/8:1. */
void tree_device(struct tree *tree, const char *path, const char *subsystem, const char *number);

/* The attribute NAME of the directory PATH below /sys. */
void tree_attribute(struct tree *tree, const char *path, const char *name, const char *value);

/* Makes the link PATH below /sys point to TARGET below /sys. */
void tree_sys_link(struct tree *tree, const char *path, const char *target);

/* Looks, and finds exactly these: "kind address subject severity", each followed by a comma, in any order. */
void expect_findings(struct setting *setting, const char *expected);

/* Looks, and returns what that says, which is an error. */
int look_fails(struct setting *setting);
