/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The small words of every file: text that is made safe to show, prefixes, copies. */

#include "tests/unit/unit.h"

static void test_escape(void **state) {
        static const struct {
                const char *text;
                size_t max;
                const char *escaped;
        } rows[] = {
                { "", 0, "" },
                { "", 10, "" },
                { "eth0", 10, "eth0" },
                { "eth0", 4, "eth0" },
                { "eth0", 3, "eth..." },
                { "eth0", 0, "..." },
                { " ~", 10, " ~" },
                { "a\nb\tc\x1b[0m", 20, "a\\x0ab\\x09c\\x1b[0m" },
                { "\x7f\x80\xff", 10, "\\x7f\\x80\\xff" },
                { "é", 10, "\\xc3\\xa9" },
                { "say \"x\\y\"", 20, "say \\x22x\\x5cy\\x22" },
                { "\n\n\n\n", 2, "\\x0a\\x0a..." },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *escaped = text_escape(rows[i].text, rows[i].max);

                assert_non_null(escaped);
                assert_string_equal(escaped, rows[i].escaped);
        }
}

/* What is longer than MAX need not even end. */
static void test_escape_reads_no_further(void **state) {
        _cleanup_free_ char *text = malloc(5);
        _cleanup_free_ char *escaped = NULL;

        memset(text, 'x', 5);
        escaped = text_escape(text, 4);
        assert_string_equal(escaped, "xxxx...");
}

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

UNIT_MAIN(cmocka_unit_test(test_escape), cmocka_unit_test(test_escape_reads_no_further),
          cmocka_unit_test(test_words), cmocka_unit_test(test_copy))
