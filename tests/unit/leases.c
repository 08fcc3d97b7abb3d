/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What there is of leases on disk when the service starts, and how many there may be. */

#include <fcntl.h>

#include "service/move/homecoming.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define ALONE "0000:02:00.0"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = ALONE, .class_code = 0x020000, .driver = "e1000e", .group = "2" },
};

static void restart(struct stage *stage) {
        stage_stop(stage);
        stage_start(stage);
}

/* The descriptor of a lease. */
static int acquire(struct stage *stage, const char *addresses) {
        const struct answer *answer =
                        stage_wait(stage, stage_begin_errand(stage, ERRAND_LEASE, addresses, "vfio"));

        assert_int_equal(answer->kind, FAILURE_NONE);
        stage_settle(stage);
        return assert_ok(leases_hand_over(mover_leases(stage->mover), answer->id));
}

static int list(const struct lease *lease, void *userdata) {
        char *text = userdata;

        sprintf(text + strlen(text), "%u%s:", lease->id, lease->ended ? " ended" : "");
        for (size_t i = 0; i < lease->n_members; i++)
                sprintf(text + strlen(text), " %s", PCI_ADDRESS_TEXT(&lease->members[i].address));
        strcat(text, "\n");
        return 0;
}

static void expect_leases(struct stage *stage, const char *lines) {
        char text[1024] = "";

        assert_int_equal(leases_foreach(mover_leases(stage->mover), list, text), 0);
        assert_string_equal(text, lines);
}

/* A file as the service writes it, for NIC or for both. */
static void write_lease(struct stage *stage, unsigned id, bool both) {
        char path[64];

        snprintf(path, sizeof(path), "run/leases/%u", id);
        tree_write(stage->host.tree, path,
                   "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1,\"members\":[{\"address\":\"%s\",\"identity\":%ju,"
                   "\"driver\":\"e1000e\",\"override\":\"\"}%s]}",
                   NIC, (uintmax_t) host_function(&stage->host, NIC)->identity,
                   both ? ",{\"address\":\"" ALONE "\",\"identity\":1,\"driver\":\"\",\"override\":\"\"}"
                        : "");
}

/* Nobody holds a lease without a pipe, and a pipe without a lease is nobody's. */
static void test_half(void **state) {
        struct stage *stage = *state;

        write_lease(stage, 7, false);
        tree_pipe(stage->host.tree, "run/pipes/3");
        tree_write(stage->host.tree, "run/pipes/stray", "%s", "");
        restart(stage);
        expect_leases(stage, "7 ended: " NIC "\n");
        assert_string_equal(host_function(&stage->host, NIC)->lease, ":1.9");
        assert_true(host_function(&stage->host, NIC)->returning);
        assert_false(tree_has(stage->host.tree, "run/pipes/3"));
        assert_false(tree_has(stage->host.tree, "run/pipes/stray"));
}

/* The service was killed while one lease took over from another: who still holds it keeps it. */
static void test_two_leases(void **state) {
        struct stage *stage = *state;
        int fd = acquire(stage, NIC);

        write_lease(stage, 7, false);
        restart(stage);
        expect_leases(stage, "1: " NIC "\n");
        assert_false(tree_has(stage->host.tree, "run/leases/7"));
        assert_false(host_function(&stage->host, NIC)->returning);

        /* Of two that nobody holds, one is left to bring it back. */
        close(fd);
        write_lease(stage, 7, false);
        restart(stage);
        assert_true(host_function(&stage->host, NIC)->returning);
        assert_true(tree_has(stage->host.tree, "run/leases/1") !=
                    tree_has(stage->host.tree, "run/leases/7"));
}

/* What goes on in one lease is out of the other for good. */
static void test_part_of_two_leases(void **state) {
        struct stage *stage = *state;
        _cleanup_free_ char *text = NULL;
        int fd = acquire(stage, NIC);

        tree_write(stage->host.tree, "run/leases/7",
                   "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1,\"members\":["
                   "{\"address\":\"" NIC "\",\"identity\":%ju,\"driver\":\"\",\"override\":\"\"},"
                   "{\"address\":\"" ALONE "\",\"identity\":%ju,\"driver\":\"\",\"override\":\"\"}]}",
                   (uintmax_t) host_function(&stage->host, NIC)->identity,
                   (uintmax_t) host_function(&stage->host, ALONE)->identity);
        restart(stage);
        assert_string_equal(host_function(&stage->host, NIC)->lease, ":1.7");
        assert_string_equal(host_function(&stage->host, ALONE)->lease, ":1.9");
        text = tree_read(stage->host.tree, "run/leases/7");
        assert_null(strstr(text, NIC));
        assert_non_null(strstr(text, ALONE));
        close(fd);
}

/* Another device at the address has no part in it. */
static void test_another_device(void **state) {
        struct stage *stage = *state;
        int fd = acquire(stage, NIC);

        write_lease(stage, 7, true);
        stage_stop(stage);
        tree_remove(stage->host.tree, NIC);
        tree_add(stage->host.tree, &functions[0]);
        stage_start(stage);
        expect_leases(stage, "");
        assert_false(tree_has(stage->host.tree, "run/leases/1"));
        assert_false(tree_has(stage->host.tree, "run/leases/7"));
        assert_false(tree_has(stage->host.tree, "run/pipes/1"));
        close(fd);
}

/* Each of these is set aside and costs no other anything. */
static void test_damaged(void **state) {
        static const char *const contents[] = {
                "{}",
                "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1}",
                "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1,\"members\":{}}",
                "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1,\"members\":[1]}",
                "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1,\"members\":[{\"address\":\"" NIC "\"}]}",
                "{\"holder\":7,\"uid\":1000,\"pid\":1,\"members\":[]}",
                "{\"holder\":\":1.9\",\"uid\":1000,\"pid\":1,\"members\":[{\"address\":\"" NIC
                "\",\"identity\":1,\"driver\":\"../x\",\"override\":\"\"}]}",
        };
        struct stage *stage = *state;
        int fd = acquire(stage, NIC);

        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                tree_write(stage->host.tree, "run/leases/7", "%s", contents[i]);
                restart(stage);
                assert_row(streq(stage->damaged, "7 "), "%s: \"%s\"", contents[i], stage->damaged);
                expect_leases(stage, "1: " NIC "\n");
                tree_unlink(stage->host.tree, "run/leases/7.damaged");
        }
        close(fd);
}

/* The numbers of the manual: 64 for one user, 256 for all but root together. */
static void test_limits(void **state) {
        struct stage *stage = *state;
        struct leases *leases = mover_leases(stage->mover);
        const struct plan nothing = { .errand = ERRAND_LEASE };
        const struct holder root = { ":1.8", 0, 1 };
        uint32_t operation = 1000;

        /* Those of root take nobody's room. */
        assert_ok(leases_make(leases, 999, &nothing, &root, NULL));
        for (uint32_t uid = 1; uid <= 4; uid++)
                for (unsigned i = 0; i < 64; i++) {
                        _cleanup_failure_ struct failure failure = {};
                        const struct holder holder = { ":1.9", uid, 1 };

                        assert_ok(leases_check_room(leases, uid, &failure));
                        assert_ok(leases_make(leases, operation++, &nothing, &holder, &failure));
                }

        for (uint32_t uid = 0; uid <= 5; uid++) {
                _cleanup_failure_ struct failure failure = {};

                assert_row((leases_check_room(leases, uid, &failure) < 0) == (uid != 0), "%u", uid);
                assert_int_equal(failure.kind, uid != 0 ? FAILURE_LIMIT_EXCEEDED : FAILURE_NONE);
        }

        leases_abandon(leases, 1000);
        assert_ok(leases_check_room(leases, 1, NULL));
        assert_ok(leases_check_room(leases, 5, NULL));
        assert_true(leases_check_room(leases, 2, NULL) < 0);
}

UNIT_MAIN(ON_STAGE(test_half), ON_STAGE(test_two_leases), ON_STAGE(test_part_of_two_leases),
          ON_STAGE(test_another_device), ON_STAGE(test_damaged), ON_STAGE(test_limits))
