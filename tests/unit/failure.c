/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Failures: the first cause is the one that is told, and each kind can end a function. */

#include "service/host/failure.h"
#include "tests/unit/unit.h"

static void test_first_is_kept(void **state) {
        _cleanup_failure_ struct failure failure = {};

        assert_int_equal(fail(&failure, FAILURE_BUSY, "%s is busy", "0000:65:00.0"), -EBUSY);
        assert_int_equal(fail(&failure, FAILURE_NO_SUCH_DEVICE, "later"), -ENODEV);
        assert_int_equal(fail_internal(&failure, -ENOMEM), -ENOMEM);
        assert_int_equal(failure.kind, FAILURE_BUSY);
        assert_string_equal(failure.message, "0000:65:00.0 is busy");

        failure_clear(&failure);
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_null(failure.message);
        assert_int_equal(fail(&failure, FAILURE_NO_SUCH_DEVICE, "now"), -ENODEV);
        assert_string_equal(failure.message, "now");
}

static void test_errnos(void **state) {
        assert_int_equal(failure_errno(FAILURE_NONE), 0);

        for (enum failure_kind kind = FAILURE_NONE + 1; kind < _FAILURE_KIND_MAX; kind++) {
                _cleanup_failure_ struct failure failure = {};

                assert_row(failure_errno(kind) > 0, "kind %d", kind);
                assert_row(fail(&failure, kind, "x") == -failure_errno(kind), "kind %d", kind);
                assert_row(failure.kind == kind, "kind %d", kind);
        }
}

static void test_nobody_to_tell(void **state) {
        assert_int_equal(fail(NULL, FAILURE_BUSY, "x"), -EBUSY);
        assert_int_equal(fail_internal(NULL, -EMFILE), -EMFILE);
}

static void test_internal(void **state) {
        static const int errors[] = { ENOMEM, -ENOMEM, EMFILE, -EIO };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                _cleanup_failure_ struct failure failure = {};

                assert_int_equal(fail_internal(&failure, errors[i]), -abs(errors[i]));
                assert_int_equal(failure.kind, FAILURE_INTERNAL);
                assert_non_null(strstr(failure.message, strerror(abs(errors[i]))));
        }
}

UNIT_MAIN(cmocka_unit_test(test_first_is_kept), cmocka_unit_test(test_errnos),
          cmocka_unit_test(test_nobody_to_tell), cmocka_unit_test(test_internal))
