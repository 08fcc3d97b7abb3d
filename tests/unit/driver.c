/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Kinds of drivers, and what each means for the viability of a group. */

#include "service/host/driver.h"
#include "tests/unit/unit.h"

static void test_kinds(void **state) {
        static const struct {
                const char *driver;
                enum driver_kind kind;
                const char *name;
                bool passthrough, viable;
        } rows[] = {
                { "", DRIVER_NONE, "none", false, true },
                { "vfio-pci", DRIVER_VFIO, "vfio", true, true },
                { "mlx5_vfio_pci", DRIVER_VFIO, "vfio", true, true },
                { "hisi_acc_vfio_pci", DRIVER_VFIO, "vfio", true, true },
                { "nvgrace_gpu_vfio_pci", DRIVER_VFIO, "vfio", true, true },
                { "odd-vfio-pci", DRIVER_VFIO, "vfio", true, true },
                { "pci-stub", DRIVER_KVM, "kvm", true, true },
                { "pciback", DRIVER_XEN, "xen", true, false },
                { "pcieport", DRIVER_HOST, "host", false, true },
                { "shpchp", DRIVER_HOST, "host", false, false },
                { "lpc_ich", DRIVER_HOST, "host", false, false },
                { "e1000e", DRIVER_HOST, "host", false, false },
                { "nvme", DRIVER_HOST, "host", false, false },
                /* a name that only begins, or is written, like another */
                { "vfio", DRIVER_HOST, "host", false, false },
                { "vfio-pci2", DRIVER_HOST, "host", false, false },
                { "VFIO-PCI", DRIVER_HOST, "host", false, false },
                { "vfio_pci", DRIVER_HOST, "host", false, false },
                { "_vfio_pci", DRIVER_HOST, "host", false, false },
                { "novfio_pci", DRIVER_HOST, "host", false, false },
                { "none", DRIVER_HOST, "host", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                enum driver_kind kind = driver_kind(rows[i].driver);

                assert_row(kind == rows[i].kind, "\"%s\"", rows[i].driver);
                assert_string_equal(driver_kind_name(kind), rows[i].name);
                assert_row(driver_kind_is_passthrough(kind) == rows[i].passthrough, "\"%s\"",
                           rows[i].driver);
                assert_row(driver_keeps_group_viable(rows[i].driver, kind) == rows[i].viable, "\"%s\"",
                           rows[i].driver);
        }
}

/* A variant that only its vfio-dev directory gives away. */
static void test_unknown_variant(void **state) {
        assert_true(driver_keeps_group_viable("new_driver", DRIVER_VFIO));
}

UNIT_MAIN(cmocka_unit_test(test_kinds), cmocka_unit_test(test_unknown_variant))
