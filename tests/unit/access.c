/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The device files of a group, with real access control lists. */

#include <sys/socket.h>
#include <sys/stat.h>

#include "service/move/steps/access.h"
#include "service/move/steps/perform.h"
#include "tests/unit/nodes.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "vfio-pci", .group = "14", .vfio_dev = "vfio0" },
        { .address = NIC2,
          .class_code = 0x020000,
          .driver = "vfio-pci",
          .group = "14",
          .vfio_dev = "vfio1",
          .no_cdev = true },
        { .address = "0000:02:00.0",
          .class_code = 0x020000,
          .driver = "vfio-pci",
          .group = "15",
          .vfio_dev = "vfio2" },
};

static int setup(void **state) {
        struct tree *tree = tree_new();

        tree_add_all(tree, functions, ELEMENTSOF(functions));
        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                char path[128];

                snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%s/devices/%s", functions[i].group,
                         functions[i].address);
                tree_link(tree, path, "../../../../devices");
        }
        node_add_group(tree, 14);
        node_add_group(tree, 15);
        node_add_cdev(tree, "vfio0");
        node_add_cdev(tree, "vfio1");
        node_add_cdev(tree, "vfio2");
        *state = tree;
        return 0;
}

/* The group's file and the cdevs that are its members', and nothing else. */
static void test_whole_group(void **state) {
        struct tree *tree = *state;

        assert_ok(access_grant(tree->root, 14, 1001));
        assert_string_equal(node_users(tree, "14"), "1001 ");
        assert_string_equal(node_users(tree, "devices/vfio0"), "1001 ");
        assert_string_equal(node_users(tree, "devices/vfio1"), "");
        assert_string_equal(node_users(tree, "15"), "");
        assert_string_equal(node_users(tree, "devices/vfio2"), "");
        assert_ok(access_withdraw(tree->root, 14, 1001));
        assert_string_equal(node_users(tree, "14"), "");
        assert_string_equal(node_users(tree, "devices/vfio0"), "");
}

/* A file of another device, and one that leads elsewhere, are let alone. */
static void test_impostors(void **state) {
        struct tree *tree = *state;
        _cleanup_free_ char *moved = tree_name(tree, "dev/vfio/moved"),
                            *node = tree_name(tree, "dev/vfio/14");

        tree_write(tree, "sys/class/vfio/15/dev", "%s", "511:99\n");
        assert_ok(access_grant(tree->root, 15, 1001));
        assert_string_equal(node_users(tree, "15"), "");

        assert_int_equal(rename(node, moved), 0);
        assert_int_equal(symlink("moved", node), 0);
        assert_int_equal(access_grant(tree->root, 14, 1001), 0);
        assert_string_equal(node_users(tree, "moved"), "");

        node_remove_group(tree, 14);
        assert_ok(access_grant(tree->root, 14, 1001));
        assert_ok(access_withdraw(tree->root, 14, 1001));
        assert_int_equal(access_is_used(tree->root, 14), 0);
        assert_ok(access_grant(tree->root, 77, 1001));
}

/* A function's own file where the kernel has one, else that of its group. */
static void test_open(void **state) {
        struct tree *tree = *state;
        char node[NAME_MAX + 1] = "";
        int fd;

        /* Nobody has the number. */
        assert_int_equal(access_open(tree->root, NIC, 14, node), -ENXIO);
        assert_int_equal(access_open(tree->root, NIC2, 14, node), -ENXIO);
        assert_string_equal(node, "");

        /* /dev/null, by another name. */
        node_remove_group(tree, 14);
        assert_int_equal(access_open(tree->root, NIC2, 14, node), -ENOENT);
        tree_write(tree, "sys/class/vfio/14/dev", "%s", "1:3\n");
        node_add(tree, "14", 1, 3);
        fd = access_open(tree->root, NIC2, 14, node);
        assert_true(fd >= 0);
        assert_string_equal(node, "/dev/vfio/14");
        close(fd);

        tree_write(tree, "sys/bus/pci/devices/" NIC "/vfio-dev/vfio0/dev", "%s", "1:3\n");
        assert_int_equal(access_open(tree->root, NIC, 14, node), -ENODEV);
        tree_unlink(tree, "dev/vfio/devices/vfio0");
        node_add(tree, "devices/vfio0", 1, 3);
        fd = access_open(tree->root, NIC, 14, node);
        assert_true(fd >= 0);
        assert_string_equal(node, "/dev/vfio/devices/vfio0");
        close(fd);
}

/* The orders of the worker: the group is the function's, the user is in the argument. */
static void test_orders(void **state) {
        struct tree *tree = *state;
        _cleanup_free_ char *name = tree_name(tree, "sys/bus/pci/devices/" NIC2 "/.");
        struct performer *performer;
        struct order order = { .kind = STEP_ACCESS, .address = at(NIC2), .argument = "1001" };
        struct report report;
        struct stat st;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        performer = performer_new(tree->root, pair[0]);
        assert_int_equal(stat(name, &st), 0);

        perform(performer, &order, &report);
        assert_int_equal(report.error, -ESTALE);
        order.identity = st.st_ino;
        perform(performer, &order, &report);
        assert_int_equal(report.error, 0);
        assert_string_equal(node_users(tree, "14"), "1001 ");
        order.kind = STEP_WITHDRAW_ACCESS;
        perform(performer, &order, &report);
        assert_int_equal(report.error, 0);
        assert_string_equal(node_users(tree, "14"), "");

        performer_free(performer);
        close(pair[0]);
        close(pair[1]);
}

#define ON_NODES(test) cmocka_unit_test_setup_teardown(test, setup, tree_teardown)

UNIT_MAIN(ON_NODES(test_whole_group), ON_NODES(test_impostors), ON_NODES(test_open), ON_NODES(test_orders))
