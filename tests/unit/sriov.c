/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The number of virtual functions, as it is planned, set and undone; what the kernel makes of it is for the
 * simulated host. */

#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NONE "0000:01:00.0"
#define QUIET "0000:02:00.0"
#define ONE "0000:03:00.0"
#define VIRTUAL "0000:03:00.1"
#define PLAIN "0000:04:00.0"
#define SINGLE "0000:05:00.0"

/* Without any, without any and not probed, with one, that can have none, and that can have one. */
static const struct fake_function functions[] = {
        { .address = NONE, .class_code = 0x020000, .driver = "igb", .group = "1", .total_vfs = "4" },
        { .address = QUIET, .class_code = 0x020000, .driver = "igb", .group = "2", .total_vfs = "300" },
        { .address = ONE,
          .class_code = 0x020000,
          .driver = "igb",
          .group = "3",
          .total_vfs = "4",
          .vfs = VIRTUAL },
        { .address = VIRTUAL, .class_code = 0x020000, .driver = "igb", .group = "4", .physical = ONE },
        { .address = PLAIN, .class_code = 0x020000, .driver = "igb", .group = "5" },
        { .address = SINGLE, .class_code = 0x020000, .driver = "igb", .group = "6", .total_vfs = "1" },
};

static int setup(void **state) {
        struct stage *stage;

        stage_setup(state);
        stage = *state;
        tree_write(stage->host.tree, "sys/bus/pci/devices/" QUIET "/sriov_drivers_autoprobe", "0\n");
        host_update(&stage->host, QUIET, MOVED_BY_KERNEL);
        return 0;
}

static size_t begin(struct stage *stage, const char *address, unsigned count, const char *word) {
        stage->count = count;
        return stage_begin_errand(stage, ERRAND_VIRTUAL_FUNCTIONS, address, word);
}

static const struct home *no_home(const struct function *f, void *userdata) {
        return NULL;
}

static struct plan *make(struct stage *stage, const char *address, unsigned count, const char *word,
                         const struct findings *findings, struct failure *failure) {
        const struct request request = { .errand = ERRAND_VIRTUAL_FUNCTIONS, .word = word, .count = count };
        const struct memory memory = { .home = no_home };
        struct function *f = host_function(&stage->host, address);
        static const struct findings none;
        struct plan *plan = NULL;

        (void) plan_make(stage->host.model, &f, 1, &request, "auto", &memory, findings ?: &none, &plan,
                         failure);
        return plan;
}

static void test_plans(void **state) {
        static const struct {
                const char *address;
                unsigned count;
                const char *word;
                enum failure_kind kind;
                const char *permissions;
        } rows[] = {
                { NONE, 4, "vfio", FAILURE_NONE, "virtual-functions bind " },
                { NONE, 4, "none", FAILURE_NONE, "virtual-functions bind " },
                { NONE, 4, "igb", FAILURE_NONE, "virtual-functions bind " },
                { NONE, 4, "host", FAILURE_NONE, "virtual-functions " },
                { NONE, 0, "vfio", FAILURE_NONE, "" },
                { ONE, 1, "vfio", FAILURE_NONE, "" },
                { ONE, 0, "xen", FAILURE_NONE, "virtual-functions " },
                { QUIET, 300, "host", FAILURE_NONE, "virtual-functions " },
                { QUIET, 256, "vfio", FAILURE_NONE, "virtual-functions bind " },
                { QUIET, 257, "vfio", FAILURE_INVALID_ARGUMENT },
                { NONE, 5, "host", FAILURE_INVALID_ARGUMENT },
                { NONE, UINT32_MAX, "vfio", FAILURE_INVALID_ARGUMENT },
                { VIRTUAL, 1, "vfio", FAILURE_NOT_SUPPORTED },
                { PLAIN, 0, "vfio", FAILURE_NOT_SUPPORTED },
                { NONE, 1, "xen", FAILURE_BACKEND_UNAVAILABLE },
                { NONE, 1, "nonesuch", FAILURE_NO_SUCH_DRIVER },
        };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_failure_ struct failure failure = {};
                _cleanup_(plan_freep) struct plan *plan =
                                make(stage, rows[i].address, rows[i].count, rows[i].word, NULL, &failure);
                char permissions[64] = "";

                assert_row(failure.kind == rows[i].kind && !plan == !!rows[i].kind, "row %zu: %s", i,
                           strempty(failure.message));
                for (size_t j = 0; plan && j < plan->n_permissions; j++)
                        strcat(strcat(permissions, plan->permissions[j].action), " ");
                assert_row(streq(permissions, strempty(rows[i].permissions)), "row %zu: %s", i, permissions);
        }
}

static void test_too_many(void **state) {
        static const struct {
                const char *address, *message;
        } rows[] = {
                { NONE, NONE " can have 4 virtual functions at most, and not 5" },
                { SINGLE, SINGLE " can have 1 virtual function at most, and not 5" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_failure_ struct failure failure = {};

                assert_null(make(*state, rows[i].address, 5, "vfio", NULL, &failure));
                assert_string_equal(failure.message, rows[i].message);
        }
}

/* Who uses the virtual functions that go is in the way; who uses the physical one is not. */
static void test_findings(void **state) {
        struct stage *stage = *state;
        _cleanup_findings_ struct findings findings = {};
        _cleanup_(plan_freep) struct plan *plan = NULL, *refused = NULL;
        struct pci_address one = at(ONE), virtual = at(VIRTUAL);

        assert_ok(findings_add(&findings, FINDING_NETWORK, SEVERITY_FORCE, &one, "eth0", "x"));
        assert_ok(findings_add(&findings, FINDING_VIRTUAL_FUNCTIONS, SEVERITY_FORCE, &one, "1", "x"));
        assert_ok(findings_add(&findings, FINDING_NETWORK, SEVERITY_FORCE, &virtual, "eth1", "x"));
        plan = make(stage, ONE, 0, "vfio", &findings, NULL);
        assert_int_equal(plan->findings.n, 1);
        assert_string_equal(plan->findings.array[0].subject, "eth1");
        assert_int_equal(pci_address_compare(&plan->findings.array[0].address, &one), 0);

        assert_ok(findings_add(&findings, FINDING_VIRTUAL_FUNCTIONS, SEVERITY_REFUSE, &one, "1", "x"));
        refused = make(stage, ONE, 0, "vfio", &findings, NULL);
        assert_int_equal(refused->findings.n, 2);
}

static void test_steps(void **state) {
        static const struct {
                const char *address;
                unsigned count;
                const char *word, *log;
        } rows[] = {
                { NONE, 2, "vfio",
                  "autoprobe " NONE " 0\nvirtual-functions " NONE " 2\n"
                  "override " NONE "#1 vfio-pci\noverride " NONE "#2 vfio-pci\nautoprobe " NONE " 1\n"
                  "bind " NONE "#1 vfio-pci\nwait-node " NONE "#1\nbind " NONE "#2 vfio-pci\nwait-node " NONE
                  "#2\n" },
                { NONE, 1, "kvm",
                  "autoprobe " NONE " 0\nvirtual-functions " NONE " 1\noverride " NONE "#1 pci-stub\n"
                  "autoprobe " NONE " 1\nbind " NONE "#1 pci-stub\n" },
                { NONE, 1, "none",
                  "autoprobe " NONE " 0\nvirtual-functions " NONE " 1\noverride " NONE
                  "#1 none\nautoprobe " NONE " 1\n" },
                { NONE, 1, "igb",
                  "autoprobe " NONE " 0\nvirtual-functions " NONE " 1\nautoprobe " NONE " 1\nbind " NONE
                  "#1 igb\n" },
                { NONE, 3, "host", "virtual-functions " NONE " 3\n" },
                { ONE, 0, "vfio", "virtual-functions " ONE " 0\n" },
                /* switched off by the administrator */
                { QUIET, 1, "kvm",
                  "virtual-functions " QUIET " 1\noverride " QUIET "#1 pci-stub\nautoprobe " QUIET " 1\n"
                  "bind " QUIET "#1 pci-stub\nautoprobe " QUIET " 0\n" },
                { QUIET, 1, "none", "virtual-functions " QUIET " 1\noverride " QUIET "#1 none\n" },
                { QUIET, 1, "host", "virtual-functions " QUIET " 1\n" },
        };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct answer *answer = stage_wait(
                                stage, begin(stage, rows[i].address, rows[i].count, rows[i].word));

                assert_row(answer->kind == FAILURE_NONE, "row %zu: %s", i, answer->message);
                stage_expect_log(stage, true, rows[i].log);
                assert_string_equal(host_function(&stage->host, rows[i].address)->home, "");
        }
        stage_expect_records(stage, "");
}

/* The old number comes back, and with it how new ones are probed. */
static void undo(const char *address, bool restarts, const char *log) {
        void *state = CAST(functions);
        _cleanup_free_ char *hung = NULL;
        struct stage *stage;
        size_t answer;

        setup(&state);
        stage = state;
        assert_true(asprintf(&hung, "bind %s#1 vfio-pci", address) >= 0);
        stage_fault(stage, "bind", address, 1, restarts ? "hang" : "hang error 5");
        answer = begin(stage, address, 2, "vfio");
        stage_wait_order(stage, hung);
        tree_write(stage->host.tree, "log", "%s", "");
        if (restarts) {
                stage_stop(stage);
                stage_start(stage);
        }
        stage_release(stage);
        if (!restarts)
                assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_MOVE_FAILED);

        stage_settle(stage);
        stage_expect_log(stage, true, log);
        assert_false(stage_is_busy(stage, address));
        stage_expect_records(stage, "");
        stage_teardown(&state);
}

static void test_undo(void **state) {
        static const struct {
                const char *address, *log;
        } rows[] = {
                { NONE,
                  "look " NONE "\nautoprobe " NONE " 1\nvirtual-functions " NONE " 0\nlook " NONE "\n" },
                { QUIET,
                  "look " QUIET "\nautoprobe " QUIET " 0\nvirtual-functions " QUIET " 0\nlook " QUIET "\n" },
                { ONE, "look " ONE "\nautoprobe " ONE " 1\nvirtual-functions " ONE " 1\nlook " ONE "\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                undo(rows[i].address, false, rows[i].log);
                undo(rows[i].address, true, rows[i].log);
        }
}

/* Those whose coming a uevent has told, and whose going none has told yet, are gone before the answer. */
static void test_seen_meanwhile(void **state) {
        static const struct fake_function virtual = { .address = "0000:01:00.1",
                                                      .class_code = 0x020000,
                                                      .group = "9",
                                                      .physical = NONE };
        struct stage *stage = *state;
        size_t answer;

        stage_fault(stage, "bind", NONE, 1, "hang error 5");
        answer = begin(stage, NONE, 1, "vfio");
        stage_wait_order(stage, "bind " NONE "#1 vfio-pci");
        tree_add(stage->host.tree, &virtual);
        host_update(&stage->host, virtual.address, MOVED_BY_KERNEL);
        assert_true(host_function(&stage->host, virtual.address)->moving);

        tree_remove(stage->host.tree, virtual.address);
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_MOVE_FAILED);
        assert_null(host_function(&stage->host, virtual.address));
        stage_settle(stage);
}

static bool is_logged(struct stage *stage, const char *order) {
        _cleanup_free_ char *log = tree_read(stage->host.tree, "log");

        return strstr(log, order);
}

static void wait_for_turn(bool restarts) {
        void *state = CAST(functions);
        struct stage *stage;
        size_t first, second;

        setup(&state);
        stage = state;
        stage_fault(stage, "virtual-functions", NONE, 1, "hang pass");
        first = begin(stage, NONE, 2, "kvm");
        stage_wait_order(stage, "virtual-functions " NONE " 2");
        if (restarts) {
                stage_stop(stage);
                stage_start(stage);
        }

        second = begin(stage, QUIET, 1, "none");
        assert_int_equal(stage_wait(stage, stage_begin(stage, PLAIN, "kvm"))->kind, FAILURE_NONE);
        assert_int_equal(stage_wait(stage, stage_begin(stage, PLAIN, "host"))->kind, FAILURE_NONE);
        assert_false(is_logged(stage, "virtual-functions " QUIET));

        stage_release(stage);
        assert_int_equal(stage_wait(stage, second)->kind, FAILURE_NONE);
        if (!restarts)
                assert_int_equal(stage_wait(stage, first)->kind, FAILURE_NONE);
        stage_settle(stage);
        stage_teardown(&state);
}

/* One after the other, however long the first takes, and whoever has begun it. */
static void test_turns(void **state) {
        wait_for_turn(false);
        wait_for_turn(true);
}

/* And no longer than half of the limit. */
static void test_patience(void **state) {
        struct stage *stage = *state;
        struct answer *answer;
        size_t first;

        stage->settings.limit_usec = 3000 * 1000;
        stage_fault(stage, "virtual-functions", NONE, 1, "hang pass");
        first = begin(stage, NONE, 2, "kvm");
        stage_wait_order(stage, "virtual-functions " NONE " 2");

        answer = stage_wait(stage, begin(stage, QUIET, 1, "none"));
        assert_int_equal(answer->kind, FAILURE_BUSY);
        assert_non_null(strstr(answer->message, "one after the other"));
        assert_false(is_logged(stage, "virtual-functions " QUIET " 1"));

        stage->settings.limit_usec = 10 * 1000 * 1000;
        stage_release(stage);
        assert_non_null(stage_wait(stage, first));
        stage_settle(stage);
        assert_int_equal(stage_wait(stage, begin(stage, QUIET, 1, "none"))->kind, FAILURE_NONE);
}

#define ON_DESK(test) cmocka_unit_test_prestate_setup_teardown(test, setup, stage_teardown, CAST(functions))

UNIT_MAIN(ON_DESK(test_plans), ON_DESK(test_too_many), ON_DESK(test_findings), ON_DESK(test_steps),
          ON_DESK(test_undo), ON_DESK(test_seen_meanwhile), ON_DESK(test_turns), ON_DESK(test_patience))
