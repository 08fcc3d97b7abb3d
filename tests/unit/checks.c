/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What polkit is told about a plan. */

#include "polkit/checks.h"
#include "tests/unit/host.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

static const struct fake_function functions[] = {
        { .address = "0000:01:00.0",
          .vendor = 0x8086,
          .device = 0x10d3,
          .subsystem_vendor = 0x8086,
          .subsystem_device = 0x00a1,
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "14" },
        { .address = "0000:01:00.1",
          .vendor = 0x0f0f,
          .device = 0x0001,
          .class_code = 0x020000,
          .driver = "igb",
          .group = "14" },
        { .address = "0000:02:00.0",
          .vendor = 0x1234,
          .device = 0x1111,
          .class_code = 0x030000,
          .boot_vga = "1" },
        { .address = "0000:03:00.0",
          .vendor = 0x0f0f,
          .device = 0x0002,
          .class_code = 0xf0f0f0,
          .driver = "odd" },
};

static int setup(void **state) {
        struct host *host = calloc(1, sizeof(*host));

        host_init(host, functions, ELEMENTSOF(functions));
        modules_loaded("");
        tree_driver(host->tree, "vfio-pci");
        tree_driver(host->tree, "pci-stub");
        host_open(host);
        host_scan(host);
        *state = host;
        return 0;
}

static const struct home *no_home(const struct function *f, void *userdata) {
        return NULL;
}

/* The checks of a plan for the functions with these indexes, about each of which DISK_USERS mounts are
 * known. */
static void make(struct host *host, const char *indexes, const char *word, unsigned flags,
                 const char *mounts, struct checks *checks) {
        _cleanup_findings_ struct findings findings = {};
        _cleanup_(plan_freep) struct plan *plan = NULL;
        struct function *list[ELEMENTSOF(functions)];
        size_t n = strlen(indexes);

        for (size_t i = 0; i < n; i++) {
                list[i] = host_function(host, functions[indexes[i] - '0'].address);
                for (const char *m = mounts; *m; m++)
                        assert_ok(findings_add(&findings, *m == 's' ? FINDING_SWAP : FINDING_MOUNTED,
                                               SEVERITY_FORCE, &list[i]->address,
                                               (char[]){ (char) ('a' + (m - mounts)), '\0' }, "x"));
        }
        assert_ok(plan_make(host->model, list, n, &(struct request){ .word = word, .flags = flags }, "auto",
                            &(const struct memory){ .home = no_home }, &findings, &plan, NULL));
        assert_ok(checks_from_plan(host->model, plan, checks));
}

struct detail {
        const char *key, *value;
};

static void expect(const struct check *check, const char *action, const struct detail *details, size_t n) {
        size_t found = 0;

        assert_string_equal(check->action, action);
        while (check->details[found])
                found++;
        assert_int_equal(found, 2 * n);
        for (size_t i = 0; i < n; i++)
                assert_row(streq(check_detail(check, details[i].key), details[i].value), "%s: \"%s\"",
                           details[i].key, check_detail(check, details[i].key));
}

static void test_nic(void **state) {
        static const struct detail details[] = {
                { "device", "0000:01:00.0" },
                { "vendor-id", "8086" },
                { "device-id", "10d3" },
                { "subsystem-vendor-id", "8086" },
                { "subsystem-device-id", "00a1" },
                { "class", "020000" },
                { "group", "14" },
                { "group-devices", "0000:01:00.0 0000:01:00.1" },
                { "driver", "e1000e" },
                { "target", "vfio-pci" },
                { "backend", "vfio" },
                { "boot-vga", "false" },
                { "findings", "mounted swap group" },
                { "name", "Intel Corporation 82574L Gigabit Network Connection (0000:01:00.0)" },
        };
        _cleanup_checks_ struct checks checks = {};
        struct detail sorted[ELEMENTSOF(details)];
        char findings[64];

        make(*state, "0", "vfio", 0, "mms", &checks);
        assert_int_equal(checks.n, 1);

        /* Each kind once, in whatever order. */
        memcpy(sorted, details, sizeof(details));
        snprintf(findings, sizeof(findings), "%s", check_detail(&checks.array[0], "findings"));
        assert_int_equal(strlen(findings), strlen("mounted swap group"));
        assert_true(strstr(findings, "mounted") && strstr(findings, "swap") && strstr(findings, "group"));
        sorted[12].value = findings;
        expect(&checks.array[0], "org.vfiobind.bind", sorted, ELEMENTSOF(sorted));
}

static void test_bare_display(void **state) {
        static const struct detail details[] = {
                { "device", "0000:02:00.0" },
                { "vendor-id", "1234" },
                { "device-id", "1111" },
                { "subsystem-vendor-id", "0000" },
                { "subsystem-device-id", "0000" },
                { "class", "030000" },
                { "group", "" },
                { "group-devices", "" },
                { "driver", "" },
                { "target", "pci-stub" },
                { "backend", "kvm" },
                { "boot-vga", "true" },
                { "findings", "" },
        };
        _cleanup_checks_ struct checks checks = {};

        make(*state, "2", "kvm", 0, "", &checks);
        assert_int_equal(checks.n, 1);
        for (size_t i = 0; i < ELEMENTSOF(details); i++)
                assert_row(streq(check_detail(&checks.array[0], details[i].key), details[i].value), "%s",
                           details[i].key);
        assert_string_equal(check_detail(&checks.array[0], "no-such"), "");
}

static void test_targets(void **state) {
        static const struct {
                const char *now, *override, *word, *action, *target, *backend;
        } rows[] = {
                { "e1000e", "", "none", "org.vfiobind.bind", "none", "" },
                { "e1000e", "", "igb", "org.vfiobind.bind", "igb", "" },
                { "vfio-pci", "vfio-pci", "host", "org.vfiobind.restore", "none", "" },
                { "e1000e", "", "pci-stub", "org.vfiobind.bind", "pci-stub", "kvm" },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_checks_ struct checks checks = {};

                host_move(host, functions[0].address, rows[i].now, rows[i].override);
                make(host, "0", rows[i].word, 0, "", &checks);
                assert_int_equal(checks.n, 1);
                assert_string_equal(checks.array[0].action, rows[i].action);
                assert_string_equal(check_detail(&checks.array[0], "target"), rows[i].target);
                assert_string_equal(check_detail(&checks.array[0], "backend"), rows[i].backend);
                assert_string_equal(check_detail(&checks.array[0], "driver"), rows[i].now);
        }
}

/* What nobody can word: the database's names, or plain ones. */
static void test_names(void **state) {
        static const struct {
                const char *index, *name;
        } rows[] = { { "1", "Ethernet controller (0000:01:00.1)" }, { "3", "PCI device (0000:03:00.0)" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_checks_ struct checks checks = {};

                make(*state, rows[i].index, "kvm", 0, "", &checks);
                assert_string_equal(check_detail(&checks.array[0], "name"), rows[i].name);
        }
}

static void test_together(void **state) {
        static const struct detail details[] = {
                { "devices", "0000:01:00.0 0000:01:00.1 0000:03:00.0" },
                { "actions", "org.vfiobind.bind" },
                { "findings", "mounted swap" },
                { "name", "Intel Corporation 82574L Gigabit Network Connection (0000:01:00.0), Ethernet "
                          "controller (0000:01:00.1), "
                          "PCI device (0000:03:00.0)" },
                { "what", "take from their drivers" },
                { "warning", "" },
        };
        _cleanup_checks_ struct checks checks = {}, together = {};

        make(*state, "013", "kvm", 0, "msm", &checks);
        assert_int_equal(checks.n, 3);
        assert_ok(checks_combine(&checks, &together));
        assert_int_equal(together.n, 1);
        expect(&together.array[0], "org.vfiobind.together", details, ELEMENTSOF(details));
}

/* What is cut off, for the question about FORCE and for the one that stands for all. */
static void test_force(void **state) {
        static const char *const cut_off = "a mounted file system, swap space";
        static const char *const warning = ". This cuts off: a mounted file system, swap space";
        _cleanup_checks_ struct checks checks = {}, together = {}, idle = {};

        make(*state, "01", "kvm", PLAN_FORCE, "msm", &checks);
        assert_int_equal(checks.n, 4);
        assert_string_equal(checks.array[0].action, "org.vfiobind.bind");
        assert_string_equal(check_detail(&checks.array[0], "warning"), "");
        assert_string_equal(checks.array[1].action, "org.vfiobind.force");
        assert_string_equal(check_detail(&checks.array[1], "findings"), "mounted swap");
        assert_string_equal(check_detail(&checks.array[1], "cut-off"), cut_off);
        assert_string_equal(check_detail(&checks.array[1], "warning"), warning);

        assert_ok(checks_combine(&checks, &together));
        assert_string_equal(check_detail(&together.array[0], "actions"),
                            "org.vfiobind.bind org.vfiobind.force");
        assert_string_equal(check_detail(&together.array[0], "what"),
                            "take from their drivers, go on over what uses them");
        assert_string_equal(check_detail(&together.array[0], "warning"), warning);

        make(*state, "0", "kvm", PLAN_FORCE, "", &idle);
        assert_string_equal(check_detail(&idle.array[1], "warning"), "");
}

/* Lists of words, one the beginning or the end of another. */
static void test_together_of_words(void **state) {
        char *first[] = { strdup("device"), strdup("0000:01:00.0"), strdup("findings"), strdup("swapped x"),
                          NULL },
             *second[] = { strdup("device"), strdup("10000:01:00.0"), strdup("findings"), strdup("swap"),
                           NULL },
             *third[] = { strdup("device"), strdup("0000:01:00.0"), strdup("findings"), strdup("x"), NULL };
        struct check array[] = { { (char *) "a.bind", first },
                                 { (char *) "a.bind-all", second },
                                 { (char *) "a.bind", third } };
        const struct checks checks = { array, ELEMENTSOF(array) };
        _cleanup_checks_ struct checks together = {};

        assert_ok(checks_combine(&checks, &together));
        assert_string_equal(check_detail(&together.array[0], "devices"), "0000:01:00.0 10000:01:00.0");
        assert_string_equal(check_detail(&together.array[0], "actions"), "a.bind a.bind-all");
        assert_string_equal(check_detail(&together.array[0], "findings"), "swapped x swap");
        for (size_t i = 0; i < ELEMENTSOF(array); i++)
                for (char **d = array[i].details; *d; d++)
                        free(*d);
}

static void test_equal(void **state) {
        static const struct {
                const char *indexes, *word, *mounts;
        } rows[] = {
                { "01", "kvm", "" },  { "10", "kvm", "" },  { "0", "kvm", "" },  { "01", "none", "" },
                { "01", "kvm", "m" }, { "01", "kvm", "s" }, { "03", "kvm", "" }, { "", "kvm", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t j = 0; j < ELEMENTSOF(rows); j++) {
                        _cleanup_checks_ struct checks a = {}, b = {};

                        make(*state, rows[i].indexes, rows[i].word, 0, rows[i].mounts, &a);
                        make(*state, rows[j].indexes, rows[j].word, 0, rows[j].mounts, &b);
                        assert_row(checks_equal(&a, &b) == (i == j), "rows %zu and %zu", i, j);
                }
}

/* A function that has gone between the plan and the question. */
static void test_gone(void **state) {
        struct host *host = *state;
        struct function *f = host_function(host, functions[0].address);
        static const struct findings none;
        _cleanup_(plan_freep) struct plan *plan = NULL;
        struct checks checks = {};

        assert_ok(plan_make(host->model, &f, 1, &(struct request){ .word = "kvm" }, "auto",
                            &(const struct memory){ .home = no_home }, &none, &plan, NULL));
        tree_remove(host->tree, functions[0].address);
        host_scan(host);
        assert_int_equal(checks_from_plan(host->model, plan, &checks), -ENODEV);
        assert_int_equal(checks.n, 0);
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, host_teardown)

UNIT_MAIN(ON_HOST(test_nic), ON_HOST(test_bare_display), ON_HOST(test_targets), ON_HOST(test_names),
          ON_HOST(test_together), ON_HOST(test_force), cmocka_unit_test(test_together_of_words),
          ON_HOST(test_equal), ON_HOST(test_gone))
