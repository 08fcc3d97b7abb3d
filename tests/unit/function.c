/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading single functions: every field, and what becomes of each when it changes. */

#include "service/host/function.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

static const struct fake_function port = {
        .address = "0000:00:1c.0",
        .vendor = 0x8086,
        .device = 0xa110,
        .class_code = 0x060400,
        .revision = "0xf1",
        .bridge = true,
        .driver = "pcieport",
        .group = "7",
        .numa_node = "0",
};

static const struct fake_function nic = {
        .address = "0000:02:00.0",
        .below = "0000:00:1c.0",
        .vendor = 0x15b3,
        .device = 0x1017,
        .subsystem_vendor = 0x1590,
        .subsystem_device = 0x00d4,
        .class_code = 0x020001,
        .revision = "0x0a",
        .numa_node = "1",
        .driver = "mlx5_core",
        .group = "14",
        .reset_methods = "flr bus",
        .total_vfs = "8",
        .vfs = "0000:02:00.1 0000:02:00.2",
};

static struct function *read_at(struct tree *tree, const char *address) {
        struct pci_address a = at(address);
        struct function *f = NULL;

        assert_ok(function_read(tree->root, &a, &f));
        return f;
}

static void test_every_field(void **state) {
        struct tree *tree = *state;
        _cleanup_(function_freep) struct function *f = NULL;

        tree_add(tree, &port);
        tree_add(tree, &nic);
        f = read_at(tree, "0000:02:00.0");

        assert_string_equal(PCI_ADDRESS_TEXT(&f->address), "0000:02:00.0");
        assert_true(f->identity != 0);
        assert_int_equal(f->vendor, 0x15b3);
        assert_int_equal(f->device, 0x1017);
        assert_int_equal(f->subsystem_vendor, 0x1590);
        assert_int_equal(f->subsystem_device, 0x00d4);
        assert_int_equal(f->class_code, 0x020001);
        assert_int_equal(f->revision, 0x0a);
        assert_int_equal(f->numa_node, 1);
        assert_false(f->bridge);
        assert_false(f->boot_vga);
        assert_true(f->has_parent);
        assert_string_equal(PCI_ADDRESS_TEXT(&f->parent), "0000:00:1c.0");
        assert_false(f->is_virtual);
        assert_int_equal(f->max_virtual_functions, 8);
        assert_int_equal(f->n_virtual_functions, 2);
        assert_string_equal(PCI_ADDRESS_TEXT(&f->virtual_functions[0]), "0000:02:00.1");
        assert_string_equal(PCI_ADDRESS_TEXT(&f->virtual_functions[1]), "0000:02:00.2");
        assert_int_equal(f->group, 14);
        assert_string_equal(f->driver, "mlx5_core");
        assert_int_equal(f->kind, DRIVER_HOST);
        assert_string_equal(f->vfio_node, "");
        assert_string_equal(f->reset_methods, "flr bus");
        assert_string_equal(f->override, "");
        assert_string_equal(f->home, "");
        assert_string_equal(f->vendor_name, "");
        assert_false(f->busy || f->moving);
}

static void test_bare_minimum(void **state) {
        static const struct fake_function bare = {
                .address = "10000:e1:00.0", .vendor = 1, .device = 2, .class_code = 0x010802
        };
        struct tree *tree = *state;
        _cleanup_(function_freep) struct function *f = NULL;

        tree_add(tree, &bare);
        f = read_at(tree, "10000:e1:00.0");

        assert_int_equal(f->numa_node, -1);
        assert_int_equal(f->group, -1);
        assert_int_equal(f->revision, 0);
        assert_int_equal(f->max_virtual_functions, 0);
        assert_int_equal(f->n_virtual_functions, 0);
        assert_false(f->has_parent || f->is_virtual || f->bridge || f->boot_vga);
        assert_string_equal(f->driver, "");
        assert_int_equal(f->kind, DRIVER_NONE);
        assert_string_equal(f->reset_methods, "");
}

/* A bridge by its header, by its class, and by neither. */
static void test_bridges(void **state) {
        static const struct {
                struct fake_function f;
                bool by_header, is_bridge;
        } rows[] = {
                { { .address = "0000:00:01.0", .class_code = 0x060400, .bridge = true }, true, true },
                { { .address = "0000:00:02.0", .class_code = 0x060700, .bridge = true }, true, true },
                { { .address = "0000:00:03.0", .class_code = 0x060000 }, false, true },
                { { .address = "0000:00:04.0", .class_code = 0x060100 }, false, true },
                { { .address = "0000:00:05.0", .class_code = 0x088000, .bridge = true }, true, true },
                { { .address = "0000:00:06.0", .class_code = 0x020000 }, false, false },
                { { .address = "0000:00:07.0", .class_code = 0x0c0600 }, false, false },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(function_freep) struct function *f = NULL;

                tree_add(tree, &rows[i].f);
                f = read_at(tree, rows[i].f.address);
                assert_row(f->bridge == rows[i].by_header, "%s", rows[i].f.address);
                assert_row(function_is_bridge(f) == rows[i].is_bridge, "%s", rows[i].f.address);
        }
}

static void test_boot_vga(void **state) {
        static const struct {
                struct fake_function f;
                bool boot;
        } rows[] = {
                { { .address = "0000:00:01.0", .class_code = 0x030000, .boot_vga = "1" }, true },
                { { .address = "0000:00:02.0", .class_code = 0x030000, .boot_vga = "0" }, false },
                { { .address = "0000:00:03.0", .class_code = 0x030000 }, false },
                { { .address = "0000:00:04.0", .class_code = 0x030200 }, false },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(function_freep) struct function *f = NULL;

                tree_add(tree, &rows[i].f);
                f = read_at(tree, rows[i].f.address);
                assert_row(f->boot_vga == rows[i].boot, "%s", rows[i].f.address);
        }
}

static void test_virtual_function(void **state) {
        static const struct fake_function vf = { .address = "0000:02:00.1",
                                                 .below = "0000:00:1c.0",
                                                 .class_code = 0x020000,
                                                 .physical = "0000:02:00.0",
                                                 .total_vfs = "0" };
        struct tree *tree = *state;
        _cleanup_(function_freep) struct function *f = NULL;

        tree_add(tree, &port);
        tree_add(tree, &vf);
        f = read_at(tree, "0000:02:00.1");
        assert_true(f->is_virtual);
        assert_string_equal(PCI_ADDRESS_TEXT(&f->physical), "0000:02:00.0");
}

static void test_groups(void **state) {
        static const struct {
                const char *group, *name;
                int expected;
        } rows[] = {
                { "0", NULL, 0 },           { "14", NULL, 14 },   { "2147483647", NULL, 2147483647 },
                { "2147483648", NULL, -1 }, { "14", "DMAR", 14 }, { "3", "vfio-noiommu", -1 },
                { "x", NULL, -1 },          { "1x", NULL, -1 },   { "-1", NULL, -1 },
                { NULL, NULL, -1 },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct fake_function fake = { .address = "0000:01:00.0", .group = rows[i].group };
                char path[80];
                _cleanup_(function_freep) struct function *f = NULL;

                if (i > 0)
                        tree_remove(tree, fake.address);
                snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%s/name", strempty(rows[i].group));
                if (rows[i].name)
                        tree_write(tree, path, "%s\n", rows[i].name);
                else if (rows[i].group)
                        tree_unlink(tree, path);
                tree_add(tree, &fake);
                f = read_at(tree, fake.address);
                assert_row(f->group == rows[i].expected, "group %s: %d", strempty(rows[i].group), f->group);
        }
}

/* The kinds of drivers that a function's own directory gives away, and the node. */
static void test_vfio_nodes(void **state) {
        static const struct {
                struct fake_function f;
                enum driver_kind kind;
                const char *node;
        } rows[] = {
                { { .address = "0000:01:00.0", .driver = "vfio-pci" }, DRIVER_VFIO, "" },
                { { .address = "0000:01:00.1", .driver = "vfio-pci", .vfio_dev = "vfio0" },
                  DRIVER_VFIO,
                  "/dev/vfio/devices/vfio0" },
                { { .address = "0000:01:00.2", .driver = "vfio-pci", .vfio_dev = "vfio1", .no_cdev = true },
                  DRIVER_VFIO,
                  "" },
                { { .address = "0000:01:00.3", .driver = "new-driver", .vfio_dev = "vfio12" },
                  DRIVER_VFIO,
                  "/dev/vfio/devices/vfio12" },
                { { .address = "0000:01:00.4", .driver = "new-driver" }, DRIVER_HOST, "" },
                { { .address = "0000:01:00.5", .driver = "pci-stub" }, DRIVER_KVM, "" },
                { { .address = "0000:01:00.6", .driver = "pciback" }, DRIVER_XEN, "" },
                { { .address = "0000:01:00.7" }, DRIVER_NONE, "" },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(function_freep) struct function *f = NULL;

                tree_add(tree, &rows[i].f);
                f = read_at(tree, rows[i].f.address);
                assert_row(f->kind == rows[i].kind, "%s", rows[i].f.address);
                assert_string_equal(f->vfio_node, rows[i].node);
        }
}

static void test_damaged(void **state) {
        static const char *const modaliases[] = {
                "", "\n", "usb:v1d6Bp0002\n", "pci:v00008086\n",
                "pci:vXXXXXXXXdXXXXXXXXsvXXXXXXXXsdXXXXXXXXbcXXscXXiXX\n"
        };
        struct tree *tree = *state;
        struct pci_address address = at("0000:02:00.0");
        struct function *f = NULL;

        assert_int_equal(function_read(tree->root, &address, &f), -ENOENT);
        tree_add(tree, &port);
        tree_add(tree, &nic);
        for (size_t i = 0; i < ELEMENTSOF(modaliases); i++) {
                tree_write(tree, "sys/bus/pci/devices/0000:02:00.0/modalias", "%s", modaliases[i]);
                assert_row(function_read(tree->root, &address, &f) == -EINVAL, "%s", modaliases[i]);
        }
        tree_unlink(tree, "sys/bus/pci/devices/0000:02:00.0/modalias");
        assert_int_equal(function_read(tree->root, &address, &f), -ENOENT);
        assert_null(f);
}

static void test_modalias(void **state) {
        struct tree *tree = *state;
        _cleanup_(function_freep) struct function *f = NULL;
        char buffer[MODALIAS_SIZE];

        tree_add(tree, &port);
        tree_add(tree, &nic);
        f = read_at(tree, "0000:02:00.0");
        assert_string_equal(function_modalias(f, buffer),
                            "pci:v000015B3d00001017sv00001590sd000000D4bc02sc00i01");
}

static void change_driver(struct tree *tree) {
        tree_set_driver(tree, "0000:02:00.0", "vfio-pci");
}

static void change_binding(struct tree *tree) {
        tree_bind_again(tree, "0000:02:00.0", "vfio-pci");
}

static void change_node(struct tree *tree) {
        tree_write(tree, "sys/bus/pci/devices/0000:02:00.0/vfio-dev/vfio3/dev", "511:3\n");
}

static void change_group(struct tree *tree) {
        tree_set_group(tree, "0000:02:00.0", "15");
}

static void change_vfs(struct tree *tree) {
        tree_unlink(tree, "sys/bus/pci/devices/0000:02:00.0/virtfn1");
}

static void change_other_vf(struct tree *tree) {
        tree_link(tree, "sys/bus/pci/devices/0000:02:00.0/virtfn0", "../0000:02:00.3");
}

static void change_reset(struct tree *tree) {
        tree_write(tree, "sys/bus/pci/devices/0000:02:00.0/reset_method", "bus\n");
}

static void change_all(struct tree *tree) {
        tree_set_driver(tree, "0000:02:00.0", NULL);
        tree_set_group(tree, "0000:02:00.0", NULL);
        tree_unlink(tree, "sys/bus/pci/devices/0000:02:00.0/virtfn0");
        tree_unlink(tree, "sys/bus/pci/devices/0000:02:00.0/reset_method");
}

static void test_refresh(void **state) {
        static const struct {
                void (*change)(struct tree *tree);
                int changes;
        } rows[] = {
                { change_driver, FUNCTION_DRIVER },
                { change_binding, FUNCTION_REBOUND },
                { change_node, FUNCTION_NODE },
                { change_group, FUNCTION_GROUP },
                { change_vfs, FUNCTION_VIRTUAL_FUNCTIONS },
                { change_other_vf, FUNCTION_VIRTUAL_FUNCTIONS },
                { change_reset, FUNCTION_RESET_METHODS },
                { change_all, FUNCTION_DRIVER | FUNCTION_NODE | FUNCTION_GROUP | FUNCTION_VIRTUAL_FUNCTIONS |
                                              FUNCTION_RESET_METHODS },
        };
        struct tree *tree = *state;
        _cleanup_(function_freep) struct function *f = NULL;

        tree_add(tree, &port);
        tree_add(tree, &nic);
        f = read_at(tree, "0000:02:00.0");
        assert_int_equal(function_refresh(tree->root, f), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int changes;

                rows[i].change(tree);
                changes = function_refresh(tree->root, f);
                assert_row(changes == rows[i].changes, "row %zu: 0x%x", i, (unsigned) changes);
                assert_row(function_refresh(tree->root, f) == 0, "row %zu: told again", i);
        }
}

static void test_identity(void **state) {
        struct tree *tree = *state;
        _cleanup_(function_freep) struct function *f = NULL;

        tree_add(tree, &port);
        tree_add(tree, &nic);
        f = read_at(tree, "0000:02:00.0");
        assert_true(function_exists(tree->root, f));

        tree_remove(tree, "0000:02:00.0");
        assert_false(function_exists(tree->root, f));
        assert_int_equal(function_refresh(tree->root, f), -ENOENT);

        tree_add(tree, &nic);
        assert_false(function_exists(tree->root, f));
        assert_int_equal(function_refresh(tree->root, f), -ESTALE);
        assert_string_equal(f->driver, "mlx5_core");
}

UNIT_MAIN(ON_TREE(test_every_field), ON_TREE(test_bare_minimum), ON_TREE(test_bridges),
          ON_TREE(test_boot_vga), ON_TREE(test_virtual_function), ON_TREE(test_groups),
          ON_TREE(test_vfio_nodes), ON_TREE(test_damaged), ON_TREE(test_modalias), ON_TREE(test_refresh),
          ON_TREE(test_identity))
