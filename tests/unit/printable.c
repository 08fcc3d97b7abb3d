/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Text from outside, made fit to be shown, and cut. */

#include "service/host/printable.h"
#include "tests/unit/unit.h"

static void test_printable(void **state) {
        static const struct {
                const char *text, *printable;
        } rows[] = {
                { "", "" },
                { "/mnt/a b", "/mnt/a b" },
                { "/mnt/Größe", "/mnt/Größe" },
                { "日本語 \U0001f600", "日本語 \U0001f600" },
                { "a\nb\tc\033[31m", "a\\x0ab\\x09c\\x1b[31m" },
                { "\x7f", "\\x7f" },
                { "C:\\x41", "C:\\x41" }, /* a backslash is printable, and nothing is escaped twice */
                { "\xff\xfe", "\\xff\\xfe" },
                { "\xc3", "\\xc3" },                         /* cut off */
                { "\xc3(", "\\xc3(" },                       /* not followed by what should follow */
                { "\xc0\xaf", "\\xc0\\xaf" },                /* a slash, written too long */
                { "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
                { "\xed\xa0\x80", "\\xed\\xa0\\x80" },       /* half of a surrogate pair */
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond the last character */
                { "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
                { "\xc2\x85", "\\xc2\\x85" },                /* a control character of the second set */
                { "a\u202eb", "a\\xe2\\x80\\xaeb" },         /* turns the rest of the line around */
                { "a\u200bb", "a\\xe2\\x80\\x8bb" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *once = text_printable(rows[i].text), *twice = text_printable(once);

                assert_string_equal(once, rows[i].printable);
                assert_string_equal(twice, once);
        }
}

static void test_cut(void **state) {
        static const struct {
                const char *text, *cut;
        } rows[] = {
                { "", "" },
                { "1234567", "1234567" },
                { "12345678", "1234…" },
                { "1234ö6", "1234ö6" },
                { "123ö678", "123…" },
                { "12日678", "12…" },
                { "日日日日", "日…" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char buffer[8];

                text_cut(rows[i].text, buffer, sizeof(buffer));
                assert_string_equal(buffer, rows[i].cut);
        }
}

UNIT_MAIN(cmocka_unit_test(test_printable), cmocka_unit_test(test_cut))
