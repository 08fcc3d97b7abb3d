/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading attributes, links and directories; above all, what must not be read. */

#include <fcntl.h>
#include <limits.h>

#include "service/host/sysfs.h"
#include "service/move/steps/write.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

static void test_sleeping_attributes(void **state) {
        static const char *const rows[] = {
                "driver_override",    "uevent",         "sriov_numvfs",   "config", "current_link_speed",
                "current_link_width", "max_link_speed", "max_link_width",
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char buffer[64] = "untouched", path[PATH_MAX], file[PATH_MAX];
                int64_t number;

                /* A pipe: to open it would be to wait. */
                snprintf(path, sizeof(path), "bus/pci/devices/0000:00:01.0/%s", rows[i]);
                snprintf(file, sizeof(file), "sys/%s", rows[i]);
                tree_pipe(tree, file);
                assert_row(sysfs_attribute_sleeps(rows[i]) && sysfs_attribute_sleeps(path), "%s", rows[i]);
                assert_row(sysfs_read(tree->root->sys, rows[i], buffer, sizeof(buffer)) == -EDEADLK, "%s",
                           rows[i]);
                assert_row(sysfs_read(tree->root->sys, path, buffer, sizeof(buffer)) == -EDEADLK, "%s",
                           rows[i]);
                assert_row(sysfs_read_number(tree->root->sys, path, &number) == -EDEADLK, "%s", rows[i]);
                assert_string_equal(buffer, "untouched");
        }
}

static void test_other_attributes(void **state) {
        static const char *const rows[] = { "modalias", "driver",   "driver_override2", "uevents",
                                            "xuevent",  "uevent/x", "configs" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_row(!sysfs_attribute_sleeps(rows[i]), "%s", rows[i]);
}

static void test_values(void **state) {
        static const struct {
                const char *content, *value;
        } rows[] = {
                { "", "" },
                { "\n", "" },
                { "x\n", "x" },
                { "x", "x" },
                { "x\n\n", "x" },
                { "a\nb\n", "a\nb" },
                { " x \n", " x " },
                { "1234567\n", "1234567" },
                { "12345678\n", "1234567" },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char buffer[8];

                tree_write(tree, "sys/value", "%s", rows[i].content);
                assert_int_equal(sysfs_read(tree->root->sys, "value", buffer, sizeof(buffer)),
                                 strlen(rows[i].value));
                assert_string_equal(buffer, rows[i].value);
        }
        assert_int_equal(sysfs_read(tree->root->sys, "missing", (char[8]){}, 8), -ENOENT);
        assert_int_equal(sysfs_read(tree->root->sys, "bus", (char[8]){}, 8), -EISDIR);
}

static void test_locked_reading(void **state) {
        struct tree *tree = *state;
        char buffer[16];

        tree_write(tree, "sys/driver_override", "vfio-pci\n");
        assert_ok(sysfs_read_locked(tree->root->sys, "driver_override", buffer, sizeof(buffer)));
        assert_string_equal(buffer, "vfio-pci");
}

static void test_numbers(void **state) {
        static const struct {
                const char *content;
                int r;
                int64_t value;
        } rows[] = {
                { "0\n", 0, 0 },
                { "-1\n", 0, -1 },
                { "0x10\n", 0, 16 },
                { "255", 0, 255 },
                { "0xffffffff\n", 0, 0xffffffff },
                { "9223372036854775807\n", 0, INT64_MAX },
                { "9223372036854775808\n", -EINVAL },
                { "\n", -EINVAL },
                { "", -EINVAL },
                { "x\n", -EINVAL },
                { "1x\n", -EINVAL },
                { "1 2\n", -EINVAL },
                { "0x\n", -EINVAL },
        };
        struct tree *tree = *state;
        int64_t number;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int64_t value = 0;

                tree_write(tree, "sys/number", "%s", rows[i].content);
                assert_row(sysfs_read_number(tree->root->sys, "number", &value) == rows[i].r, "\"%s\"",
                           rows[i].content);
                assert_row(value == rows[i].value, "\"%s\"", rows[i].content);
        }
        assert_int_equal(sysfs_read_number(tree->root->sys, "missing", &number), -ENOENT);
}

static void test_links(void **state) {
        static const struct {
                const char *target, *name;
        } rows[] = { { "../../drivers/e1000e", "e1000e" },
                     { "e1000e", "e1000e" },
                     { "/x/0123456", "0123456" } };
        struct tree *tree = *state;
        char buffer[8] = "";

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                tree_link(tree, "sys/link", rows[i].target);
                assert_ok(sysfs_read_link(tree->root->sys, "link", buffer, sizeof(buffer)));
                assert_string_equal(buffer, rows[i].name);
        }

        tree_link(tree, "sys/link", "../01234567");
        assert_int_equal(sysfs_read_link(tree->root->sys, "link", buffer, sizeof(buffer)), -ENAMETOOLONG);
        assert_int_equal(sysfs_read_link(tree->root->sys, "missing", buffer, sizeof(buffer)), -ENOENT);
        assert_string_equal(buffer, "0123456");
}

static int count_entry(const char *name, void *userdata) {
        unsigned *n = userdata;

        assert_true(*name != '.');
        return ++*n == 3 ? 42 : 0;
}

static void test_foreach(void **state) {
        static const struct {
                unsigned entries, seen;
                int r;
        } rows[] = { { 0, 0, 0 }, { 1, 1, 0 }, { 2, 2, 0 }, { 3, 3, 42 }, { 9, 3, 42 } };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char path[32];
                unsigned n = 0;

                snprintf(path, sizeof(path), "sys/d%zu", i);
                tree_directory(tree, path);
                for (unsigned j = 0; j < rows[i].entries; j++) {
                        snprintf(path, sizeof(path), "sys/d%zu/%u", i, j);
                        tree_write(tree, path, "x");
                }
                snprintf(path, sizeof(path), "d%zu", i);
                assert_int_equal(sysfs_foreach(tree->root->sys, path, count_entry, &n), rows[i].r);
                assert_int_equal(n, rows[i].seen);
        }
        assert_int_equal(sysfs_foreach(tree->root->sys, "missing", count_entry, NULL), -ENOENT);
}

static void test_writing(void **state) {
        static const struct {
                const char *attribute;
                int r;
        } rows[] = {
                { "driver_override", 0 }, { "unbind", 0 },          { "bind", 0 },
                { "drivers_probe", 0 },   { "sub/bind", 0 },        { "new_id", -EPERM },
                { "remove_id", -EPERM },  { "remove", -EPERM },     { "rescan", -EPERM },
                { "bind/x", -EPERM },     { "xbind", -EPERM },      { "", -EPERM },
                { "config", -EPERM },     { "gone/bind", -ENOENT },
        };
        struct tree *tree = *state;
        const struct place sys = { tree->root->sys, -EBADF };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char path[PATH_MAX];

                snprintf(path, sizeof(path), "sys/%s", rows[i].attribute);
                if (rows[i].r == 0)
                        tree_write(tree, path, "%s", "");
                assert_row(sysfs_write(&sys, rows[i].attribute, "word") == rows[i].r, "%s",
                           rows[i].attribute);
                if (rows[i].r == 0) {
                        _cleanup_free_ char *text = tree_read(tree, path);

                        assert_string_equal(text, "word\n");
                }
        }
}

static void test_root(void **state) {
        struct tree *tree = *state;
        _cleanup_free_ char *path = root_path(tree->root, "/dev/vfio"),
                            *expected = tree_name(tree, "dev/vfio");
        struct root *root;

        assert_string_equal(path, expected);
        assert_int_equal(root_open("/nowhere", &root), -ENOENT);
}

UNIT_MAIN(ON_TREE(test_sleeping_attributes), cmocka_unit_test(test_other_attributes), ON_TREE(test_values),
          ON_TREE(test_locked_reading), ON_TREE(test_numbers), ON_TREE(test_links), ON_TREE(test_foreach),
          ON_TREE(test_writing), ON_TREE(test_root))
