/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names from the PCI id database, and that its absence ends nothing. */

#include <fcntl.h>
#include <sys/stat.h>

#include "service/host/names.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

#define DATABASE "/usr/share/misc"

static void names_freep(struct names **names) {
        names_free(*names);
}

static void test_known(void **state) {
        _cleanup_(names_freep) struct names *names = names_new();

        assert_string_equal(names_vendor(names, 0x8086), "Intel Corporation");
        assert_string_equal(names_device(names, 0x8086, 0x10d3), "82574L Gigabit Network Connection");
        assert_string_equal(names_class(names, 0x020000), "Ethernet controller");
        assert_string_equal(names_class(names, 0x010802), "Non-Volatile memory controller");
}

static void test_unknown(void **state) {
        _cleanup_(names_freep) struct names *names = names_new();

        assert_string_equal(names_vendor(names, 0x0f0f), "");
        assert_string_equal(names_device(names, 0x0f0f, 0x0001), "");
        assert_string_equal(names_device(names, 0x8086, 0xfffe), "");
        assert_string_equal(names_class(names, 0xf0f0f0), "");
}

/* One copy of each, which outlives the database. */
static void test_unload(void **state) {
        _cleanup_(names_freep) struct names *names = names_new();
        const char *name = names_vendor(names, 0x8086);

        assert_ptr_equal(names_vendor(names, 0x8086), name);
        names_unload(names);
        names_unload(names);
        assert_string_equal(name, "Intel Corporation");
        assert_ptr_equal(names_vendor(names, 0x8086), name);
        assert_string_equal(names_vendor(names, 0x10ec), "Realtek Semiconductor Co., Ltd.");
}

/* The number of a vendor is the number of a class as well: they are told apart. */
static void test_kinds_apart(void **state) {
        _cleanup_(names_freep) struct names *names = names_new();

        assert_string_not_equal(names_vendor(names, 0x0200), names_class(names, 0x020000));
        assert_string_equal(names_class(names, 0x020000), "Ethernet controller");
}

static void ask_everything(void) {
        _cleanup_(names_freep) struct names *names = names_new();

        for (unsigned i = 0; i < 20; i++) {
                assert_non_null(names_vendor(names, (uint16_t) (0x8086 + i)));
                assert_non_null(names_device(names, 0x8086, (uint16_t) (0x10d3 + i)));
                assert_string_equal(names_vendor(names, 0x0f0f), "");
                names_unload(names);
        }
}

static void write_database(const char *text) {
        _cleanup_close_ int fd = open(DATABASE "/pci.ids", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* The rest hides the machine's database, so it comes last. libpci may still know a name from udev's copy. */
static void test_missing(void **state) {
        hide_directory(DATABASE);
        ask_everything();
}

static void test_damaged(void **state) {
        static const char *const contents[] = { "",    "not a database\n", "\t\t\t\n",         "8086\n",
                                                "C\n", "80\xff\xfe",       "8086  X\n\t10d3\n" };

        hide_directory(DATABASE);
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                _cleanup_(names_freep) struct names *names = names_new();

                write_database(contents[i]);
                for (unsigned twice = 0; twice < 2; twice++)
                        assert_non_null(names_device(names, 0x8086, 0x10d3));
        }
}

static void test_directory(void **state) {
        hide_directory(DATABASE);
        assert_int_equal(mkdir(DATABASE "/pci.ids", 0755), 0);
        ask_everything();
}

UNIT_MAIN(cmocka_unit_test(test_known), cmocka_unit_test(test_unknown), cmocka_unit_test(test_unload),
          cmocka_unit_test(test_kinds_apart), cmocka_unit_test(test_missing), cmocka_unit_test(test_damaged),
          cmocka_unit_test(test_directory))
