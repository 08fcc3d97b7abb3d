/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A kernel that does not answer: who is told what, what is locked and what is not, and how it ends. */

#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"
#define ALONE "0000:02:00.0"
#define NO_GROUP "0000:03:00.0"
#define NO_GROUP2 "0000:03:00.1"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = NIC2, .class_code = 0x020000, .driver = "igb", .group = "1" },
        { .address = ALONE, .class_code = 0x020000, .driver = "e1000e", .group = "2" },
        { .address = NO_GROUP, .class_code = 0x020000, .driver = "e1000e" },
        { .address = NO_GROUP2, .class_code = 0x020000, .driver = "e1000e" },
};

/* With little patience: for operations that shall be stuck. */
static void set_limit(struct stage *stage, uint64_t usec) {
        stage_stop(stage);
        stage->settings.limit_usec = usec;
        stage_start(stage);
}

static void make_impatient(struct stage *stage) {
        set_limit(stage, 400 * 1000);
}

/* With little, but enough to get to where it shall be stuck. */
static void make_less_patient(struct stage *stage) {
        set_limit(stage, 1200 * 1000);
}

static int setup_impatient(void **state) {
        stage_setup(state);
        make_impatient(*state);
        return 0;
}

static void test_busy(void **state) {
        static const struct {
                const char *address;
                bool busy;
        } rows[] = { { NIC, true }, { NIC2, true }, { ALONE, false }, { NO_GROUP, false } };
        struct stage *stage = *state;
        size_t answer;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        answer = stage_begin(stage, NIC, "vfio");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_row(stage_is_busy(stage, rows[i].address) == rows[i].busy, "%s", rows[i].address);

        /* Everything else goes on: another group, and what has none. */
        assert_int_equal(stage_wait(stage, stage_begin(stage, ALONE, "vfio"))->kind, FAILURE_NONE);
        assert_int_equal(stage_wait(stage, stage_begin(stage, NO_GROUP, "kvm"))->kind, FAILURE_NONE);
        assert_false(stage->answers[answer].given);
        assert_false(stage_is_busy(stage, ALONE));
        assert_true(stage_is_busy(stage, NIC2));

        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_NONE);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_false(stage_is_busy(stage, rows[i].address));
        assert_int_equal(stage->n_late, 0);
}

static void test_no_group_is_held_alone(void **state) {
        struct stage *stage = *state;
        size_t answer;

        stage_fault(stage, "unbind", NO_GROUP, 1, "hang");
        answer = stage_begin(stage, NO_GROUP, "kvm");
        assert_true(stage_is_busy(stage, NO_GROUP));
        assert_false(stage_is_busy(stage, NO_GROUP2));
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_NONE);
}

/* In one operation the groups do not wait for each other, and the members of one do. */
static void test_side_by_side(void **state) {
        struct stage *stage = *state;
        size_t answer;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        answer = stage_begin(stage, NIC " " NIC2 " " ALONE, "vfio");
        stage_wait_order(stage, "wait-node " ALONE " 2");
        assert_string_equal(stage_state(stage, NIC2), "igb/");
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_NONE);
        assert_string_equal(stage_state(stage, NIC2), "vfio-pci/vfio-pci");
}

/* One fails while the kernel has not answered another: that one has to come to an end as well before all is
 * undone. */
static void test_fails_beside_a_hang(void **state) {
        struct stage *stage = *state;
        size_t answer;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_fault(stage, "bind", ALONE, 1, "hang error 5");
        answer = stage_begin(stage, NIC " " NIC2 " " ALONE, "vfio");
        stage_wait_order(stage, "bind " ALONE " vfio-pci");
        stage_wait_order(stage, "unbind " NIC " e1000e");
        stage_release(stage);
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_MOVE_FAILED);
        assert_string_equal(stage_state(stage, NIC), "e1000e/");
        assert_string_equal(stage_state(stage, NIC2), "igb/");
        assert_string_equal(stage_state(stage, ALONE), "e1000e/");
        stage_expect_records(stage, "");
}

static const struct operation *only_operation(struct stage *stage) {
        return mover_operation(stage->mover, stage->answers[0].id);
}

/* Stuck in a step of the way out; then the kernel answers, well or not. */
static void test_stuck(void **state) {
        static const struct {
                const char *kind, *words;
                enum failure_kind failure; /* at last */
                const char *state;
        } rows[] = {
                { "override", "hang", FAILURE_NONE, "vfio-pci/vfio-pci" },
                { "unbind", "hang", FAILURE_NONE, "vfio-pci/vfio-pci" },
                { "bind", "hang", FAILURE_NONE, "vfio-pci/vfio-pci" },
                { "unbind", "hang error 5", FAILURE_MOVE_FAILED, "e1000e/" },
                { "bind", "hang done-die", FAILURE_MOVE_FAILED, "e1000e/" },
                { "bind", "hang vanish", FAILURE_NO_SUCH_DEVICE, "gone" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *message = NULL;
                const struct answer *answer;
                struct stage fresh, *stage = &fresh;

                stage_init(stage, functions, ELEMENTSOF(functions));
                make_less_patient(stage);
                stage_fault(stage, rows[i].kind, NIC, 1, rows[i].words);
                answer = stage_wait(stage, stage_begin(stage, NIC, "vfio"));
                assert_int_equal(answer->kind, FAILURE_STUCK);
                assert_non_null(strstr(answer->message, NIC));

                /* It stays visible and holds its group; the model answers all the same. */
                assert_int_equal(operation_state(only_operation(stage)), OPERATION_STUCK);
                message = operation_message(only_operation(stage));
                assert_string_equal(message, answer->message);
                assert_true(stage_is_busy(stage, NIC2));
                assert_string_equal(host_function(&stage->host, NIC)->driver, "e1000e");
                assert_int_equal(stage->n_settled, 0);

                stage_release(stage);
                stage_settle(stage);
                assert_int_equal(stage->n_late, 1);
                assert_row(stage->last_settled.kind == rows[i].failure, "row %zu: %s", i,
                           stage->last_settled.message);
                assert_row(streq(stage_state(stage, NIC), rows[i].state), "row %zu: %s", i,
                           stage_state(stage, NIC));
                assert_false(stage_is_busy(stage, NIC2));
                stage_expect_records(stage, rows[i].failure == FAILURE_NONE ? NIC : "");
                stage_clear(stage);
        }
}

/* The limit includes the undo. */
static void test_stuck_in_undo(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "bind", NIC, 1, "error 5");
        stage_fault(stage, "bind", NIC, 1, "hang");
        assert_int_equal(stage_wait(stage, stage_begin(stage, NIC, "vfio"))->kind, FAILURE_STUCK);
        stage_release(stage);
        stage_settle(stage);
        assert_int_equal(stage->last_settled.kind, FAILURE_MOVE_FAILED);
        assert_string_equal(stage_state(stage, NIC), "e1000e/");
        stage_expect_records(stage, "");
}

/* Retries that take longer than the limit: the caller is told, and it goes on. */
static void test_stuck_between_steps(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "bind", NIC, 4, "error 5");
        assert_int_equal(stage_wait(stage, stage_begin(stage, NIC, "vfio"))->kind, FAILURE_STUCK);
        stage_settle(stage);
        assert_int_equal(stage->n_late, 1);
        assert_int_equal(stage->last_settled.kind, FAILURE_UNDO_FAILED);
        stage_expect_records(stage, NIC);
}

static void test_two_at_once(void **state) {
        struct stage *stage = *state;
        size_t first, second;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_fault(stage, "unbind", ALONE, 1, "hang");
        first = stage_begin(stage, NIC, "vfio");
        second = stage_begin(stage, ALONE, "vfio");
        assert_int_equal(stage_wait(stage, first)->kind, FAILURE_STUCK);
        assert_int_equal(stage_wait(stage, second)->kind, FAILURE_STUCK);
        assert_true(stage->answers[first].id != stage->answers[second].id);
        assert_non_null(mover_operation(stage->mover, stage->answers[first].id));
        assert_non_null(mover_operation(stage->mover, stage->answers[second].id));

        /* Who opens the pipe lets both go. */
        stage_release(stage);
        stage_settle(stage);
        assert_int_equal(stage->n_late, 2);
        assert_null(mover_operation(stage->mover, stage->answers[first].id));
        assert_string_equal(stage_state(stage, NIC), "vfio-pci/vfio-pci");
        assert_string_equal(stage_state(stage, ALONE), "vfio-pci/vfio-pci");
}

/* What was spent on looking counts: whoever has waited for long is answered before one who came earlier but
 * has not. */
static void test_looking_counts(void **state) {
        struct stage *stage = *state;
        size_t patient, late;

        set_limit(stage, 60 * 1000 * 1000);
        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_fault(stage, "unbind", ALONE, 1, "hang");
        patient = stage_begin(stage, NIC, "vfio");
        assert_ok(sd_event_now(stage->event, CLOCK_MONOTONIC, &stage->begun_usec));
        stage->begun_usec -= stage->settings.limit_usec;
        late = stage_begin(stage, ALONE, "vfio");

        assert_int_equal(stage_wait(stage, late)->kind, FAILURE_STUCK);
        assert_false(stage->answers[patient].given);
        stage_release(stage);
        assert_int_equal(stage_wait(stage, patient)->kind, FAILURE_NONE);
        stage_settle(stage);
}

/* And what is left is all there is, however little. */
static void test_no_more_than_the_limit(void **state) {
        struct stage *stage = *state;
        uint64_t limit = 60 * 1000 * 1000;
        size_t patient, late;

        set_limit(stage, limit);
        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_fault(stage, "unbind", ALONE, 1, "hang");
        assert_ok(sd_event_now(stage->event, CLOCK_MONOTONIC, &stage->begun_usec));
        stage->begun_usec -= limit / 2;
        patient = stage_begin(stage, NIC, "vfio");
        stage->begun_usec -= limit / 2 - limit / 200;
        late = stage_begin(stage, ALONE, "vfio");

        assert_int_equal(stage_wait(stage, late)->kind, FAILURE_STUCK);
        assert_false(stage->answers[patient].given);
        stage_release(stage);
        stage_settle(stage);
}

#define IMPATIENT(test)                                                                                     \
        cmocka_unit_test_prestate_setup_teardown(test, setup_impatient, stage_teardown, CAST(functions))

UNIT_MAIN(ON_STAGE(test_busy), ON_STAGE(test_no_group_is_held_alone), ON_STAGE(test_side_by_side),
          ON_STAGE(test_fails_beside_a_hang), cmocka_unit_test(test_stuck), IMPATIENT(test_stuck_in_undo),
          IMPATIENT(test_stuck_between_steps), IMPATIENT(test_two_at_once),
          ON_STAGE(test_looking_counts), ON_STAGE(test_no_more_than_the_limit))
