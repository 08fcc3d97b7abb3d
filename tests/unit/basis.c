/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a plan rests on, when it is made again: nothing has happened, or this has. */

#include "service/move/plan/basis.h"
#include "tests/unit/unit.h"

/* The plan for one function, and for a second one where it is named. */
struct sketch {
        const char *driver, *override, *target;
        uint64_t identity;
        const char *other;  /* another function that moves, or */
        const char *stays;  /* stays where it is */
        const char *found;  /* an interface in use */
        enum step_kind way; /* the step by which it gets there */
};

static const struct sketch usual = {
        .driver = "e1000e", .override = "", .target = "vfio-pci", .identity = 1, .found = "eth0", .way = STEP_BIND,
};

static void add(struct movement *movement, const char *address, const struct sketch *sketch) {
        *movement = (struct movement){
                .address = at(address),
                .identity = sketch->identity,
                .old_driver = (char *) sketch->driver,
                .old_override = (char *) sketch->override,
        };
        strcpy(movement->target.driver, sketch->target);
}

/* The text that the plan of SKETCH rests on, and what FAILURE becomes where that is held against BASIS. */
static char *draw(const struct sketch *sketch, const char *basis, struct failure *failure) {
        struct movement movements[2], staying[1];
        struct step step = { .kind = sketch->way };
        struct plan plan = { .movements = movements, .staying = staying, .steps = &step, .n_steps = 1 };
        struct pci_address nic = at("0000:01:00.0");
        char *text;

        strcpy(step.argument, sketch->target);
        add(&movements[plan.n_movements++], "0000:01:00.0", sketch);
        if (sketch->other)
                add(&movements[plan.n_movements++], sketch->other, sketch);
        if (sketch->stays)
                add(&staying[plan.n_staying++], sketch->stays, sketch);
        if (sketch->found)
                assert_ok(findings_add(&plan.findings, FINDING_NETWORK, SEVERITY_FORCE, &nic, sketch->found, "x"));

        text = plan_basis(&plan);
        assert_non_null(text);
        if (basis) {
                int r = plan_check_basis(&plan, basis, failure);

                assert_int_equal(r < 0, failure->kind != FAILURE_NONE);
        }
        findings_clear(&plan.findings);
        return text;
}

#define SINCE "Since the plan was made, "

static void test_what_has_changed(void **state) {
        static const struct {
                struct sketch now;
                const char *message; /* NULL: it is the same plan */
        } rows[] = {
                { { "e1000e", "", "vfio-pci", 1, NULL, NULL, "eth0", STEP_BIND }, NULL },
                { { "e1000e", "", "vfio-pci", 1, NULL, NULL, "eth1", STEP_BIND },
                  SINCE "0000:01:00.0 is found to be in use otherwise (network): plan again" },
                { { "e1000e", "", "vfio-pci", 1, NULL, NULL, NULL, STEP_BIND },
                  SINCE "0000:01:00.0 is no longer in use as it was (network): plan again" },
                { { "e1000e", "", "vfio-pci", 2, NULL, NULL, "eth0", STEP_BIND },
                  SINCE "another device has come to 0000:01:00.0: plan again" },
                { { "igb", "", "vfio-pci", 1, NULL, NULL, "eth0", STEP_BIND },
                  SINCE "0000:01:00.0 has changed its driver from e1000e to igb: plan again" },
                { { "", "", "vfio-pci", 1, NULL, NULL, "eth0", STEP_BIND },
                  SINCE "0000:01:00.0 has changed its driver from e1000e to none: plan again" },
                { { "e1000e", "igb", "vfio-pci", 1, NULL, NULL, "eth0", STEP_BIND },
                  SINCE "the target of 0000:01:00.0 or its driver override has changed: plan again" },
                { { "e1000e", "", "pci-stub", 1, NULL, NULL, "eth0", STEP_BIND },
                  SINCE "the target of 0000:01:00.0 or its driver override has changed: plan again" },
                { { "e1000e", "", "vfio-pci", 1, "0000:01:00.1", NULL, "eth0", STEP_BIND },
                  SINCE "0000:01:00.1 has become part of what is to be moved: plan again" },
                { { "e1000e", "", "vfio-pci", 1, NULL, "0000:01:00.1", "eth0", STEP_BIND },
                  SINCE "0000:01:00.1 has become part of what is to be moved: plan again" },
                { { "e1000e", "", "vfio-pci", 1, NULL, NULL, "eth0", STEP_PROBE },
                  SINCE "the steps for 0000:01:00.0 have changed (probe): plan again" },
        };
        _cleanup_free_ char *basis = draw(&usual, NULL, NULL);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_failure_ struct failure failure = {};
                _cleanup_free_ char *now = draw(&rows[i].now, basis, &failure);

                assert_row(streq(now, basis) == !rows[i].message, "row %zu", i);
                assert_int_equal(failure.kind, rows[i].message ? FAILURE_STATE_CHANGED : FAILURE_NONE);
                if (rows[i].message)
                        assert_string_equal(failure.message, rows[i].message);
        }
}

/* The other way round: what was part of the plan is no longer. */
static void test_no_longer_there(void **state) {
        struct sketch with_other = usual;
        _cleanup_failure_ struct failure failure = {};
        _cleanup_free_ char *basis = NULL, *now = NULL;

        with_other.other = "0000:01:00.1";
        basis = draw(&with_other, NULL, NULL);
        now = draw(&usual, basis, &failure);
        assert_string_equal(failure.message,
                            SINCE "0000:01:00.1 is no longer part of what is to be moved: plan again");
}

UNIT_MAIN(cmocka_unit_test(test_what_has_changed), cmocka_unit_test(test_no_longer_there))
