/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The order of steps from one state of a function to another. */

#include "service/move/plan/plan.h"
#include "tests/unit/unit.h"

static const struct {
        const char *driver, *override; /* from */
        const char *backend;           /* to: NULL for a host driver and for none */
        const char *to_driver, *to_override;
        const char *pick; /* the host modules; NULL: no picking */
        const char *steps;
} rows[] = {
        /* to VFIO: the override first, so that no probe in between can take it; the node last */
        { "e1000e", "", "vfio", "vfio-pci", "vfio-pci", NULL,
          "override vfio-pci; unbind e1000e; bind vfio-pci; wait-node 14; " },
        { "", "", "vfio", "vfio-pci", "vfio-pci", NULL, "override vfio-pci; bind vfio-pci; wait-node 14; " },
        { "", "none", "vfio", "vfio-pci", "vfio-pci", NULL,
          "override vfio-pci; bind vfio-pci; wait-node 14; " },
        { "e1000e", "vfio-pci", "vfio", "vfio-pci", "vfio-pci", NULL,
          "unbind e1000e; bind vfio-pci; wait-node 14; " },
        { "", "vfio-pci", "vfio", "vfio-pci", "vfio-pci", NULL, "bind vfio-pci; wait-node 14; " },
        { "vfio-pci", "vfio-pci", "vfio", "mlx5_vfio_pci", "mlx5_vfio_pci", NULL,
          "override mlx5_vfio_pci; unbind vfio-pci; bind mlx5_vfio_pci; wait-node 14; " },
        /* it does not leave: only the override */
        { "vfio-pci", "", "vfio", "vfio-pci", "vfio-pci", NULL, "override vfio-pci; " },
        { "vfio-pci", "vfio-pci", "vfio", "vfio-pci", "vfio-pci", NULL, "" },
        /* the stubs have no node */
        { "e1000e", "", "kvm", "pci-stub", "pci-stub", NULL,
          "override pci-stub; unbind e1000e; bind pci-stub; " },
        { "vfio-pci", "vfio-pci", "xen", "pciback", "pciback", NULL,
          "override pciback; unbind vfio-pci; bind pciback; " },
        /* pciback forgets what leaves it, before anything else can be probed */
        { "pciback", "pciback", NULL, "e1000e", "", NULL,
          "override ; unbind pciback; remove-slot pciback; bind e1000e; " },
        { "pciback", "", NULL, "", "", "e1000e", "unbind pciback; remove-slot pciback; probe e1000e; " },
        { "pciback", "pciback", NULL, "", "none", NULL,
          "override none; unbind pciback; remove-slot pciback; " },
        { "pciback", "pciback", "vfio", "vfio-pci", "vfio-pci", NULL,
          "override vfio-pci; unbind pciback; remove-slot pciback; bind vfio-pci; wait-node 14; " },
        { "pciback", "", "xen", "pciback", "pciback", NULL, "override pciback; " },
        /* to no driver */
        { "e1000e", "", NULL, "", "none", NULL, "override none; unbind e1000e; " },
        { "", "", NULL, "", "none", NULL, "override none; " },
        { "vfio-pci", "vfio-pci", NULL, "", "", NULL, "override ; unbind vfio-pci; " },
        /* to a host driver */
        { "vfio-pci", "vfio-pci", NULL, "e1000e", "", NULL, "override ; unbind vfio-pci; bind e1000e; " },
        { "", "none", NULL, "e1000e", "", NULL, "override ; bind e1000e; " },
        { "e1000", "", NULL, "e1000e", "", NULL, "unbind e1000; bind e1000e; " },
        { "e1000e", "x", NULL, "e1000e", "", NULL, "override ; " },
        { "vfio-pci", "vfio-pci", NULL, "e1000e", "e1000e", NULL,
          "override e1000e; unbind vfio-pci; bind e1000e; " },
        /* an override that names another driver would keep its own out: it comes late */
        { "vfio-pci", "vfio-pci", NULL, "e1000e", "mine", NULL,
          "override ; unbind vfio-pci; bind e1000e; override mine; " },
        { "vfio-pci", "", NULL, "e1000e", "mine", NULL, "unbind vfio-pci; bind e1000e; override mine; " },
        { "", "mine", NULL, "e1000e", "mine", NULL, "override ; bind e1000e; override mine; " },
        { "e1000e", "", NULL, "e1000e", "mine", NULL, "override mine; " },
        { "vfio-pci", "vfio-pci", NULL, "", "mine", NULL, "override mine; unbind vfio-pci; " },
        /* the kernel picks */
        { "vfio-pci", "vfio-pci", NULL, "", "", "e1000e igb",
          "override ; unbind vfio-pci; probe e1000e igb; " },
        { "", "none", NULL, "", "", "e1000e", "override ; probe e1000e; " },
        { "", "", NULL, "", "", "", "probe ; " },
        { "vfio-pci", "vfio-pci", NULL, "", "mine", "e1000e",
          "override mine; unbind vfio-pci; probe e1000e; " },
};

static void describe(const struct step *steps, size_t n, char buffer[static 1024]) {
        size_t length = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < n; i++)
                length += (size_t) snprintf(buffer + length, 1024 - length, "%s %s; ",
                                            step_kind_name(steps[i].kind), steps[i].argument);
}

static struct target target_of(size_t i) {
        struct target target = { .backend = rows[i].backend ? backend_by_name(rows[i].backend) : NULL,
                                 .pick = rows[i].pick };

        strcpy(target.driver, rows[i].to_driver);
        strcpy(target.override, rows[i].to_override);
        strcpy(target.modules, strempty(rows[i].pick));
        return target;
}

static void test_routes(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ struct step *steps = NULL;
                struct target target = target_of(i);
                char text[1024];
                size_t n = 0;

                assert_ok(route(rows[i].driver, rows[i].override, &target, 14, 3, &steps, &n));
                describe(steps, n, text);
                assert_row(streq(text, rows[i].steps), "row %zu: %s", i, text);
                for (size_t j = 0; j < n; j++)
                        assert_int_equal(steps[j].movement, 3);
        }
}

/* Played on a function, each route ends where it should, and no step meets a state that it cannot start
 * from. */
static void test_routes_arrive(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ struct step *steps = NULL;
                const char *driver = rows[i].driver, *override = rows[i].override;
                struct target target = target_of(i);
                size_t n = 0;

                assert_ok(route(driver, override, &target, 14, 0, &steps, &n));
                for (size_t j = 0; j < n; j++)
                        switch (steps[j].kind) {
                        case STEP_OVERRIDE:
                                override = steps[j].argument;
                                break;
                        case STEP_UNBIND:
                                assert_string_equal(driver, steps[j].argument);
                                driver = "";
                                break;
                        case STEP_BIND:
                                assert_string_equal(driver, "");
                                assert_true(streq(override, "") || streq(override, steps[j].argument));
                                driver = steps[j].argument;
                                break;
                        case STEP_PROBE:
                        case STEP_REMOVE_SLOT:
                                assert_string_equal(driver, "");
                                break;
                        default:
                                assert_int_equal(steps[j].kind, STEP_WAIT_NODE);
                        }
                assert_row(streq(driver, rows[i].to_driver) && streq(override, rows[i].to_override),
                           "row %zu: %s/%s", i, driver, override);
        }
}

/* Steps are added to those that are there. A function in no group has no node that could be waited for. */
static void test_appends(void **state) {
        _cleanup_free_ struct step *steps = NULL;
        struct target target = target_of(0);
        size_t n = 0;

        assert_ok(route("a", "", &target, 1, 0, &steps, &n));
        assert_ok(route("b", "", &target, -1, 1, &steps, &n));
        assert_int_equal(n, 7);
        assert_int_equal(steps[3].kind, STEP_WAIT_NODE);
        assert_string_equal(steps[1].argument, "a");
        assert_string_equal(steps[5].argument, "b");
        assert_int_equal(steps[3].movement, 0);
        assert_int_equal(steps[4].movement, 1);
}

UNIT_MAIN(cmocka_unit_test(test_routes), cmocka_unit_test(test_routes_arrive),
          cmocka_unit_test(test_appends))
