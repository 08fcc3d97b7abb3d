/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which backends a host can serve, why not, and what `auto` comes to: this order is the point of the
 * project. */

#include "service/move/plan/backend.h"
#include "tests/unit/host.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

/* How a driver and its module are there, one letter for each backend:
 *      r registered, R registered though modprobe.d bans the module, l loadable, m missing, b blacklisted, i
 * an install line, L loaded without a driver */
static void make_host(struct host *host, bool groups, const char *features, const char *states) {
        static const struct fake_function with_group = { .address = "0000:01:00.0", .group = "1" },
                                          without = { .address = "0000:01:00.0" };
        char modules[256] = "", bans[256] = "", loaded[256] = "";
        const struct backend *all;
        size_t n;

        host_init(host, groups ? &with_group : &without, 1);
        all = backends(&n);
        assert_int_equal(n, strlen(states));
        for (size_t i = 0; i < n; i++) {
                if (states[i] == 'r' || states[i] == 'R')
                        tree_driver(host->tree, all[i].driver);
                if (states[i] != 'm')
                        sprintf(modules + strlen(modules), "%s loadable\n", all[i].module);
                if (states[i] == 'b')
                        sprintf(bans + strlen(bans), "blacklist %s\n", all[i].module);
                if (states[i] == 'i' || states[i] == 'R')
                        sprintf(bans + strlen(bans), "install %s /bin/true\n", all[i].module);
                if (states[i] == 'L')
                        sprintf(loaded + strlen(loaded), "%s ", all[i].module);
        }

        modules_make(host->tree, modules);
        modules_loaded(loaded);
        tree_write(host->tree, "etc/modprobe.d/local.conf", "%s", bans);
        if (features)
                tree_write(host->tree, "sys/hypervisor/properties/features", "%s\n", features);
        host_open(host);
        host_scan(host);
}

static void test_policy(void **state) {
        static const struct {
                bool groups;
                const char *features; /* NULL: no such file */
                const char *states;   /* of vfio, kvm and xen */
                const char *available;
                const char *selected; /* "": nothing */
        } rows[] = {
                /* VFIO wherever it works */
                { true, NULL, "lll", "110", "vfio" },
                { true, NULL, "rrr", "110", "vfio" },
                { true, NULL, "Rmm", "100", "vfio" },
                { true, NULL, "lmm", "100", "vfio" },
                /* no IOMMU */
                { false, NULL, "lll", "010", "kvm" },
                { false, NULL, "rrr", "010", "kvm" },
                { false, NULL, "lmm", "000", "" },
                /* no VFIO */
                { true, NULL, "mll", "010", "kvm" },
                { true, NULL, "bll", "010", "kvm" },
                { true, NULL, "ill", "010", "kvm" },
                { true, NULL, "Lll", "010", "kvm" },
                { true, NULL, "bbb", "000", "" },
                { true, NULL, "iii", "000", "" },
                { true, NULL, "mmm", "000", "" },
                /* Xen's dom0, by bit 11 */
                { false, "00000800", "lll", "011", "xen" },
                { false, "800", "lrr", "011", "xen" },
                { false, "00002f05", "lll", "011", "xen" },
                { false, "ffffffff", "lll", "011", "xen" },
                { true, "00000800", "lll", "111", "xen" },
                { false, "000007ff", "lll", "010", "kvm" },
                { false, "00001000", "lll", "010", "kvm" },
                { false, "", "lll", "010", "kvm" },
                { false, "zzz", "lll", "010", "kvm" },
                { false, "00000800", "llb", "010", "kvm" },
                { false, "00000800", "lbm", "000", "" },
                { true, "00000800", "lbi", "100", "vfio" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct backend *all, *selected;
                struct host host;
                size_t n;

                make_host(&host, rows[i].groups, rows[i].features, rows[i].states);
                all = backends(&n);
                for (size_t j = 0; j < n; j++) {
                        _cleanup_free_ char *reason = NULL;
                        int r = assert_ok(backend_available(&all[j], host.model, &reason));

                        assert_row(r == rows[i].available[j] - '0', "row %zu, %s: %s", i, all[j].name,
                                   strempty(reason));
                        assert_row(!r == !!reason, "row %zu, %s", i, all[j].name);
                }

                selected = backend_select("auto", host.model);
                assert_row(streq(selected ? selected->name : "", rows[i].selected), "row %zu: %s", i,
                           selected ? selected->name : "nothing");

                /* What is configured by name never becomes anything else. */
                for (size_t j = 0; j < n; j++)
                        assert_ptr_equal(backend_select(all[j].name, host.model), &all[j]);
                host_clear(&host);
        }
}

/* Why not, in words that name what to look at. */
static void test_reasons(void **state) {
        static const struct {
                bool groups;
                const char *features, *states, *backend, *words;
        } rows[] = {
                { false, NULL, "lll", "vfio", "IOMMU" },
                { false, "00000800", "lll", "vfio", "Xen" },
                { true, NULL, "mll", "vfio", "no module vfio_pci" },
                { true, NULL, "bll", "vfio", "blacklists the module vfio_pci" },
                { true, NULL, "lil", "kvm", "install line" },
                { true, NULL, "lLl", "kvm", "no driver pci-stub" },
                { true, NULL, "lll", "xen", "not a Xen dom0" },
                { false, "00000800", "llm", "xen", "no module xen_pciback" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *reason = NULL;
                struct host host;

                make_host(&host, rows[i].groups, rows[i].features, rows[i].states);
                assert_int_equal(backend_available(backend_by_name(rows[i].backend), host.model, &reason),
                                 0);
                assert_row(strstr(reason, rows[i].words), "row %zu: %s", i, reason);
                host_clear(&host);
        }
}

/* The kernel's own lists count as modprobe's do, and what is there already serves all the same. */
static void test_kept_out_by_the_kernel(void **state) {
        static const struct {
                const char *list, *disabled, *words;
        } rows[] = {
                { "vfio_pci", "0", "module_blacklist=" },
                { "(null)", "1", "kernel.modules_disabled" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *reason = NULL;
                struct host host;

                make_host(&host, true, NULL, "lrl");
                tree_write(host.tree, MODULE_BLACKLIST, "%s\n", rows[i].list);
                tree_write(host.tree, MODULES_DISABLED, "%s\n", rows[i].disabled);
                assert_string_equal(backend_select("auto", host.model)->name, "kvm");
                assert_int_equal(backend_available(backend_by_name("vfio"), host.model, &reason), 0);
                assert_row(strstr(reason, rows[i].words), "row %zu: %s", i, reason);
                host_clear(&host);
        }
}

/* The group that VFIO makes for itself without an IOMMU is no reason to prefer VFIO. */
static void test_noiommu(void **state) {
        struct host host;

        make_host(&host, true, NULL, "rrr");
        tree_write(host.tree, "sys/kernel/iommu_groups/1/name", "vfio-noiommu\n");
        host_close(&host);
        host_open(&host);
        host_scan(&host);
        assert_string_equal(backend_select("auto", host.model)->name, "kvm");
        host_clear(&host);
}

static void test_table(void **state) {
        static const struct {
                const char *name, *driver;
                enum driver_kind kind;
        } rows[] = { { "vfio", "vfio-pci", DRIVER_VFIO },
                     { "kvm", "pci-stub", DRIVER_KVM },
                     { "xen", "pciback", DRIVER_XEN } };
        const struct backend *all;
        size_t n;

        all = backends(&n);
        assert_int_equal(n, ELEMENTSOF(rows));
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(all[i].name, rows[i].name);
                assert_string_equal(all[i].driver, rows[i].driver);
                assert_int_equal(driver_kind(all[i].driver), rows[i].kind);
                assert_ptr_equal(backend_by_name(rows[i].name), &all[i]);
                assert_ptr_equal(backend_by_kind(rows[i].kind), &all[i]);
        }
        assert_null(backend_by_name("auto"));
        assert_null(backend_by_name(""));
        assert_null(backend_by_name("VFIO"));
        assert_null(backend_by_name("vfio-pci"));
        assert_null(backend_by_kind(DRIVER_HOST));
        assert_null(backend_by_kind(DRIVER_NONE));
}

UNIT_MAIN(cmocka_unit_test(test_policy), cmocka_unit_test(test_reasons),
          cmocka_unit_test(test_kept_out_by_the_kernel), cmocka_unit_test(test_noiommu),
          cmocka_unit_test(test_table))
