/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Resets, as they are planned, carried out and undone; what the kernel makes of them is for the simulated
 * host. */

#include "service/move/steps/reset.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define FIXED "0000:02:00.0"
#define OLD "0000:03:00.0"
#define BRIDGE "0000:00:1c.0"

static const struct fake_function functions[] = {
        { .address = NIC,
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "1",
          .override = "e1000e",
          .reset_methods = "flr pm bus" },
        { .address = FIXED, .class_code = 0x020000, .driver = "e1000e", .group = "2" },
        { .address = OLD, .class_code = 0x020000, .driver = "vfio-pci", .group = "3" },
        { .address = BRIDGE, .class_code = 0x060400, .bridge = true, .group = "4", .reset_methods = "pm" },
};

static int setup(void **state) {
        struct stage *stage;

        stage_setup(state);
        stage = *state;
        tree_write(stage->host.tree, "sys/bus/pci/devices/" OLD "/reset", "%s", "");
        host_scan(&stage->host);
        host_update(&stage->host, OLD, MOVED_BY_KERNEL);
        return 0;
}

static void test_words(void **state) {
        static const char *const good[] = { "flr", "af_flr", "device_specific", "pm", "x1" };
        static const char *const bad[] = { "", "FLR", "flr pm", "flr\n", " flr", "pm-", "\xc3\xa9" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_row(reset_method_is_name(good[i]), "%s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_row(!reset_method_is_name(bad[i]), "%s", bad[i]);

        assert_true(reset_methods_have("af_flr flr bus", "flr"));
        assert_true(reset_methods_have("flr", "flr"));
        assert_false(reset_methods_have("af_flr cxl_bus", "flr"));
        assert_false(reset_methods_have("flr", "fl"));
        assert_false(reset_methods_have("", "flr"));
}

static const struct home *no_home(const struct function *f, void *userdata) {
        return NULL;
}

/* The step, the findings and the permissions; or the kind of failure. */
static void test_plans(void **state) {
        static const struct {
                const char *address, *method;
                enum failure_kind kind;
                unsigned flags;
                const char *findings, *permissions, *methods;
        } rows[] = {
                { NIC, "", FAILURE_NONE, 0, "", "reset ", "flr pm bus" },
                { NIC, "pm", FAILURE_NONE, PLAN_FORCE, "", "reset force ", "flr pm bus" },
                { OLD, "", FAILURE_NONE, 0, "", "reset ", NULL },
                { BRIDGE, "", FAILURE_NONE, 0, "bridge ", "reset ", "pm" },
                { NIC, "acpi", FAILURE_NOT_SUPPORTED },
                { NIC, "default", FAILURE_NOT_SUPPORTED },
                { NIC, "fl", FAILURE_NOT_SUPPORTED },
                { NIC, "FLR", FAILURE_INVALID_ARGUMENT },
                { NIC, "flr pm", FAILURE_INVALID_ARGUMENT },
                { FIXED, "", FAILURE_NOT_SUPPORTED },
                { FIXED, "flr", FAILURE_NOT_SUPPORTED },
                { OLD, "flr", FAILURE_NOT_SUPPORTED },
        };
        static const struct findings none;
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct request request = { .errand = ERRAND_RESET,
                                                 .word = rows[i].method,
                                                 .flags = rows[i].flags };
                struct function *f = host_function(&stage->host, rows[i].address);
                _cleanup_failure_ struct failure failure = {};
                _cleanup_(plan_freep) struct plan *plan = NULL;
                char findings[64] = "", permissions[64] = "";

                plan_make(stage->host.model, &f, 1, &request, "auto",
                          &(const struct memory){ .home = no_home }, &none, &plan, &failure);
                assert_row(failure.kind == rows[i].kind, "row %zu: %s", i, strempty(failure.message));
                assert_row(!plan == !!rows[i].kind, "row %zu", i);
                if (!plan)
                        continue;

                assert_int_equal(plan->n_steps, 1);
                assert_int_equal(plan->steps[0].kind, STEP_RESET);
                assert_string_equal(plan->steps[0].argument, rows[i].method);
                for (size_t j = 0; j < plan->findings.n; j++)
                        strcat(strcat(findings, finding_kind_name(plan->findings.array[j].kind)), " ");
                for (size_t j = 0; j < plan->n_permissions; j++)
                        strcat(strcat(permissions, plan->permissions[j].action), " ");
                assert_string_equal(findings, rows[i].findings);
                assert_string_equal(permissions, rows[i].permissions);
                assert_string_equal(strempty(plan->movements[0].old_reset_methods),
                                    strempty(rows[i].methods));
        }
}

/* It is where it was all the time, and nobody is told that it moved. */
static void assert_untouched(struct stage *stage) {
        assert_string_equal(stage_state(stage, NIC), "e1000e/e1000e");
        assert_string_equal(host_function(&stage->host, NIC)->home, "");
        assert_false(stage_is_busy(stage, NIC));
        stage_expect_records(stage, "");
}

static void begin_with_override(struct stage *stage) {
        tree_write(stage->host.tree, "overrides/" NIC, "e1000e\n");
        assert_ok(model_set_override(stage->host.model, host_function(&stage->host, NIC), "e1000e"));
}

static void test_done(void **state) {
        struct stage *stage = *state;
        struct answer *answer;

        begin_with_override(stage);
        answer = stage_wait(stage, stage_begin_errand(stage, ERRAND_RESET, NIC, ""));
        assert_int_equal(answer->kind, FAILURE_NONE);
        assert_string_equal(answer->value, "flr");
        stage_expect_log(stage, true, "reset " NIC "\n");
        assert_untouched(stage);

        answer = stage_wait(stage, stage_begin_errand(stage, ERRAND_RESET, NIC, "pm"));
        assert_string_equal(answer->value, "pm");
        stage_expect_log(stage, true, "reset " NIC " pm\n");
        assert_untouched(stage);
}

/* Whatever comes of it, the list is put back, and the caller told. */
static void test_failures(void **state) {
        static const struct {
                const char *words;
                enum failure_kind kind;
                const char *message; /* what is in it */
        } rows[] = {
                { "error 25", FAILURE_NOT_SUPPORTED, "works for it as it is now: flr pm bus" }, /* ENOTTY */
                { "error 95", FAILURE_NOT_SUPPORTED, "does not offer it" },        /* EOPNOTSUPP */
                { "error 117", FAILURE_NOT_SUPPORTED, "without losing its list" }, /* EUCLEAN */
                { "error 5", FAILURE_MOVE_FAILED,
                  "Resetting " NIC " failed: Input/output error; everything" },
                { "die", FAILURE_MOVE_FAILED, "The worker was killed while resetting " NIC },
                { "done-die", FAILURE_MOVE_FAILED, "The worker was killed" },
        };
        struct stage *stage = *state;

        begin_with_override(stage);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct answer *answer;

                stage_fault(stage, "reset", NIC, 1, rows[i].words);
                answer = stage_wait(stage, stage_begin_errand(stage, ERRAND_RESET, NIC, ""));
                assert_row(answer->kind == rows[i].kind && strstr(answer->message, rows[i].message),
                           "row %zu: %s", i, answer->message);
                stage_expect_log(stage, true,
                                 "reset " NIC "\nlook " NIC "\nreset-methods " NIC " flr pm bus\nlook " NIC
                                 "\n");
                assert_untouched(stage);
        }
}

/* A service that was killed meanwhile puts it back when it is there again. */
static void test_killed(void **state) {
        struct stage *stage = *state;

        begin_with_override(stage);
        stage_fault(stage, "reset", NIC, 1, "hang");
        stage_begin_errand(stage, ERRAND_RESET, NIC, "pm");
        stage_wait_order(stage, "reset " NIC " pm");
        stage_stop(stage);
        stage_start(stage);
        assert_true(stage_is_busy(stage, NIC));
        stage_release(stage);
        stage_settle(stage);
        stage_expect_log(stage, true,
                         "reset " NIC " pm\nlook " NIC "\nreset-methods " NIC " flr pm bus\nlook " NIC "\n");
        assert_untouched(stage);
}

#define ON_DESK(test) cmocka_unit_test_prestate_setup_teardown(test, setup, stage_teardown, CAST(functions))

UNIT_MAIN(cmocka_unit_test(test_words), ON_DESK(test_plans), ON_DESK(test_done), ON_DESK(test_failures),
          ON_DESK(test_killed))
