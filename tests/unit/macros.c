/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The small words of every file: prefixes, copies. */

#include "tests/unit/unit.h"

static void test_words(void **state) {
        static const struct {
                const char *text, *prefix, *rest;
        } rows[] = {
                { "pci:e1000e", "pci:", "e1000e" },
                { "pci:", "pci:", "" },
                { "pc", "pci:", NULL },
                { "", "pci:", NULL },
                { "", "", "" },
                { "usb:x", "pci:", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *rest = startswith(rows[i].text, rows[i].prefix);

                assert_row(!rest == !rows[i].rest, "%s and %s", rows[i].text, rows[i].prefix);
                if (rest)
                        assert_string_equal(rest, rows[i].rest);
        }
        assert_true(isempty(NULL) && isempty("") && !isempty(" "));
        assert_string_equal(strempty(NULL), "");
}

static void test_copy(void **state) {
        char *p = NULL;

        assert_ok(free_and_copy(&p, "one"));
        assert_string_equal(p, "one");
        assert_ok(free_and_copy(&p, p + 1));
        assert_string_equal(p, "ne");
        free(p);
}

UNIT_MAIN(cmocka_unit_test(test_words), cmocka_unit_test(test_copy))
