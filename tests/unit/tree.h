/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A directory that stands for "/" in a test, with a /sys in it that looks as the kernel makes it, written
 * from tables of functions. Attributes that sleep on the device's lock are pipes that nobody writes to,
 * unless the test gives them a content: whoever reads one waits for ever, and fails the test. All functions
 * end the test where the file system does not do as they say. */

#include <stdint.h>

#include "service/host/root.h"

struct fake_function {
        const char *address;
        const char *below; /* the bridge above; NULL on a root bus */
        uint16_t vendor, device, subsystem_vendor, subsystem_device;
        uint32_t class_code;
        const char *revision, *numa_node; /* as the attribute says it; NULL for no such attribute */
        const char *boot_vga;
        bool bridge; /* by its header */
        const char *driver, *group, *override, *reset_methods;
        const char *total_vfs;
        const char *vfs; /* addresses, separated by spaces */
        const char *physical;
        const char *vfio_dev; /* the name of its cdev */
        bool no_cdev; /* a kernel without CONFIG_VFIO_DEVICE_CDEV: the directory is there, the number is not
                       */
};

struct tree {
        char *path;
        struct root *root;
        unsigned n_removed;
};

/* For cmocka: makes an empty host and puts it into *STATE; removes it. */
int tree_setup(void **state);
int tree_teardown(void **state);

#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

struct tree *tree_new(void);
struct tree *tree_free(struct tree *tree);

/* The absolute name of a file, below the tree. The caller frees it. */
char *tree_name(const struct tree *tree, const char *path);

/* Each makes the directories above PATH, which is relative to the tree, and replaces what is there. */
void tree_directory(struct tree *tree, const char *path);
void tree_write(struct tree *tree, const char *path, const char *format, ...) _printf_(3, 4);
void tree_link(struct tree *tree, const char *path, const char *target);
void tree_pipe(struct tree *tree, const char *path);
void tree_unlink(struct tree *tree, const char *path);
bool tree_has(struct tree *tree, const char *path);

/* What a file holds. The caller frees it. */
char *tree_read(struct tree *tree, const char *path);

/* Makes functions, with their drivers and groups; removes one, whose inode is not given to another one while
 * the tree exists. */
void tree_add(struct tree *tree, const struct fake_function *f);
void tree_add_all(struct tree *tree, const struct fake_function *f, size_t n);
void tree_remove(struct tree *tree, const char *address);

/* Changes one; NULL for none. */
void tree_set_driver(struct tree *tree, const char *address, const char *driver);
void tree_set_group(struct tree *tree, const char *address, const char *group);

/* As if the kernel had taken the function from its driver and bound it again: only the link's inode tells.
 */
void tree_bind_again(struct tree *tree, const char *address, const char *driver);

/* Registers a driver with the PCI core, or takes it off. */
void tree_driver(struct tree *tree, const char *driver);
void tree_no_driver(struct tree *tree, const char *driver);
