/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One at a time, in the order they came. */

#include "service/move/operation/turns.h"
#include "tests/unit/unit.h"

static void begin(void *userdata) {
        unsigned *n = userdata;

        (*n)++;
}

static void test_order(void **state) {
        unsigned began[3] = {};
        struct turn turn[3];
        struct turns turns = {};

        for (size_t i = 0; i < ELEMENTSOF(turn); i++) {
                turn[i] = (struct turn){ .begins = begin, .userdata = &began[i] };
                assert_int_equal(turns_enter(&turns, &turn[i]), i == 0);
        }

        /* Asking again changes nothing. */
        assert_true(turns_enter(&turns, &turn[0]));
        assert_false(turns_enter(&turns, &turn[1]));

        turns_leave(&turns, &turn[0]);
        assert_true(began[0] == 0 && began[1] == 1 && began[2] == 0);
        assert_true(turns_enter(&turns, &turn[1]));
        assert_false(turns_enter(&turns, &turn[0]));

        turns_leave(&turns, &turn[1]);
        assert_true(began[0] == 0 && began[1] == 1 && began[2] == 1);
}

/* Whoever leaves the queue before its turn, or was never in it, disturbs nobody. */
static void test_leaves_early(void **state) {
        unsigned began[3] = {};
        struct turn turn[3];
        struct turns turns = {};

        for (size_t i = 0; i < ELEMENTSOF(turn); i++)
                turn[i] = (struct turn){ .begins = begin, .userdata = &began[i] };
        turns_leave(&turns, &turn[0]);
        for (size_t i = 0; i < ELEMENTSOF(turn); i++)
                turns_enter(&turns, &turn[i]);

        turns_leave(&turns, &turn[1]);
        assert_true(began[0] + began[1] + began[2] == 0);
        turns_leave(&turns, &turn[0]);
        assert_true(began[1] == 0 && began[2] == 1);
        turns_leave(&turns, &turn[2]);
        assert_null(turns.first);
}

UNIT_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_leaves_early))
