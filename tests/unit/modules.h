/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Kernel modules in a test: an index below the tree's /lib/modules, made by the kernel's own depmod, and a
 * /sys/module that tells only what the test says: libkmod looks there whatever root it is given. */

#include "tests/unit/tree.h"

/* Where the kernel tells what it does not load, below a tree. */
#define MODULE_BLACKLIST "sys/module/kernel/parameters/module_blacklist"
#define MODULES_DISABLED "proc/sys/kernel/modules_disabled"

/* Makes the index of the running kernel's release from LINES, in the words of tests/host/modtree.py: "NAME
 * loadable alias=…". */
void modules_make(struct tree *tree, const char *lines);

/* Puts an empty directory in place of the machine's own at PATH, seen by this process alone. It stays until
 * the process ends. Nothing is done where the machine has none. */
void hide_directory(const char *path);

/* The same for /sys/module, with NAMES, separated by spaces, as what is loaded. May be called again. */
void modules_loaded(const char *names);
