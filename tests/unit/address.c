/* SPDX-License-Identifier: GPL-2.0-or-later */

/* PCI addresses as text: which are taken, how they are written, and how they are ordered. */

#include "tests/unit/unit.h"

static void test_well_formed(void **state) {
        static const struct {
                const char *text, *full;
        } rows[] = {
                { "0000:65:00.0", "0000:65:00.0" },
                { "65:00.0", "0000:65:00.0" },
                { "00:00.0", "0000:00:00.0" },
                { "00:1f.7", "0000:00:1f.7" },
                { "AB:1F.7", "0000:ab:1f.7" },
                { "00AB:Cd:1e.3", "00ab:cd:1e.3" },
                { "ffff:ff:1f.7", "ffff:ff:1f.7" },
                { "10000:e1:00.0", "10000:e1:00.0" },
                { "00010000:e1:00.0", "10000:e1:00.0" },
                { "00000000:e1:00.0", "0000:e1:00.0" },
                { "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
                { "FFFFFFFF:FF:1F.7", "ffffffff:ff:1f.7" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct pci_address address;

                assert_row(pci_address_parse(rows[i].text, &address) == 0, "%s", rows[i].text);
                assert_string_equal(PCI_ADDRESS_TEXT(&address), rows[i].full);
        }
}

static void test_ill_formed(void **state) {
        static const char *const rows[] = {
                "",
                " ",
                ":",
                "::",
                ".",
                ":.",
                "::.",
                "0",
                "0000",
                "0000:",
                "0000:65",
                "0000:65:",
                "0000:65:00",
                "0000:65:00.",
                "65",
                "65:",
                "65:00",
                "65:00.",
                "65.0",
                "5:00.0",
                "65:0.0",
                "065:00.0",
                "65:000.0",
                "65:00.00",
                /* beyond what the fields hold */
                "65:20.0",
                "65:ff.0",
                "65:00.8",
                "65:00.f",
                "100:00.0",
                "123456789:65:00.0",
                "0000000000:65:00.0",
                /* a domain that is too short */
                "0:65:00.0",
                "000:65:00.0",
                ":65:00.0",
                /* what strtoul() takes */
                "+65:00.0",
                "-65:00.0",
                "0x65:00.0",
                " 65:00.0",
                "65:+0.0",
                "65:-1.0",
                "65:0x.0",
                "65: 0.0",
                "0x00:65:00.0",
                "+000:65:00.0",
                "-001:65:00.0",
                "65:00.+",
                "65:00.-0",
                /* something around or between */
                "65:00.0 ",
                "65:00.0\n",
                "\t65:00.0",
                "65:00.0.0",
                "65:00.0:",
                "0000:0000:65:00.0",
                "0000:65:00.0/..",
                "65 :00.0",
                "65:00 .0",
                "65:00,0",
                "65.00.0",
                "65:00:0",
                "0000.65.00.0",
                "0000_65_00_0",
                "../65:00.0",
                /* no digits */
                "gg:00.0",
                "65:g0.0",
                "65:00.g",
                "wxyz:65:00.0",
                "host",
                /* not ASCII: digits of other scripts, a wide colon, broken UTF-8 */
                "６５:００.０",
                "65：00.0",
                "٦٥:٠٠.٠",
                "65:00.0\xff",
                "\xff\xfe:00.0",
                "65:00.\xc2\xb2",
                "\x80\x80\x80\x80:65:00.0",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct pci_address before = { 0x1234, 0x56, 0x17, 3 };
                struct pci_address address = before;

                assert_row(pci_address_parse(rows[i], &address) == -EINVAL, "\"%s\"", rows[i]);
                assert_row(pci_address_compare(&address, &before) == 0, "\"%s\" has touched the answer",
                           rows[i]);
        }
}

static void test_huge(void **state) {
        static const char characters[] = "0f:. \xff";
        const size_t size = 1 << 20;
        _cleanup_free_ char *text = malloc(size + 1);
        struct pci_address address;

        for (size_t i = 0; i < ELEMENTSOF(characters) - 1; i++) {
                memset(text, characters[i], size);
                text[size] = '\0';
                assert_int_equal(pci_address_parse(text, &address), -EINVAL);
                memcpy(text, "0000:65:00.0", strlen("0000:65:00.0"));
                assert_int_equal(pci_address_parse(text, &address), -EINVAL);
                memcpy(text + size - strlen("0000:65:00.0"), "0000:65:00.0", strlen("0000:65:00.0"));
                assert_int_equal(pci_address_parse(text, &address), -EINVAL);
        }
}

static void test_round_trip(void **state) {
        static const uint32_t domains[] = { 0, 1, 0xff, 0xffff, 0x10000, 0xfffff, 0x1000000, UINT32_MAX };

        for (size_t i = 0; i < ELEMENTSOF(domains); i++)
                for (unsigned rest = 0; rest <= UINT16_MAX; rest++) {
                        const struct pci_address address = {
                                domains[i],
                                (uint8_t) (rest >> 8),
                                (uint8_t) (rest >> 3 & 0x1f),
                                (uint8_t) (rest & 7),
                        };
                        struct pci_address again = {};
                        char text[PCI_ADDRESS_SIZE];

                        if (pci_address_parse(pci_address_format(&address, text), &again) < 0 ||
                            pci_address_compare(&address, &again) != 0)
                                fail_msg("%s does not come back", text);
                }
}

static void test_order(void **state) {
        /* In order, each less than the next. */
        static const char *const rows[] = {
                "0000:00:00.0", "0000:00:00.1",  "0000:00:00.7",     "0000:00:01.0",
                "0000:00:1f.7", "0000:01:00.0",  "0000:ff:1f.7",     "0001:00:00.0",
                "ffff:ff:1f.7", "10000:00:00.0", "80000000:00:00.0", "ffffffff:ff:1f.7",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t j = 0; j < ELEMENTSOF(rows); j++) {
                        struct pci_address a = at(rows[i]), b = at(rows[j]);
                        int order = pci_address_compare(&a, &b);

                        assert_row((order > 0) - (order < 0) == (i > j) - (i < j), "%s and %s", rows[i],
                                   rows[j]);
                }
}

static void test_slots(void **state) {
        static const struct {
                const char *a, *b;
                bool same;
        } rows[] = {
                { "65:00.0", "65:00.0", true },       { "65:00.0", "65:00.7", true },
                { "65:00.0", "65:01.0", false },      { "65:00.0", "66:00.0", false },
                { "65:00.0", "0001:65:00.0", false }, { "10000:00:00.0", "00:00.0", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct pci_address a = at(rows[i].a), b = at(rows[i].b);

                assert_row(pci_address_same_slot(&a, &b) == rows[i].same, "%s and %s", rows[i].a, rows[i].b);
                assert_row(pci_address_same_slot(&b, &a) == rows[i].same, "%s and %s", rows[i].b, rows[i].a);
        }
}

UNIT_MAIN(cmocka_unit_test(test_well_formed), cmocka_unit_test(test_ill_formed), cmocka_unit_test(test_huge),
          cmocka_unit_test(test_round_trip), cmocka_unit_test(test_order), cmocka_unit_test(test_slots))
