/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Access from the operation that grants it until it ends: who may open the files at each moment, and what
 * becomes of that when steps fail, when somebody else moves a member, and when the service is killed. */

#include "service/move/journal/store.h"
#include "tests/unit/nodes.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"
#define ALONE "0000:02:00.0"

#define ALICE 1001
#define BOB 1002

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = NIC2, .class_code = 0x020000, .driver = "igb", .group = "1" },
        { .address = ALONE, .class_code = 0x020000, .driver = "e1000e", .group = "2" },
};

static int setup(void **state) {
        struct stage *stage = malloc(sizeof(*stage));

        stage_init(stage, functions, ELEMENTSOF(functions));
        node_add_group(stage->host.tree, 1);
        node_add_group(stage->host.tree, 2);
        *state = stage;
        return 0;
}

static int teardown(void **state) {
        stage_clear(*state);
        free(*state);
        return 0;
}

/* UID moves functions with FLAGS, and with success. */
static void move(struct stage *stage, uint32_t uid, unsigned flags, const char *addresses,
                 const char *word) {
        struct answer *answer;

        stage->uid = uid;
        stage->flags = flags;
        answer = stage_move(stage, addresses, word);
        assert_string_equal(answer->message, "");
        assert_int_equal(answer->kind, FAILURE_NONE);
}

static enum failure_kind try_to_move(struct stage *stage, uint32_t uid, unsigned flags,
                                     const char *addresses, const char *word) {
        stage->uid = uid;
        stage->flags = flags;
        return stage_move(stage, addresses, word)->kind;
}

static void expect_users(struct stage *stage, const char *of_1, const char *of_2) {
        _cleanup_free_ char *users = strdup(node_users(stage->host.tree, "1"));

        assert_string_equal(users, of_1);
        assert_string_equal(node_users(stage->host.tree, "2"), of_2);
}

static void restart(struct stage *stage) {
        stage_stop(stage);
        stage_start(stage);
}

static int count_file(const char *name, struct json_object *object, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
        return 0;
}

static void expect_files(struct stage *stage, unsigned n) {
        struct store *store;
        unsigned found = 0;

        assert_ok(store_open(stage->directory, "access", &store));
        assert_ok(store_foreach(store, count_file, &found, NULL, NULL));
        store_free(store);
        assert_int_equal(found, n);
}

/* Somebody else takes a function from its driver, and the service hears of it. */
static void snatch(struct stage *stage, const char *address, const char *driver) {
        int group = host_function(&stage->host, address)->group;

        host_move(&stage->host, address, driver, "");
        mover_review_group(stage->mover, group);
}

static bool has_users(struct stage *stage, const char *users) {
        return streq(node_users(stage->host.tree, "2"), users);
}

static void wait_for_users(struct stage *stage, const char *users) {
        for (unsigned tries = 0; !has_users(stage, users); tries++) {
                assert_true(tries < 20000);
                assert_ok(sd_event_run(stage->event, 1000));
        }
}

static void test_granted_and_withdrawn(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        stage_expect_log(stage, false,
                         "override " ALONE " vfio-pci\nunbind " ALONE " e1000e\nbind " ALONE
                         " vfio-pci\nwait-node " ALONE " 2\naccess " ALONE " 1001\n");
        expect_users(stage, "", "1001 ");
        expect_files(stage, 1);

        /* It is so already. */
        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        stage_expect_log(stage, false, "");

        move(stage, ALICE, 0, ALONE, "host");
        stage_expect_log(stage, false,
                         "withdraw-access " ALONE " 1001\noverride " ALONE "\nunbind " ALONE
                         " vfio-pci\nbind " ALONE " e1000e\n");
        expect_users(stage, "", "");
        expect_files(stage, 0);
}

/* Nothing moves, and still it takes an operation; the answer tells of no move. */
static void test_nothing_moves(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, 0, ALONE, "vfio");
        expect_users(stage, "", "");
        stage_expect_log(stage, false,
                         "override " ALONE " vfio-pci\nunbind " ALONE " e1000e\nbind " ALONE
                         " vfio-pci\nwait-node " ALONE " 2\n");
        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        stage_expect_log(stage, false, "access " ALONE " 1001\n");
        expect_users(stage, "", "1001 ");

        /* From one user to the next. */
        move(stage, BOB, PLAN_ACCESS | PLAN_FORCE, ALONE, "vfio");
        stage_expect_log(stage, false, "withdraw-access " ALONE " 1001\naccess " ALONE " 1002\n");
        expect_users(stage, "", "1002 ");
        expect_files(stage, 1);
}

/* First of all nobody opens it any more, and last of all somebody may: whatever the order of the functions.
 */
static void test_two_of_a_group(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, NIC2 " " NIC, "vfio");
        stage_expect_log(stage, false,
                         "override " NIC2 " vfio-pci\nunbind " NIC2 " igb\nbind " NIC2
                         " vfio-pci\nwait-node " NIC2 " 1\noverride " NIC " vfio-pci\nunbind " NIC
                         " e1000e\nbind " NIC " vfio-pci\nwait-node " NIC " 1\naccess " NIC " 1001\n");
        expect_users(stage, "1001 ", "");

        move(stage, ALICE, 0, NIC2 " " NIC, "host");
        stage_expect_log(stage, false,
                         "withdraw-access " NIC2 " 1001\noverride " NIC2 "\nunbind " NIC2
                         " vfio-pci\nbind " NIC2 " igb\noverride " NIC "\nunbind " NIC " vfio-pci\nbind " NIC
                         " e1000e\n");
        expect_users(stage, "", "");
        expect_files(stage, 0);
}

/* Only one of two goes: that is enough. A member that was never on VFIO may go where it likes. */
static void test_one_of_two(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, 0, NIC2, "kvm");
        move(stage, ALICE, PLAN_ACCESS, NIC, "vfio");
        expect_users(stage, "1001 ", "");
        move(stage, BOB, PLAN_FORCE, NIC2, "none");
        expect_users(stage, "1001 ", "");

        /* It comes to VFIO, and leaves it. */
        move(stage, BOB, PLAN_FORCE, NIC2, "vfio");
        expect_users(stage, "1001 ", "");
        move(stage, BOB, PLAN_FORCE, NIC2, "kvm");
        expect_users(stage, "", "");
        expect_files(stage, 0);
}

/* Whatever step fails, everybody has what they had before. */
static void test_undone(void **state) {
        static const struct {
                const char *kind;
                const char *before, *word; /* who has access before, and where it goes */
                unsigned flags;
        } rows[] = {
                { "bind", "", "vfio", PLAN_ACCESS },
                { "access", "", "vfio", PLAN_ACCESS },
                { "withdraw-access", "1001 ", "host", 0 },
                { "unbind", "1001 ", "host", 0 },
                { "bind", "1001 ", "host", 0 },
                { "access", "1001 ", "vfio", PLAN_ACCESS | PLAN_FORCE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct stage *stage;

                setup((void **) &stage);
                if (*rows[i].before)
                        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
                stage_fault(stage, rows[i].kind, ALONE, 1, "lie 5");
                assert_row(try_to_move(stage, BOB, rows[i].flags, ALONE, rows[i].word) ==
                                           FAILURE_MOVE_FAILED,
                           "row %zu", i);
                expect_users(stage, "", rows[i].before);
                expect_files(stage, *rows[i].before ? 1 : 0);
                teardown((void **) &stage);
        }
}

/* Somebody has opened the group after it was looked whether it is in use. */
static void test_opened_meanwhile(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        stage_fault(stage, "withdraw-access", ALONE, 1, "lie 16");
        assert_int_equal(try_to_move(stage, ALICE, 0, ALONE, "host"), FAILURE_IN_USE);
        expect_users(stage, "", "1001 ");
        assert_string_equal(stage_state(stage, ALONE), "vfio-pci/vfio-pci");
}

static void test_snatched(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, NIC " " NIC2, "vfio");
        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        snatch(stage, NIC2, "igb");
        expect_users(stage, "", "1001 ");
        expect_files(stage, 1);

        /* Also where the file has gone with it. */
        node_remove_group(stage->host.tree, 2);
        snatch(stage, ALONE, NULL);
        expect_files(stage, 0);
}

/* A newcomer of whom nobody was asked. */
static void test_newcomer(void **state) {
        static const struct fake_function newcomer = {
                .address = "0000:02:00.1", .class_code = 0x020000, .driver = "vfio-pci", .group = "2"
        };
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        tree_add(stage->host.tree, &newcomer);
        host_update(&stage->host, newcomer.address, MOVED_BY_KERNEL);
        mover_review_group(stage->mover, 2);
        expect_users(stage, "", "");
        expect_files(stage, 0);
}

/* udev, or an administrator, sets the mode of the file; and the file may be another one. */
static void test_masked(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        node_set_mode(stage->host.tree, "2", 0600);
        expect_users(stage, "", "");
        wait_for_users(stage, "1001 ");
        node_set_mode(stage->host.tree, "2", 0660);
        wait_for_users(stage, "1001 ");

        node_remove_group(stage->host.tree, 2);
        node_add_group(stage->host.tree, 2);
        wait_for_users(stage, "1001 ");
}

static void test_restarted(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        move(stage, BOB, PLAN_ACCESS, NIC " " NIC2, "vfio");
        stage_stop(stage);
        expect_users(stage, "1002 ", "1001 ");
        node_set_mode(stage->host.tree, "2", 0600);
        tree_set_driver(stage->host.tree, NIC, "e1000e");
        stage_start(stage);

        /* One still fits, and the other does not. */
        expect_users(stage, "", "1001 ");
        expect_files(stage, 1);
        assert_int_equal(try_to_move(stage, ALICE, 0, ALONE, "host"), FAILURE_NONE);
        expect_users(stage, "", "");
}

/* On VFIO before and after, and somewhere else between: seen late, or not before the next start. */
static void test_back_meanwhile(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, NIC " " NIC2, "vfio");
        move(stage, BOB, PLAN_ACCESS, ALONE, "vfio");
        tree_bind_again(stage->host.tree, NIC2, "vfio-pci");
        host_update(&stage->host, NIC2, MOVED_BY_KERNEL);
        mover_review_group(stage->mover, 1);
        expect_users(stage, "", "1002 ");

        stage_stop(stage);
        node_remove_group(stage->host.tree, 2);
        tree_bind_again(stage->host.tree, ALONE, "vfio-pci");
        node_add_group(stage->host.tree, 2);
        stage_start(stage);
        expect_users(stage, "", "");
        expect_files(stage, 0);
}

/* A member that a failed operation has bound again has not left; neither has one that came to VFIO later. */
static void test_bound_by_an_undo(void **state) {
        struct stage *stage = *state;

        move(stage, ALICE, 0, NIC2, "kvm");
        move(stage, ALICE, PLAN_ACCESS, NIC, "vfio");
        move(stage, ALICE, 0, NIC2, "vfio");
        stage_fault(stage, "bind", NIC2, 1, "lie 5");
        assert_int_equal(try_to_move(stage, ALICE, 0, NIC " " NIC2, "host"), FAILURE_MOVE_FAILED);
        expect_users(stage, "1001 ", "");
        restart(stage);
        expect_users(stage, "1001 ", "");
}

/* Killed in the midst: nobody has more or less than before. */
static void test_killed(void **state) {
        static const struct {
                const char *kind, *order;
                bool back; /* alice has access, and gives it up */
        } rows[] = {
                { "access", "access " ALONE " 1001", false },
                { "wait-node", "wait-node " ALONE " 2", false },
                { "withdraw-access", "withdraw-access " ALONE " 1001", true },
                { "unbind", "unbind " ALONE " vfio-pci", true },
                { "bind", "bind " ALONE " e1000e", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct stage *stage;

                setup((void **) &stage);
                if (rows[i].back)
                        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
                stage->uid = ALICE;
                stage->flags = rows[i].back ? 0 : PLAN_ACCESS;
                stage_fault(stage, rows[i].kind, ALONE, 1, "hang");
                stage_begin(stage, ALONE, rows[i].back ? "host" : "vfio");
                stage_wait_order(stage, rows[i].order);
                restart(stage);
                stage_release(stage);
                stage_settle(stage);
                assert_row(has_users(stage, rows[i].back ? "1001 " : ""), "row %zu: %s", i,
                           node_users(stage->host.tree, "2"));
                expect_files(stage, rows[i].back ? 1 : 0);
                teardown((void **) &stage);
        }
}

static void test_damaged(void **state) {
        static const char *const contents[] = {
                "",
                "{}",
                "[]",
                "{\"members\":3}",
                "{\"in_force\":true,\"members\":[{}]}",
                "{\"in_force\":true,\"members\":[{\"address\":\"x\",\"identity\":1}]}",
        };
        struct stage *stage = *state;

        move(stage, ALICE, PLAN_ACCESS, ALONE, "vfio");
        stage_stop(stage);
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                char path[32];

                snprintf(path, sizeof(path), "run/access/%zu-7", i + 10);
                tree_write(stage->host.tree, path, "%s", contents[i]);
        }
        tree_write(stage->host.tree, "run/access/02-1001", "%s", "{\"in_force\":true,\"members\":[]}");
        tree_write(stage->host.tree, "run/access/-1-1001", "%s", "{\"in_force\":true,\"members\":[]}");
        tree_write(stage->host.tree, "run/access/99-7", "%s", "{\"in_force\":true,\"members\":[]}");
        stage_start(stage);

        assert_non_null(strstr(stage->damaged, "15-7 "));
        assert_non_null(strstr(stage->damaged, "02-1001 "));
        assert_non_null(strstr(stage->damaged, "-1-1001 "));
        expect_users(stage, "", "1001 ");

        /* That of a group which is not there is in order, and no longer needed. */
        expect_files(stage, 1);
}

#define ON_NODES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_NODES(test_granted_and_withdrawn), ON_NODES(test_nothing_moves), ON_NODES(test_two_of_a_group),
          ON_NODES(test_one_of_two), cmocka_unit_test(test_undone), ON_NODES(test_opened_meanwhile),
          ON_NODES(test_snatched), ON_NODES(test_newcomer), ON_NODES(test_masked), ON_NODES(test_restarted),
          ON_NODES(test_back_meanwhile), ON_NODES(test_bound_by_an_undo), cmocka_unit_test(test_killed),
          ON_NODES(test_damaged))
