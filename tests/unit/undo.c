/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The way back of a move that failed: in which order, how often, and what remains where it leads nowhere. */

#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"
#define ALONE "0000:02:00.0"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = NIC2, .class_code = 0x020000, .driver = "igb", .group = "1" },
        { .address = ALONE, .class_code = 0x020000, .driver = "e1000e", .group = "2" },
};

static void test_order(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "bind", NIC2, 1, "error 5");
        assert_int_equal(stage_move(stage, NIC " " NIC2, "vfio")->kind, FAILURE_MOVE_FAILED);
        stage_expect_log(stage, true,
                         "override " NIC " vfio-pci\nunbind " NIC " e1000e\nbind " NIC
                         " vfio-pci\nwait-node " NIC " 1\n"
                         "override " NIC2 " vfio-pci\nunbind " NIC2 " igb\nbind " NIC2 " vfio-pci\n"
                         /* backwards, from wherever each is, until a look says that it is home */
                         "look " NIC2 "\noverride " NIC2 "\nbind " NIC2 " igb\nlook " NIC2 "\n"
                         "look " NIC "\noverride " NIC "\nunbind " NIC " vfio-pci\nbind " NIC
                         " e1000e\nlook " NIC "\n");
        stage_expect_untouched(stage);
}

/* Back on VFIO its node is waited for. */
static void test_to_vfio(void **state) {
        struct stage *stage = *state;

        assert_int_equal(stage_move(stage, NIC, "vfio")->kind, FAILURE_NONE);
        tree_unlink(stage->host.tree, "log");
        stage_fault(stage, "bind", NIC, 1, "error 5");
        assert_int_equal(stage_move(stage, NIC, "kvm")->kind, FAILURE_MOVE_FAILED);
        stage_expect_log(stage, true,
                         "override " NIC " pci-stub\nunbind " NIC " vfio-pci\nbind " NIC " pci-stub\n"
                         "look " NIC "\noverride " NIC " vfio-pci\nbind " NIC " vfio-pci\nwait-node " NIC
                         " 1\nlook " NIC "\n");
        assert_string_equal(stage_state(stage, NIC), "vfio-pci/vfio-pci");
}

/* A node that is not got ready strands nobody, not even where the driver took the function at the last
 * attempt only. */
static void test_without_node(void **state) {
        static const char *const faults[] = { "error 110", "error 6", "die", "done-die" };
        struct stage *stage = *state;

        assert_int_equal(stage_move(stage, NIC, "vfio")->kind, FAILURE_NONE);
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                const struct answer *answer;

                stage_fault(stage, "bind", NIC, 4, "error 5");
                stage_fault(stage, "wait-node", NIC, 1, faults[i]);
                answer = stage_move(stage, NIC, "kvm");
                assert_row(answer->kind == FAILURE_MOVE_FAILED, "%s: %s", faults[i], answer->message);
                assert_non_null(strstr(answer->message, "back where it was"));
                assert_string_equal(stage_state(stage, NIC), "vfio-pci/vfio-pci");
        }
}

static void test_tried_again(void **state) {
        struct stage *stage = *state;

        static const char *const faults[] = { "die", "error 5", "error 16" };

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                stage_fault(stage, "wait-node", ALONE, 1, "error 110");
                stage_fault(stage, "look", ALONE, 2, "die");
                stage_fault(stage, "probe", ALONE, 1, faults[i]);
                assert_int_equal(stage_move(stage, ALONE, "vfio")->kind, FAILURE_MOVE_FAILED);
                stage_expect_untouched(stage);
        }
}

/* Each function has all attempts, whatever became of the one before it. */
static void test_all_attempts(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "bind", NIC2, 1, "error 5");
        stage_fault(stage, "look", NIC2, 1, "pass");
        stage_fault(stage, "look", NIC2, 1, "vanish");
        stage_fault(stage, "bind", NIC, 1, "pass");
        stage_fault(stage, "bind", NIC, 2, "error 5");
        stage_fault(stage, "probe", NIC, 0, "error 5");
        assert_int_equal(stage_move(stage, NIC " " NIC2, "vfio")->kind, FAILURE_MOVE_FAILED);
        assert_string_equal(stage_state(stage, NIC), "e1000e/");
        assert_string_equal(stage_state(stage, NIC2), "gone");
}

/* For good: then the truth is told, the record stays, and one restore brings it home. */
static void test_stranded(void **state) {
        struct stage *stage = *state;
        const struct answer *answer;

        stage_fault(stage, "bind", NIC, 0, "error 5");
        stage_fault(stage, "probe", NIC, 0, "error 5");
        answer = stage_move(stage, NIC " " ALONE, "vfio");
        assert_int_equal(answer->kind, FAILURE_UNDO_FAILED);
        assert_non_null(strstr(answer->message, NIC " is on no driver (was on e1000e)"));
        assert_null(strstr(answer->message, ALONE));
        assert_string_equal(stage_state(stage, ALONE), "e1000e/");
        assert_string_equal(host_function(&stage->host, NIC)->driver, "");
        assert_string_equal(host_function(&stage->host, NIC)->home, "e1000e");
        assert_false(stage_is_busy(stage, NIC));
        stage_expect_records(stage, NIC);

        stage_no_fault(stage, "bind", NIC);
        assert_int_equal(stage_move(stage, NIC, "host")->kind, FAILURE_NONE);
        stage_expect_untouched(stage);
}

UNIT_MAIN(ON_STAGE(test_order), ON_STAGE(test_to_vfio), ON_STAGE(test_without_node),
          ON_STAGE(test_tried_again), ON_STAGE(test_all_attempts), ON_STAGE(test_stranded))
