/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Object paths, there and back. */

#include "dbus/path.h"
#include "tests/unit/unit.h"

static void test_devices(void **state) {
        static const struct {
                const char *address, *path;
        } rows[] = {
                { "0000:65:00.0", "/org/vfiobind/device/0000_65_00_0" },
                { "0000:00:1f.7", "/org/vfiobind/device/0000_00_1f_7" },
                { "00ab:cd:1e.3", "/org/vfiobind/device/00ab_cd_1e_3" },
                { "10000:e1:00.0", "/org/vfiobind/device/10000_e1_00_0" },
                { "ffffffff:ff:1f.7", "/org/vfiobind/device/ffffffff_ff_1f_7" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct pci_address address = at(rows[i].address), again;

                assert_string_equal(DEVICE_PATH(&address), rows[i].path);
                assert_row(device_path_parse(rows[i].path, &again) == 0, "%s", rows[i].path);
                assert_int_equal(pci_address_compare(&address, &again), 0);
        }
}

static void test_no_devices(void **state) {
        static const char *const rows[] = {
                "",
                "/",
                "/org/vfiobind",
                "/org/vfiobind/device",
                "/org/vfiobind/device/",
                "/org/vfiobind/device/0",
                "/org/vfiobind/device/_______",
                "/org/vfiobind/device/65_00_0",
                "/org/vfiobind/device/0000_65_00",
                "/org/vfiobind/device/0000_65_00_",
                "/org/vfiobind/device/0000_65_00_8",
                "/org/vfiobind/device/0000_65_20_0",
                "/org/vfiobind/device/000_065_00_0",
                /* other spellings of a path that is one */
                "/org/vfiobind/device/0000_AB_00_0",
                "/org/vfiobind/device/00000_65_00_0",
                "/org/vfiobind/device/0000:65:00.0",
                "/org/vfiobind/device/0000_65_00.0",
                "/org/vfiobind/device/0000_65:00_0",
                "/org/vfiobind/device/0000_65_00_0/",
                "/org/vfiobind/device/0000_65_00_0/x",
                "/org/vfiobind/device//0000_65_00_0",
                "/org/vfiobind/group/0000_65_00_0",
                "/org/vfiobind/devices/0000_65_00_0",
                "/org/vfiobind/device/ffffffff_ff_1f_70",
                "/org/vfiobind/device/1ffffffff_ff_1f_7",
                "/org/vfiobind/device/0000_65_00_\xff",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct pci_address address;

                assert_row(device_path_parse(rows[i], &address) == -EINVAL, "%s", rows[i]);
        }
}

static void test_groups(void **state) {
        static const struct {
                int group;
                const char *path;
        } rows[] = {
                { 0, "/org/vfiobind/group/0" },
                { 14, "/org/vfiobind/group/14" },
                { 2147483647, "/org/vfiobind/group/2147483647" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int again = -1;

                assert_string_equal(GROUP_PATH(rows[i].group), rows[i].path);
                assert_row(group_path_parse(rows[i].path, &again) == 0, "%s", rows[i].path);
                assert_int_equal(again, rows[i].group);
        }
        assert_string_equal(GROUP_PATH(-1), "/");
}

static void test_no_groups(void **state) {
        static const char *const rows[] = {
                "",
                "/",
                "/org/vfiobind/group",
                "/org/vfiobind/group/",
                "/org/vfiobind/group/-1",
                "/org/vfiobind/group/+1",
                "/org/vfiobind/group/01",
                "/org/vfiobind/group/0x1",
                "/org/vfiobind/group/1x",
                "/org/vfiobind/group/1/",
                "/org/vfiobind/group/ 1",
                "/org/vfiobind/group/2147483648",
                "/org/vfiobind/group/4294967296",
                "/org/vfiobind/group/99999999999999999999999999",
                "/org/vfiobind/device/1",
                "/org/vfiobind/groups/1",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int group;

                assert_row(group_path_parse(rows[i], &group) == -EINVAL, "%s", rows[i]);
        }
}

static void test_operations(void **state) {
        static const struct {
                const char *path;
                int r;
                uint32_t id;
        } rows[] = {
                { "/org/vfiobind/operation/1", 0, 1 },
                { "/org/vfiobind/operation/4294967295", 0, UINT32_MAX },
                { "/org/vfiobind/operation/4294967296", -EINVAL },
                { "/org/vfiobind/operation/99999999999999999999999", -EINVAL },
                { "/org/vfiobind/operation/-1", -EINVAL },
                { "/org/vfiobind/operation/01", -EINVAL },
                { "/org/vfiobind/operation/+1", -EINVAL },
                { "/org/vfiobind/operation/1/", -EINVAL },
                { "/org/vfiobind/operation/", -EINVAL },
                { "/org/vfiobind/operation", -EINVAL },
                { "/org/vfiobind/group/1", -EINVAL },
                { "", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint32_t id = 0;

                assert_row(operation_path_parse(rows[i].path, &id) == rows[i].r, "%s", rows[i].path);
                assert_int_equal(id, rows[i].id);
                if (rows[i].r == 0)
                        assert_string_equal(OPERATION_PATH(id), rows[i].path);
        }
}

UNIT_MAIN(cmocka_unit_test(test_devices), cmocka_unit_test(test_no_devices), cmocka_unit_test(test_groups),
          cmocka_unit_test(test_no_groups), cmocka_unit_test(test_operations))
