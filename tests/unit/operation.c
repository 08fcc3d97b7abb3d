/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Operations that come to their end by themselves: the order of steps, what each failure is to the caller, and that all is as before then. */

#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"
#define ALONE "0000:02:00.0"
#define BARE "0000:03:00.0"
#define PHYSICAL "0000:04:00.0"
#define VIRTUAL "0000:04:00.1"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = NIC2, .class_code = 0x020000, .driver = "igb", .group = "1" },
        { .address = ALONE, .class_code = 0x020000, .driver = "e1000e", .group = "2" },
        { .address = BARE, .class_code = 0x020000, .group = "3" },
        { .address = PHYSICAL,
          .class_code = 0x010802,
          .driver = "igb",
          .group = "4",
          .total_vfs = "4",
          .vfs = VIRTUAL },
        { .address = VIRTUAL, .class_code = 0x010802, .driver = "igb", .group = "5", .physical = PHYSICAL },
};

static void test_there_and_back(void **state) {
        struct stage *stage = *state;

        assert_int_equal(stage_move(stage, NIC, "vfio")->kind, FAILURE_NONE);
        stage_expect_log(stage, true,
                         "override " NIC " vfio-pci\nunbind " NIC " e1000e\nbind " NIC
                         " vfio-pci\nwait-node " NIC " 1\n");
        assert_string_equal(stage_state(stage, NIC), "vfio-pci/vfio-pci");
        assert_string_equal(host_function(&stage->host, NIC)->home, "e1000e");
        assert_string_equal(host_function(&stage->host, NIC)->override, "vfio-pci");
        stage_expect_records(stage, NIC);
        assert_int_equal(stage->n_settled, 1);
        assert_int_equal(stage->n_late, 0);

        assert_int_equal(stage_move(stage, NIC, "host")->kind, FAILURE_NONE);
        stage_expect_log(stage, true, "override " NIC "\nunbind " NIC " vfio-pci\nbind " NIC " e1000e\n");
        stage_expect_untouched(stage);
}

/* Told in this order, so that every signal precedes the reply; and nobody sees a state between. */
static void test_what_is_told(void **state) {
        struct stage *stage = *state;

        stage_wait(stage, stage_begin(stage, NIC, "vfio"));
        witness_expect(&stage->host.witness,
                       "~ " NIC " busy\n~ " NIC2 " busy\n~ " NIC " home\n~ " NIC " override\n"
                       "~ " NIC " driver\ngroup ~ 1 viable\n> " NIC " e1000e vfio-pci us\n"
                       "~ " NIC " busy\n~ " NIC2 " busy\n");
}

static void test_over_several_drivers(void **state) {
        static const struct {
                const char *word, *state, *records;
        } rows[] = {
                { "vfio", "vfio-pci/vfio-pci", NIC " " },
                { "kvm", "pci-stub/pci-stub", NIC " " },
                { "none", "/none", NIC " " },
                { "igb", "igb/", NIC " " },
                { "vfio", "vfio-pci/vfio-pci", NIC " " },
                { "e1000e", "e1000e/", "" },
        };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(stage_move(stage, NIC, rows[i].word)->kind, FAILURE_NONE);
                assert_row(streq(stage_state(stage, NIC), rows[i].state), "row %zu: %s", i,
                           stage_state(stage, NIC));
                stage_expect_records(stage, rows[i].records);
        }
        stage_expect_untouched(stage);
}

/* A function that had no driver, and one with an administrator's override, get just that back. */
static void test_other_homes(void **state) {
        struct stage *stage = *state;

        tree_write(stage->host.tree, "overrides/" ALONE, "mine\n");
        assert_ok(model_set_override(stage->host.model, host_function(&stage->host, ALONE), "mine"));
        assert_int_equal(stage_move(stage, BARE " " ALONE, "vfio")->kind, FAILURE_NONE);
        assert_string_equal(host_function(&stage->host, BARE)->home, "none");
        assert_int_equal(stage_move(stage, BARE " " ALONE, "host")->kind, FAILURE_NONE);
        assert_string_equal(stage_state(stage, BARE), "/");
        assert_string_equal(stage_state(stage, ALONE), "e1000e/mine");
        stage_expect_records(stage, "");
}

/* A plan that comes to nothing is done at once, and its answer comes from the event loop. */
static void test_nothing_to_do(void **state) {
        struct stage *stage = *state;

        assert_int_equal(stage_move(stage, "", "vfio")->kind, FAILURE_NONE);
        assert_int_equal(stage_move(stage, NIC " " ALONE " " BARE, "host")->kind, FAILURE_NONE);
        assert_int_equal(stage->n_settled, 2);
        stage_expect_log(stage, true, "");
        stage_expect_untouched(stage);
}

/* Each step of the way to VFIO fails in each way that leaves the function where it is. */
static void test_every_step_fails(void **state) {
        static const char *const kinds[] = { "override", "unbind", "bind", "wait-node" };
        static const struct {
                const char *words;
                enum failure_kind kind;
        } faults[] = {
                { "error 16", FAILURE_MOVE_FAILED }, /* EBUSY */
                { "error 5", FAILURE_MOVE_FAILED },  /* EIO */
                { "error 22", FAILURE_MOVE_FAILED }, /* EINVAL */
                { "error 1", FAILURE_MOVE_FAILED },  /* EPERM */
                { "lie 5", FAILURE_MOVE_FAILED },    { "die", FAILURE_MOVE_FAILED },
                { "done-die", FAILURE_MOVE_FAILED },
        };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                for (size_t j = 0; j < ELEMENTSOF(faults); j++) {
                        const struct answer *answer;

                        stage_fault(stage, kinds[i], NIC2, 1, faults[j].words);
                        answer = stage_move(stage, NIC " " NIC2 " " ALONE, "vfio");
                        assert_row(answer->kind == faults[j].kind, "%s, %s: %s", kinds[i], faults[j].words,
                                   answer->message);
                        assert_non_null(strstr(answer->message, NIC2));
                        assert_non_null(strstr(answer->message, "everything is back where it was"));
                        stage_expect_untouched(stage);
                }
}

static void test_bind_answers(void **state) {
        static const struct {
                const char *word, *words;
                enum failure_kind kind;
        } rows[] = {
                { "vfio", "error 2", FAILURE_NO_SUCH_DRIVER }, /* ENOENT: there is no such driver any more */
                { "igb", "error 19", FAILURE_NO_SUCH_DRIVER }, /* ENODEV: it does not take this device */
                { "vfio", "error 19", FAILURE_MOVE_FAILED },   { "igb", "error 5", FAILURE_MOVE_FAILED },
                { "vfio", "grab igb", FAILURE_MOVE_FAILED },
        };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct answer *answer;

                stage_fault(stage, "bind", NIC, 1, rows[i].words);
                answer = stage_move(stage, NIC, rows[i].word);
                assert_row(answer->kind == rows[i].kind, "row %zu: %s", i, answer->message);
                stage_expect_untouched(stage);
        }
}

static void test_vanishes(void **state) {
        static const char *const kinds[] = { "override", "unbind", "bind", "wait-node" };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                const struct answer *answer;

                stage_fault(stage, kinds[i], ALONE, 1, "vanish");
                answer = stage_move(stage, NIC " " ALONE, "vfio");
                assert_row(answer->kind == FAILURE_NO_SUCH_DEVICE, "%s: %s", kinds[i], answer->message);
                assert_non_null(strstr(answer->message, ALONE));
                assert_string_equal(stage_state(stage, NIC), "e1000e/");
                assert_null(host_function(&stage->host, ALONE));
                stage_expect_records(stage, "");

                tree_add(stage->host.tree, &functions[2]);
                tree_unlink(stage->host.tree, "overrides/" ALONE);
                host_update(&stage->host, ALONE, MOVED_BY_KERNEL);
        }
}

/* Another device has come to the address while the plan was made. */
static void test_another_device(void **state) {
        struct stage *stage = *state;
        const struct answer *answer;

        tree_remove(stage->host.tree, ALONE);
        tree_add(stage->host.tree, &functions[2]);
        answer = stage_move(stage, ALONE " " NIC, "vfio");
        assert_int_equal(answer->kind, FAILURE_NO_SUCH_DEVICE);
        stage_expect_untouched(stage);
}

/* The program of the worker cannot be started: nothing happens, and that is what is said. */
static void test_no_worker(void **state) {
        struct stage *stage = *state;
        const struct answer *answer;

        tree_unlink(stage->host.tree, "worker");
        answer = stage_move(stage, NIC, "vfio");
        assert_int_equal(answer->kind, FAILURE_MOVE_FAILED);
        stage_expect_untouched(stage);
}

static void remove_directory(struct stage *stage, const char *path) {
        _cleanup_free_ char *name = tree_name(stage->host.tree, path);

        assert_int_equal(rmdir(name), 0);
}

/* Of the first operation: nothing more can be written. */
static void break_journal(struct stage *stage) {
        tree_unlink(stage->host.tree, "run/operations/1");
        remove_directory(stage, "run/operations");
}

/* Nobody would know whom to wait for: nothing is begun. What was begun comes back all the same. */
static void test_worker_not_on_record(void **state) {
        struct stage *stage = *state;
        size_t answer = stage_begin(stage, NIC, "vfio");

        break_journal(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_MOVE_FAILED);
        stage_settle(stage);
        stage_expect_log(stage, true, "");

        stage_stop(stage);
        stage_start(stage);
        stage_fault(stage, "unbind", NIC, 1, "hang done-die");
        answer = stage_begin(stage, NIC, "vfio");
        stage_wait_order(stage, "unbind " NIC " e1000e");
        break_journal(stage);
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_MOVE_FAILED);
        stage_settle(stage);
        tree_directory(stage->host.tree, "run/operations");
        stage_expect_untouched(stage);
}

/* An entry that stayed would have the next start undo what was called a success. */
static void test_end_not_on_record(void **state) {
        struct stage *stage = *state;
        const struct answer *answer;
        size_t number;

        stage_fault(stage, "wait-node", NIC, 1, "hang pass");
        number = stage_begin(stage, NIC, "vfio");
        stage_wait_order(stage, "wait-node " NIC " 1");
        tree_unlink(stage->host.tree, "run/operations/1");
        tree_directory(stage->host.tree, "run/operations/1");
        stage_release(stage);
        answer = stage_wait(stage, number);
        assert_int_equal(answer->kind, FAILURE_MOVE_FAILED);
        assert_non_null(strstr(answer->message, "everything is back where it was"));
        stage_settle(stage);
        remove_directory(stage, "run/operations/1");
        stage_expect_untouched(stage);
}

/* What stands on a driver goes before it, in this order, and comes back after it with an undo. */
static void test_orderly(void **state) {
        static const char forwards[] = "virtual-functions " PHYSICAL " 0\nrelease-console " PHYSICAL " fbcon\n"
                                       "override " PHYSICAL " pci-stub\nunbind " PHYSICAL " igb\nbind " PHYSICAL " pci-stub\n";
        static const char backwards[] = "look " PHYSICAL "\noverride " PHYSICAL "\nbind " PHYSICAL " igb\nlook " PHYSICAL "\n"
                                        "virtual-functions " PHYSICAL " 1\nreturn-console " PHYSICAL " fbcon\nlook " PHYSICAL "\n";
        struct stage *stage = *state;
        _cleanup_findings_ struct findings findings = {};
        _cleanup_free_ char *log = NULL;
        struct pci_address address = at(PHYSICAL);

        assert_ok(findings_add(&findings, FINDING_DISPLAY, SEVERITY_FORCE, &address, SUBJECT_CONSOLE, "x"));
        stage->findings = &findings;

        stage_fault(stage, "bind", PHYSICAL, 1, "error 5");
        assert_int_equal(stage_move(stage, PHYSICAL, "kvm")->kind, FAILURE_MOVE_FAILED);
        assert_true(asprintf(&log, "%s%s", forwards, backwards) >= 0);
        stage_expect_log(stage, true, log);
        stage_expect_untouched(stage);

        /* The console is given back by a restore, too; virtual functions are made anew by whoever wants them. */
        assert_int_equal(stage_move(stage, PHYSICAL, "kvm")->kind, FAILURE_NONE);
        stage_expect_log(stage, true, forwards);
        stage->findings = NULL;
        assert_int_equal(stage_move(stage, PHYSICAL, "host")->kind, FAILURE_NONE);
        stage_expect_log(stage, true,
                         "virtual-functions " PHYSICAL " 0\noverride " PHYSICAL "\nunbind " PHYSICAL " pci-stub\nbind " PHYSICAL " igb\n"
                         "return-console " PHYSICAL " fbcon\n");
        stage_expect_untouched(stage);
}

/* Virtual functions that do not come back are tried again, and then told of, whatever the driver answers. */
static void test_incomplete(void **state) {
        static const char *const faults[] = { "error 5", "error 19" /* ENODEV */ };
        struct stage *stage = *state;
        struct answer *answer;

        stage_fault(stage, "bind", PHYSICAL, 1, "error 5");
        stage_fault(stage, "virtual-functions", PHYSICAL, 1, "pass");
        stage_fault(stage, "virtual-functions", PHYSICAL, 1, "error 5");
        assert_int_equal(stage_move(stage, PHYSICAL, "kvm")->kind, FAILURE_MOVE_FAILED);

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                stage_fault(stage, "bind", PHYSICAL, 1, "error 5");
                stage_fault(stage, "virtual-functions", PHYSICAL, 1, "pass");
                stage_fault(stage, "virtual-functions", PHYSICAL, 0, faults[i]);
                answer = stage_move(stage, PHYSICAL, "kvm");
                assert_row(answer->kind == FAILURE_UNDO_FAILED, "%s: %s", faults[i], answer->message);
                assert_non_null(strstr(answer->message,
                                       "virtual functions that were taken away have not come back"));
                assert_string_equal(stage_state(stage, PHYSICAL), "igb/");
                stage_no_fault(stage, "virtual-functions", PHYSICAL);
        }

        /* A driver's answer is no disappearance on the way out, either. */
        stage_fault(stage, "virtual-functions", PHYSICAL, 1, "error 19");
        assert_int_equal(stage_move(stage, PHYSICAL, "kvm")->kind, FAILURE_MOVE_FAILED);
}

/* Whoever moves a physical function holds its virtual ones, and the other way round. */
static void test_holds_virtual(void **state) {
        struct stage *stage = *state;
        size_t answer;

        stage_fault(stage, "unbind", PHYSICAL, 1, "hang pass");
        answer = stage_begin(stage, PHYSICAL, "kvm");
        stage_wait_order(stage, "unbind " PHYSICAL " igb");
        assert_true(stage_is_busy(stage, VIRTUAL));
        assert_false(stage_is_busy(stage, ALONE));
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_NONE);
        assert_int_equal(stage_move(stage, PHYSICAL, "host")->kind, FAILURE_NONE);
        stage_settle(stage);

        stage_fault(stage, "unbind", VIRTUAL, 1, "hang pass");
        answer = stage_begin(stage, VIRTUAL, "kvm");
        stage_wait_order(stage, "unbind " VIRTUAL " igb");
        assert_true(stage_is_busy(stage, PHYSICAL));
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_NONE);
}

/* What pciback has once had it would take again, so its slot goes, even if the one who was at it was killed
 * when the function had just left. */
static void test_slot_is_forgotten(void **state) {
        struct stage *stage = *state;

        tree_driver(stage->host.tree, "pciback");
        tree_write(stage->host.tree, "sys/hypervisor/properties/features", "%s", "00000800\n");
        stage_fault(stage, "unbind", NIC, 1, "pass");
        stage_fault(stage, "unbind", NIC, 1, "done-die");
        stage_fault(stage, "bind", NIC2, 1, "error 5");

        assert_int_equal(stage_move(stage, NIC " " NIC2, "xen")->kind, FAILURE_MOVE_FAILED);
        stage_expect_log(stage, false,
                         "override " NIC " pciback\nunbind " NIC " e1000e\nbind " NIC " pciback\n"
                         "override " NIC2 " pciback\nunbind " NIC2 " igb\nbind " NIC2 " pciback\n"
                         "override " NIC2 "\nbind " NIC2 " igb\nremove-slot " NIC2 " pciback\n"
                         "override " NIC "\nunbind " NIC " pciback\n"
                         "bind " NIC " e1000e\nremove-slot " NIC " pciback\n");
        stage_expect_untouched(stage);
}

UNIT_MAIN(ON_STAGE(test_there_and_back), ON_STAGE(test_what_is_told), ON_STAGE(test_over_several_drivers),
          ON_STAGE(test_other_homes), ON_STAGE(test_nothing_to_do), ON_STAGE(test_every_step_fails),
          ON_STAGE(test_bind_answers), ON_STAGE(test_worker_not_on_record), ON_STAGE(test_end_not_on_record),
          ON_STAGE(test_vanishes), ON_STAGE(test_another_device), ON_STAGE(test_no_worker),
          ON_STAGE(test_orderly), ON_STAGE(test_incomplete), ON_STAGE(test_holds_virtual),
          ON_STAGE(test_slot_is_forgotten))
