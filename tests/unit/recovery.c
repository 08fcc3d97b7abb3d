/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A service that was killed: the next one settles what it has left. */

#include <inttypes.h>
#include <signal.h>

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

static void restart(struct stage *stage) {
        stage_stop(stage);
        stage_start(stage);
}

/* How to undo it is on disk before the first write, and then each step that is finished. */
static void test_on_record(void **state) {
        static const struct {
                const char *kind, *order, *done;
        } rows[] = {
                { "override", "override " NIC " vfio-pci", "\"done\":[]" },
                { "unbind", "unbind " NIC " e1000e", "\"done\":[0]" },
                { "bind", "bind " NIC " vfio-pci", "\"done\":[0,1]" },
                { "wait-node", "wait-node " NIC " 1", "\"done\":[0,1,2]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *entry = NULL, *home = NULL;
                struct stage fresh, *stage = &fresh;

                stage_init(stage, functions, ELEMENTSOF(functions));
                stage_fault(stage, rows[i].kind, NIC, 1, "hang");
                stage_begin(stage, NIC, "vfio");
                stage_wait_order(stage, rows[i].order);

                entry = tree_read(stage->host.tree, "run/operations/1");
                assert_row(strstr(entry, rows[i].done), "%s: %s", rows[i].kind, entry);
                assert_non_null(strstr(entry, "\"old_driver\":\"e1000e\",\"old_override\":\"\""));
                assert_non_null(strstr(entry, "\"workers\":[{\"pid\":"));
                home = tree_read(stage->host.tree, "run/moved/" NIC);
                assert_non_null(strstr(home, "\"driver\":\"e1000e\""));

                stage_release(stage);
                stage_settle(stage);
                stage_expect_records(stage, NIC);
                stage_clear(stage);
        }
}

/* Killed while its worker is held by the kernel. Until that one has ended, nothing is written and the group
 * is held. */
static void test_living_worker(void **state) {
        static const char *const orders[] = { "override " NIC " vfio-pci", "unbind " NIC " e1000e",
                                              "bind " NIC " vfio-pci" };
        static const char *const kinds[] = { "override", "unbind", "bind" };
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                struct stage fresh, *stage = &fresh;

                stage_init(stage, functions, ELEMENTSOF(functions));
                stage_fault(stage, kinds[i], NIC, 1, "hang");
                stage_begin(stage, NIC, "vfio");
                stage_wait_order(stage, orders[i]);
                restart(stage);

                /* Everybody else is served at once. */
                assert_true(stage_is_busy(stage, NIC) && stage_is_busy(stage, NIC2));
                for (unsigned back = 0; back < 2; back++)
                        assert_int_equal(stage_wait(stage, stage_begin(stage, ALONE, back ? "host" : "vfio"))
                                                         ->kind,
                                         FAILURE_NONE);
                assert_true(stage_is_busy(stage, NIC) && stage_is_busy(stage, NIC2));

                stage_release(stage);
                stage_settle(stage);
                assert_int_equal(stage->n_late, 1);
                assert_int_equal(stage->last_settled.kind, FAILURE_MOVE_FAILED);
                assert_non_null(strstr(stage->last_settled.message, NIC));
                stage_expect_untouched(stage);
                stage_clear(stage);
        }
}

/* Whether the message about the first operation names this worker. */
static bool is_named(struct stage *stage, int pid) {
        _cleanup_free_ char *message = operation_message(mover_operation(stage->mover, 1)), *words = NULL;

        assert_true(asprintf(&words, "worker %d ", pid) >= 0);
        return strstr(message, words);
}

/* Of several workers that are left, one that has not ended is named. */
static void test_who_is_named(void **state) {
        struct stage *stage = *state;
        _cleanup_free_ char *entry = NULL;
        int first, second;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_fault(stage, "unbind", ALONE, 1, "hang");
        stage_begin(stage, NIC " " ALONE, "vfio");
        stage_wait_order(stage, "unbind " NIC " e1000e");
        stage_wait_order(stage, "unbind " ALONE " e1000e");
        entry = tree_read(stage->host.tree, "run/operations/1");
        assert_int_equal(sscanf(strstr(entry, "\"workers\""),
                                "\"workers\":[{\"pid\":%d,\"start_time\":%*u},{\"pid\":%d", &first, &second),
                         2);
        restart(stage);

        assert_true(is_named(stage, first) || is_named(stage, second));
        assert_int_equal(kill(first, SIGKILL), 0);
        for (unsigned i = 0; i < 1000 && !is_named(stage, second); i++)
                assert_ok(sd_event_run(stage->event, 10000));
        assert_true(is_named(stage, second));
        stage_release(stage);
        stage_settle(stage);
        stage_expect_untouched(stage);
}

/* The old worker finishes what it was at, and makes no further write. */
static void test_no_further_write(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_begin(stage, NIC, "vfio");
        stage_wait_order(stage, "unbind " NIC " e1000e");
        restart(stage);
        stage_release(stage);
        stage_settle(stage);
        stage_expect_log(stage, true,
                         "override " NIC " vfio-pci\nunbind " NIC " e1000e\n"
                         "look " NIC "\noverride " NIC "\nbind " NIC " e1000e\nlook " NIC "\n");
        stage_expect_untouched(stage);
}

static void test_twice_killed(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_begin(stage, NIC, "vfio");
        stage_wait_order(stage, "unbind " NIC " e1000e");
        restart(stage);
        restart(stage);
        assert_true(stage_is_busy(stage, NIC));
        stage_release(stage);

        /* And in the midst of the undo, with a worker of its own that hangs. */
        stage_wait_order(stage, "bind " NIC " e1000e");
        restart(stage);
        stage_settle(stage);
        stage_expect_untouched(stage);
}

/* At any moment: after each has passed the service is killed and started, and everything is either done or
 * undone. */
static void test_any_moment(void **state) {
        struct stage *stage = *state;
        unsigned done = 0, undone = 0;

        for (unsigned moment = 0; done == 0 || moment % 5 != 0; moment++) {
                assert_true(moment < 200);
                stage_begin(stage, NIC " " NIC2, "vfio");
                for (unsigned i = 0; i < moment; i++)
                        assert_ok(sd_event_run(stage->event, 5000));
                restart(stage);
                stage_settle(stage);
                assert_string_equal(stage->damaged, "");

                if (streq(stage_state(stage, NIC2), "vfio-pci/vfio-pci")) {
                        done++;
                        stage_expect_records(stage, NIC " " NIC2);
                        assert_string_equal(host_function(&stage->host, NIC)->home, "e1000e");
                        stage_observe(stage, NIC " " NIC2);
                        assert_int_equal(stage_move(stage, NIC " " NIC2, "host")->kind, FAILURE_NONE);
                } else
                        undone++;
                stage_expect_untouched(stage);
                stage->n_answers = 0;
        }
        assert_true(done > 0 && undone > 0);
}

/* Killed on the way home: an interrupted operation is undone, so it is where it was before that, and can
 * still be brought home. */
static void test_killed_on_the_way_home(void **state) {
        struct stage *stage = *state;

        assert_int_equal(stage_move(stage, NIC, "vfio")->kind, FAILURE_NONE);
        stage_fault(stage, "bind", NIC, 1, "hang");
        stage_begin(stage, NIC, "host");
        stage_wait_order(stage, "bind " NIC " e1000e");
        restart(stage);
        stage_release(stage);
        stage_settle(stage);
        assert_string_equal(stage_state(stage, NIC), "vfio-pci/vfio-pci");
        stage_expect_records(stage, NIC);
        assert_string_equal(host_function(&stage->host, NIC)->home, "e1000e");
        assert_int_equal(stage_move(stage, NIC, "host")->kind, FAILURE_NONE);
        stage_expect_untouched(stage);
}

static void test_records_survive(void **state) {
        struct stage *stage = *state;

        assert_int_equal(stage_move(stage, NIC " " ALONE, "vfio")->kind, FAILURE_NONE);
        restart(stage);
        stage_settle(stage);
        assert_int_equal(stage->n_settled, 0);
        assert_string_equal(host_function(&stage->host, NIC)->home, "e1000e");
        stage_observe(stage, NIC " " ALONE);
        assert_string_equal(host_function(&stage->host, NIC)->override, "vfio-pci");
        assert_int_equal(stage_move(stage, NIC " " ALONE, "host")->kind, FAILURE_NONE);
        stage_expect_untouched(stage);
}

/* Files as an earlier service has left them. */

static void write_entry(struct stage *stage, const char *address, uint64_t identity, uint64_t pid,
                        uint64_t start_time) {
        tree_write(stage->host.tree, "run/operations/41",
                   "{\"uid\":0,\"caller\":\":1.1\",\"target\":\"vfio\",\"movements\":[{\"address\":\"%s\","
                   "\"identity\":%" PRIu64 ",\"group\":1,\"old_driver\":\"e1000e\",\"old_override\":\"\","
                   "\"driver\":\"vfio-pci\",\"override\":\"vfio-pci\"}],"
                   "\"steps\":[],\"workers\":[{\"pid\":%" PRIu64 ",\"start_time\":%" PRIu64 "}]}",
                   address, identity, pid, start_time);
}

/* Half way through, with no worker that lives: its number is free, or belongs to somebody else by now. */
static void test_dead_worker(void **state) {
        static const struct {
                uint64_t pid, start_time;
        } rows[] = { { 0, 0 }, { 1, 1 }, { 4194305, 1 }, { UINT64_MAX, 1 }, { 1ULL << 32 | 1, 1 } };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                stage_stop(stage);
                write_entry(stage, NIC, functions[0].vendor, rows[i].pid, rows[i].start_time);
                tree_set_driver(stage->host.tree, NIC, NULL);
                tree_write(stage->host.tree, "overrides/" NIC, "vfio-pci\n");
                stage_start(stage);

                /* Another device than the one that was written down: it is left alone. */
                stage_settle(stage);
                assert_string_equal(stage_state(stage, NIC), "/vfio-pci");
                stage_expect_records(stage, "");

                stage_stop(stage);
                stage_start(stage);
                write_entry(stage, NIC, host_function(&stage->host, NIC)->identity, rows[i].pid,
                            rows[i].start_time);
                restart(stage);
                stage_settle(stage);
                assert_int_equal(stage->n_late, 1);
                stage_expect_untouched(stage);
        }
}

/* Nothing can be seen at first. */
static void test_look_fails(void **state) {
        static const char *const faults[] = { "error 5", "die" };
        struct stage *stage = *state;

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                write_entry(stage, NIC, host_function(&stage->host, NIC)->identity, 0, 0);
                tree_set_driver(stage->host.tree, NIC, NULL);
                tree_write(stage->host.tree, "overrides/" NIC, "vfio-pci\n");
                stage_fault(stage, "look", NIC, 1, faults[i]);
                restart(stage);
                stage_settle(stage);
                stage_expect_untouched(stage);
        }
}

static void test_device_gone(void **state) {
        struct stage *stage = *state;

        stage_stop(stage);
        write_entry(stage, "0000:05:00.0", 7, 1, 1);
        stage_start(stage);
        stage_settle(stage);
        stage_expect_untouched(stage);
}

static void test_numbers_go_on(void **state) {
        struct stage *stage = *state;

        stage_stop(stage);
        write_entry(stage, "0000:05:00.0", 7, 1, 1);
        stage_start(stage);
        assert_int_equal(mover_next_id(stage->mover), 42);
        stage_settle(stage);
}

static void test_damaged(void **state) {
        struct stage *stage = *state;
        uint64_t identity = host_function(&stage->host, NIC)->identity;

        assert_int_equal(stage_move(stage, ALONE, "vfio")->kind, FAILURE_NONE);
        stage_stop(stage);
        write_entry(stage, NIC, identity, 1, 1);
        tree_set_driver(stage->host.tree, NIC, NULL);
        tree_write(stage->host.tree, "run/operations/40", "{\"uid\":0,\"mov");
        tree_write(stage->host.tree, "run/moved/" NIC2, "garbage");
        stage_start(stage);
        assert_true(streq(stage->damaged, NIC2 " 40 "));
        stage_settle(stage);

        /* It cost nobody else's entry or record. */
        assert_string_equal(stage_state(stage, NIC), "e1000e/");
        assert_string_equal(host_function(&stage->host, ALONE)->home, "e1000e");
        assert_true(tree_has(stage->host.tree, "run/operations/40.damaged"));
        assert_true(tree_has(stage->host.tree, "run/moved/" NIC2 ".damaged"));
}

/* What cannot be brought home even now is told, and stays on record. */
static void test_stranded(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "unbind", NIC, 1, "hang");
        stage_begin(stage, NIC, "vfio");
        stage_wait_order(stage, "unbind " NIC " e1000e");
        stage_fault(stage, "bind", NIC, 0, "error 5");
        restart(stage);
        stage_release(stage);
        stage_settle(stage);
        assert_int_equal(stage->last_settled.kind, FAILURE_UNDO_FAILED);
        stage_expect_records(stage, NIC);

        stage_no_fault(stage, "bind", NIC);
        assert_int_equal(stage_move(stage, NIC, "host")->kind, FAILURE_NONE);
        stage_expect_untouched(stage);
}

UNIT_MAIN(cmocka_unit_test(test_on_record), ON_STAGE(test_living_worker), ON_STAGE(test_who_is_named),
          ON_STAGE(test_no_further_write), ON_STAGE(test_twice_killed), ON_STAGE(test_any_moment),
          ON_STAGE(test_killed_on_the_way_home), ON_STAGE(test_records_survive), ON_STAGE(test_dead_worker),
          ON_STAGE(test_look_fails), ON_STAGE(test_device_gone), ON_STAGE(test_numbers_go_on),
          ON_STAGE(test_damaged), ON_STAGE(test_stranded))
