/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who has the functions of pciback, asked of a stand-in for xenstored. */

#include <errno.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"
#include "tests/unit/xenstored.h"

#define NIC "0000:01:00.0"
#define TWIN "0000:01:00.1"
#define HOST "0000:02:00.0"
#define PHYSICAL "0000:03:00.0"
#define VIRTUAL "0000:03:00.1"
#define NOT_OF_XEN "virtual-functions " PHYSICAL " 1 force,"
#define BACKENDS "/local/domain/0/backend/pci"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "pciback" },
        { .address = TWIN, .class_code = 0x020000, .driver = "pciback" },
        { .address = HOST, .class_code = 0x020000, .driver = "e1000e" },
        { .address = PHYSICAL, .class_code = 0x020000, .driver = "igb", .total_vfs = "7", .vfs = VIRTUAL },
        { .address = VIRTUAL, .class_code = 0x020000, .driver = "pciback", .physical = PHYSICAL },
};

static int setup(void **state) {
        *state = setting_new(functions, ELEMENTSOF(functions));
        return 0;
}

static int teardown(void **state) {
        *state = setting_free(*state);
        return 0;
}

static void test_domains(void **state) {
        static const struct key keys[] = {
                { "/local/domain/0/name", "Domain-0" },
                { BACKENDS "/3/0/num_devs", "3" },
                { BACKENDS "/3/0/dev-0", "0000:07:00.0" },
                { BACKENDS "/3/0/dev-1", NIC },
                { BACKENDS "/3/0/dev-2", HOST },
                { BACKENDS "/3/0/state", "4" },
                /* its domain has gone */
                { BACKENDS "/4/0/num_devs", "1" },
                { BACKENDS "/4/0/dev-0", TWIN },
                { BACKENDS "/4/0/state", "6" },
                /* one that has been taken away again, and what is no address */
                { BACKENDS "/12/0/num_devs", "3" },
                { BACKENDS "/12/0/dev-1", "nonsense" },
                { BACKENDS "/12/0/dev-2", TWIN },
                { BACKENDS "/12/0/dev-3", NIC },
        };
        struct xenstored xenstored = { .keys = keys, .n = ELEMENTSOF(keys) };
        struct setting *setting = *state;

        xenstored_start(&xenstored, setting->tree);
        expect_findings(setting, "domain " NIC " 3 refuse,domain " TWIN
                                 " 12 refuse,virtual-functions " PHYSICAL " 1 force,");
        xenstored_stop(&xenstored);
}

/* A physical function takes its virtual ones along, whoever has them. */
static void test_virtual_function(void **state) {
        static const struct key keys[] = {
                { BACKENDS "/5/0/num_devs", "1" },
                { BACKENDS "/5/0/dev-0", VIRTUAL },
        };
        struct xenstored xenstored = { .keys = keys, .n = ELEMENTSOF(keys) };
        struct setting *setting = *state;

        xenstored_start(&xenstored, setting->tree);
        expect_findings(setting, "virtual-functions " PHYSICAL " 1 refuse,domain " VIRTUAL " 5 refuse,");
        xenstored_stop(&xenstored);
        expect_findings(setting, NOT_OF_XEN);
}

static void test_no_domains(void **state) {
        static const struct key keys[] = { { "/local/domain/0/name", "Domain-0" } };
        struct xenstored xenstored = { .keys = keys, .n = ELEMENTSOF(keys) };
        struct setting *setting = *state;

        /* No toolstack at all; one that has made nothing; one that was killed. */
        expect_findings(setting, NOT_OF_XEN);
        xenstored_start(&xenstored, setting->tree);
        expect_findings(setting, NOT_OF_XEN);
        xenstored_stop(&xenstored);
        expect_findings(setting, NOT_OF_XEN);
}

/* What cannot be known is no "nobody". */
static void test_faults(void **state) {
        static const struct {
                enum fault fault;
                int error;
        } rows[] = { { FAULT_HANG_UP, -EBADMSG },
                     { FAULT_LONG, -EBADMSG },
                     { FAULT_TYPE, -EBADMSG },
                     { FAULT_ERROR, -EIO } };
        struct setting *setting = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct usage_query query = { setting->tree->root, setting->functions, setting->n };
                struct xenstored xenstored = { .fault = rows[i].fault };
                _cleanup_findings_ struct findings findings = {};

                xenstored_start(&xenstored, setting->tree);
                assert_int_equal(usage_look(&query, &findings), rows[i].error);
                xenstored_stop(&xenstored);
        }
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_domains), ON_HOST(test_virtual_function), ON_HOST(test_no_domains),
          ON_HOST(test_faults))
