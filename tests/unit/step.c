/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Steps and findings in words. */

#include "service/move/steps/step.h"
#include "service/usage/finding.h"
#include "tests/unit/unit.h"

static void test_names(void **state) {
        static const struct {
                enum step_kind kind;
                const char *name;
        } rows[] = {
                { STEP_LOAD_MODULE, "load-module" },
                { STEP_OVERRIDE, "override" },
                { STEP_UNBIND, "unbind" },
                { STEP_PROBE, "probe" },
                { STEP_BIND, "bind" },
                { STEP_WAIT_NODE, "wait-node" },
                { STEP_REMOVE_SLOT, "remove-slot" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(step_kind_name(rows[i].kind), rows[i].name);
        for (enum step_kind kind = 0; kind < _STEP_KIND_MAX; kind++)
                assert_row(step_kind_name(kind), "kind %d", kind);
}

/* Every step, with an argument and without, is a sentence about the function. */
static void test_sentences(void **state) {
        static const char *const arguments[] = { "", "vfio-pci", "14" };
        struct pci_address address = at("0000:65:00.0");
        _cleanup_free_ char *bind = NULL, *clear = NULL, *virtual = NULL;

        for (enum step_kind kind = 0; kind < _STEP_KIND_MAX; kind++)
                for (size_t i = 0; i < ELEMENTSOF(arguments); i++) {
                        _cleanup_free_ char *text = step_describe(kind, &address, 0, arguments[i]);

                        assert_row(text && strstr(text, "0000:65:00.0"), "kind %d", kind);
                }

        bind = step_describe(STEP_BIND, &address, 0, "vfio-pci");
        assert_string_equal(bind, "binding 0000:65:00.0 to vfio-pci");
        clear = step_describe(STEP_OVERRIDE, &address, 0, "");
        assert_string_equal(clear, "clearing the driver override of 0000:65:00.0");
        virtual = step_describe(STEP_BIND, &address, 3, "vfio-pci");
        assert_string_equal(virtual, "binding virtual function 3 of 0000:65:00.0 to vfio-pci");
}

static void test_kinds_of_findings(void **state) {
        static const char *const names[] = { "mounted", "swap", "bridge", "iommu", "group" };
        bool known[ELEMENTSOF(names)] = {};

        for (enum finding_kind kind = 0; kind < _FINDING_KIND_MAX; kind++) {
                assert_row(finding_kind_name(kind), "kind %d", kind);
                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        known[i] |= streq(finding_kind_name(kind), names[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_row(known[i], "%s", names[i]);
        assert_string_equal(severity_name(SEVERITY_WARN), "warn");
        assert_string_equal(severity_name(SEVERITY_FORCE), "force");
        assert_string_equal(severity_name(SEVERITY_REFUSE), "refuse");
}

static void test_findings(void **state) {
        _cleanup_findings_ struct findings findings = {};
        struct pci_address a = at("0000:65:00.0"), b = at("0000:65:00.1");

        /* Of those of a kind, address and subject the more severe stays. */
        assert_ok(findings_add(&findings, FINDING_MOUNTED, SEVERITY_FORCE, &a, "/mnt", "%s is mounted",
                               "/mnt"));
        assert_ok(findings_add(&findings, FINDING_MOUNTED, SEVERITY_REFUSE, &a, "/mnt", "again"));
        assert_int_equal(findings.n, 1);
        assert_int_equal(findings.array[0].severity, SEVERITY_REFUSE);
        assert_string_equal(findings.array[0].message, "again");

        assert_ok(findings_add(&findings, FINDING_MOUNTED, SEVERITY_FORCE, &b, "/mnt", "x"));
        assert_ok(findings_add(&findings, FINDING_MOUNTED, SEVERITY_FORCE, &a, "/", "x"));
        assert_ok(findings_add(&findings, FINDING_SWAP, SEVERITY_FORCE, &a, "/mnt", "x"));
        assert_int_equal(findings.n, 4);

        findings_clear(&findings);
        assert_int_equal(findings.n, 0);
        assert_ok(findings_add(&findings, FINDING_SWAP, SEVERITY_REFUSE, &a, "/dev/sda", "x"));
        assert_int_equal(findings.n, 1);
}

UNIT_MAIN(cmocka_unit_test(test_names), cmocka_unit_test(test_sentences),
          cmocka_unit_test(test_kinds_of_findings), cmocka_unit_test(test_findings))
