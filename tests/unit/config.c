/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The configuration file: time spans, limits, and lines that cannot be understood. */

#include "service/move/config.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

#define SEC 1000000ULL

static void test_time_spans(void **state) {
        static const struct {
                const char *text;
                uint64_t usec;
        } rows[] = {
                { "20", 20 * SEC },
                { "20s", 20 * SEC },
                { "20 s", 20 * SEC },
                { "20sec", 20 * SEC },
                { "1second", SEC },
                { "2 seconds", 2 * SEC },
                { "500ms", 500000 },
                { "500msec", 500000 },
                { "7us", 7 },
                { "7usec", 7 },
                { "1min", 60 * SEC },
                { "1m", 60 * SEC },
                { "1minute", 60 * SEC },
                { "2minutes", 120 * SEC },
                { "1h", 3600 * SEC },
                { "1hr", 3600 * SEC },
                { "2hours", 7200 * SEC },
                { "1min 30s", 90 * SEC },
                { "1min30s", 90 * SEC },
                { " 1min  30s ", 90 * SEC },
                { "1s 500ms", 1500000 },
                { "\t5\t", 5 * SEC },
                { "0", 0 },
                { "1h 1min 1s 1ms 1us", 3661001001 },
                { "18446744073709551615us", UINT64_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t usec = 0;

                assert_row(time_span_parse(rows[i].text, &usec) == 0, "\"%s\"", rows[i].text);
                assert_row(usec == rows[i].usec, "\"%s\": %llu", rows[i].text, (unsigned long long) usec);
        }
}

static void test_no_time_spans(void **state) {
        static const char *const rows[] = {
                "",
                " ",
                "s",
                "ms",
                "-1",
                "+1",
                "1.5s",
                "1,5s",
                "20x",
                "20S",
                "20 parsecs",
                "20s x",
                "20s,",
                "1s-",
                "0x10",
                "1e3",
                "infinity",
                "20\n",
                "２０",
                "20s\xff",
                "18446744073709551616us",
                "18446744073709551615",
                "99999999999999999999",
                "18446744073709551615us 1us",
                "5124095576030432h",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t usec = 42;

                assert_row(time_span_parse(rows[i], &usec) == -EINVAL, "\"%s\"", rows[i]);
                assert_int_equal(usec, 42);
        }
}

static void test_booleans(void **state) {
        static const struct {
                const char *text;
                int line;
                bool value;
        } rows[] = {
                { "", 0, false },
                { "[Manager]\nResetAfterLease=yes\n", 0, true },
                { "[Manager]\nResetAfterLease = true\n", 0, true },
                { "[Manager]\nResetAfterLease=1\n", 0, true },
                { "[Manager]\nResetAfterLease=on\nResetAfterLease=off\n", 0, false },
                { "[Manager]\nResetAfterLease=no\n", 0, false },
                { "[Manager]\nResetAfterLease=\n", 2, false },
                { "[Manager]\nResetAfterLease=yes\nResetAfterLease=Yes\n", 3, true },
                { "[Manager]\nResetAfterLease=2\n", 2, false },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *path = tree_name(tree, "vfiobind.conf");
                struct config config;

                tree_write(tree, "vfiobind.conf", "%s", rows[i].text);
                config_init(&config);
                assert_row(config_read(&config, path) == rows[i].line, "row %zu", i);
                assert_row(config.reset_after_lease == rows[i].value, "row %zu", i);
        }
}

static void test_files(void **state) {
        static const struct {
                const char *text;
                int line;
                const char *backend;
                uint64_t limit;
        } rows[] = {
                { "", 0, "auto", 20 * SEC },
                { "# nothing\n\n; here\n", 0, "auto", 20 * SEC },
                { "[Manager]\nDefaultBackend=kvm\nOperationTimeoutSec=500ms\n", 0, "kvm", SEC / 2 },
                { "[Manager]\nDefaultBackend = xen\n", 0, "xen", 20 * SEC },
                { "[Manager]\nDefaultBackend=vfio", 0, "vfio", 20 * SEC },
                { "[Manager]\nDefaultBackend=kvm\nDefaultBackend=auto\n", 0, "auto", 20 * SEC },
                { "[Manager]\nOperationTimeoutSec=1min 30s\n", 0, "auto", 90 * SEC },
                /* the limits of the limit */
                { "[Manager]\nOperationTimeoutSec=100ms\n", 0, "auto", SEC / 10 },
                { "[Manager]\nOperationTimeoutSec=99ms\n", 2, "auto", 20 * SEC },
                { "[Manager]\nOperationTimeoutSec=1h\n", 0, "auto", 3600 * SEC },
                { "[Manager]\nOperationTimeoutSec=3601\n", 2, "auto", 20 * SEC },
                { "[Manager]\nOperationTimeoutSec=0\n", 2, "auto", 20 * SEC },
                { "[Manager]\nOperationTimeoutSec=\n", 2, "auto", 20 * SEC },
                /* what cannot be understood is passed over, and the first such line is told */
                { "[Manager]\nDefaultBackend=qemu\nOperationTimeoutSec=5\n", 2, "auto", 5 * SEC },
                { "[Manager]\nDefaultBackend=KVM\n", 2, "auto", 20 * SEC },
                { "[Manager]\nDefaultBackend=\n", 2, "auto", 20 * SEC },
                { "[Manager]\nDefaultBackend=autoautoautoautoauto\n", 2, "auto", 20 * SEC },
                { "[Manager]\nnonsense\nDefaultBackend=kvm\n", 2, "kvm", 20 * SEC },
                { "[Manager]\n\nColour=red\nAlso=wrong\n", 3, "auto", 20 * SEC },
                { "DefaultBackend=kvm\n", 1, "auto", 20 * SEC },
                { "[manager]\nDefaultBackend=kvm\n", 2, "auto", 20 * SEC },
                { "[Manager\nDefaultBackend=kvm\n", 1, "auto", 20 * SEC },
                { "[Manager]\nDefaultBackend=kvm\n[Other]\nx=y\n", 4, "kvm", 20 * SEC },
                { "\xff\xfe\n[Manager]\nDefaultBackend=kvm\n", 1, "kvm", 20 * SEC },
        };
        struct tree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *path = tree_name(tree, "vfiobind.conf");
                struct config config;
                int line;

                tree_write(tree, "vfiobind.conf", "%s", rows[i].text);
                config_init(&config);
                line = config_read(&config, path);
                assert_row(line == rows[i].line, "row %zu: %d", i, line);
                assert_row(streq(config.default_backend, rows[i].backend), "row %zu: %s", i,
                           config.default_backend);
                assert_row(config.limit_usec == rows[i].limit, "row %zu", i);
        }
}

/* A line longer than any buffer is one malformed line, and those after it count. */
static void test_long_line(void **state) {
        struct tree *tree = *state;
        _cleanup_free_ char *path = tree_name(tree, "vfiobind.conf"), *text = calloc(1, 5001);
        struct config config;

        memset(text, 'x', 5000);
        tree_write(tree, "vfiobind.conf", "[Manager]\nDefaultBackend=%s\n", text);
        config_init(&config);
        assert_int_equal(config_read(&config, path), 2);
        assert_string_equal(config.default_backend, "auto");
}

static void test_no_file(void **state) {
        struct tree *tree = *state;
        _cleanup_free_ char *missing = tree_name(tree, "missing"), *directory = tree_name(tree, "sys");
        struct config config;

        config_init(&config);
        assert_int_equal(config_read(&config, missing), 0);
        assert_true(config_read(&config, directory) <= 0);
        assert_string_equal(config.default_backend, "auto");
        assert_int_equal(config.limit_usec, 20 * SEC);
}

UNIT_MAIN(cmocka_unit_test(test_time_spans), cmocka_unit_test(test_no_time_spans), ON_TREE(test_booleans),
          ON_TREE(test_files), ON_TREE(test_long_line), ON_TREE(test_no_file))
