/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every unit test includes: cmocka with what it wants before it, and the few words that they share.
 * Each test program ends in UNIT_MAIN with its tests, and says in TAP how they went. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

/* The service has a function of this name. */
#undef fail
#undef fail_msg
#define fail_msg(format, ...)                                                                               \
        do {                                                                                                \
                print_error(format "\n", ##__VA_ARGS__);                                                    \
                _fail(__FILE__, __LINE__);                                                                  \
        } while (0)

#include "service/host/address.h"
#include "service/host/macros.h"

/* The programs of this folder get the tests' names from their functions. */
#define UNIT_MAIN(...)                                                                                      \
        int main(void) {                                                                                    \
                const struct CMUnitTest tests[] = { __VA_ARGS__ };                                          \
                                                                                                            \
                cmocka_set_message_output(CM_OUTPUT_TAP);                                                   \
                return cmocka_run_group_tests(tests, NULL, NULL);                                           \
        }

/* A function that answers 0 or more. */
#define assert_ok(expression)                                                                               \
        ({                                                                                                  \
                int _r = (int) (expression);                                                                \
                if (_r < 0)                                                                                 \
                        fail_msg("%s: %s", #expression, strerror(-_r));                                     \
                _r;                                                                                         \
        })

/* Fails with the row of a table that did not hold. */
#define assert_row(expression, ...)                                                                         \
        do {                                                                                                \
                if (!(expression)) {                                                                        \
                        print_error(__VA_ARGS__);                                                           \
                        fail_msg(": %s does not hold", #expression);                                        \
                }                                                                                           \
        } while (0)

/* From now on N descriptors can be opened, 0 or 1, and no more. Returns the limit that was, for setrlimit().
 */
static inline struct rlimit spare_descriptors(int n) {
        int lowest = dup(STDERR_FILENO);
        struct rlimit before, limit;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        limit = before;
        limit.rlim_cur = (rlim_t) (lowest + n);
        close(lowest);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        return before;
}

/* TEXT as an address; it must be one. */
static inline struct pci_address at(const char *text) {
        struct pci_address address = {};

        assert_int_equal(pci_address_parse(text, &address), 0);
        return address;
}
