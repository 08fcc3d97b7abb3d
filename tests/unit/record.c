/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where functions came from: kept over restarts, forgotten when they are back, and never another device's.
 */

#include <sys/stat.h>

#include "service/move/journal/record.h"
#include "tests/unit/host.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define FILE_OF_NIC "run/moved/" NIC

static const struct fake_function functions[] = {
        { .address = "0000:01:00.0", .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = "0000:01:00.1", .class_code = 0x020000, .group = "1" },
        { .address = "0000:01:00.2", .class_code = 0x020000, .driver = "vfio-pci", .group = "1" },
};

struct run {
        struct host host;
        char *directory;
        struct records *records;
        char damaged[256];
};

static void on_damaged(const char *name, void *userdata) {
        struct run *run = userdata;

        strcat(strcat(run->damaged, name), " ");
}

static void start(struct run *run) {
        host_open(&run->host);
        host_scan(&run->host);
        run->damaged[0] = '\0';
        assert_ok(records_new(run->host.model, run->directory, on_damaged, run, &run->records));
}

static void restart(struct run *run) {
        records_free(run->records);
        host_close(&run->host);
        start(run);
}

static int setup(void **state) {
        struct run *run = calloc(1, sizeof(*run));

        host_init(&run->host, functions, ELEMENTSOF(functions));
        run->directory = tree_name(run->host.tree, "run");
        start(run);
        *state = run;
        return 0;
}

static int teardown(void **state) {
        struct run *run = *state;

        records_free(run->records);
        host_clear(&run->host);
        free(run->directory);
        free(run);
        return 0;
}

static struct function *function_at(struct run *run, const char *address) {
        return host_function(&run->host, address);
}

static void test_remember(void **state) {
        static const struct {
                const char *address, *override;
                const char *driver; /* at home */
                bool unknown;
                const char *property;
        } rows[] = {
                { "0000:01:00.0", "", "e1000e", false, "e1000e" },
                { "0000:01:00.1", "mine", "", false, "none" },
                { "0000:01:00.2", "vfio-pci", "", true, "" },
        };
        struct run *run = *state;

        for (unsigned again = 0; again < 3; again++) {
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        struct function *f = function_at(run, rows[i].address);
                        const struct home *home;

                        if (again == 0) {
                                assert_null(records_home(f, run->records));
                                assert_ok(model_set_override(run->host.model, f, rows[i].override));
                                assert_ok(records_remember(run->records, f, false));
                        }
                        home = records_home(f, run->records);
                        assert_row(home, "%s", rows[i].address);
                        assert_string_equal(home->driver, rows[i].driver);
                        assert_string_equal(home->override, rows[i].unknown ? "" : rows[i].override);
                        assert_int_equal(home->unknown, rows[i].unknown);
                        assert_string_equal(f->home, rows[i].property);
                }
                restart(run);
                assert_string_equal(run->damaged, "");
        }
}

/* The home is where a function was before the first move, not before the last. */
static void test_remembered_once(void **state) {
        struct run *run = *state;

        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        host_move(&run->host, NIC, "pci-stub", "");
        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        host_move(&run->host, NIC, "other", "");
        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        assert_string_equal(records_home(function_at(run, NIC), run->records)->driver, "e1000e");
        restart(run);
        assert_string_equal(records_home(function_at(run, NIC), run->records)->driver, "e1000e");
}

static void test_modes(void **state) {
        static const struct {
                const char *path;
                mode_t mode;
        } rows[] = { { "run", 0700 }, { "run/moved", 0700 }, { FILE_OF_NIC, 0600 } };
        struct run *run = *state;

        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *name = tree_name(run->host.tree, rows[i].path);
                struct stat st;

                assert_int_equal(stat(name, &st), 0);
                assert_row((st.st_mode & 07777) == rows[i].mode, "%s: %o", rows[i].path, st.st_mode & 07777);
        }
}

static void test_forget(void **state) {
        struct run *run = *state;
        struct pci_address address = at(NIC);

        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        assert_ok(records_remember(run->records, function_at(run, "0000:01:00.1"), false));
        assert_ok(records_forget(run->records, &address));
        assert_ok(records_forget(run->records, &address));
        assert_null(records_home(function_at(run, NIC), run->records));
        assert_string_equal(function_at(run, NIC)->home, "");
        assert_false(tree_has(run->host.tree, FILE_OF_NIC));
        assert_non_null(records_home(function_at(run, "0000:01:00.1"), run->records));
}

static void test_review(void **state) {
        static const struct {
                const char *address;           /* remembered as it is */
                const char *driver, *override; /* reviewed like this */
                bool forgotten;
        } rows[] = {
                { "0000:01:00.0", "e1000e", "", true },   { "0000:01:00.0", "vfio-pci", "", false },
                { "0000:01:00.0", "e1000e", "x", false }, { "0000:01:00.0", NULL, "", false },
                { "0000:01:00.0", "e1000", "", false },   { "0000:01:00.1", NULL, "", true },
                { "0000:01:00.1", "e1000e", "", false },  { "0000:01:00.2", "vfio-pci", "", false },
                { "0000:01:00.2", NULL, "", false },      { "0000:01:00.2", "pci-stub", "", false },
                { "0000:01:00.2", "e1000e", "", true },   { "0000:01:00.2", "e1000e", "x", true },
        };
        struct run *run = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct pci_address address = at(rows[i].address);
                struct function *f = function_at(run, rows[i].address);

                for (size_t j = 0; j < ELEMENTSOF(functions); j++)
                        if (streq(functions[j].address, rows[i].address))
                                host_move(&run->host, rows[i].address, functions[j].driver, "");
                assert_ok(records_remember(run->records, f, false));

                host_move(&run->host, rows[i].address, rows[i].driver, rows[i].override);
                records_review(run->records, f);
                assert_row(!records_home(f, run->records) == rows[i].forgotten, "row %zu", i);
                assert_ok(records_forget(run->records, &address));
        }
        records_review(run->records, function_at(run, NIC));
}

static void test_another_device(void **state) {
        struct run *run = *state;

        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        tree_remove(run->host.tree, NIC);
        tree_add(run->host.tree, &functions[0]);

        /* While the service runs: the model has the new one, the record is about the old one. */
        assert_ok(model_scan(run->host.model));
        assert_null(records_home(function_at(run, NIC), run->records));
        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        assert_non_null(records_home(function_at(run, NIC), run->records));

        /* And while it did not. */
        tree_remove(run->host.tree, NIC);
        tree_add(run->host.tree, &functions[0]);
        restart(run);
        assert_null(records_home(function_at(run, NIC), run->records));
        assert_false(tree_has(run->host.tree, FILE_OF_NIC));
        assert_string_equal(run->damaged, "");
}

static void test_device_gone(void **state) {
        struct run *run = *state;

        assert_ok(records_remember(run->records, function_at(run, NIC), false));
        assert_ok(records_remember(run->records, function_at(run, "0000:01:00.1"), false));
        tree_remove(run->host.tree, NIC);
        restart(run);
        assert_false(tree_has(run->host.tree, FILE_OF_NIC));
        assert_non_null(records_home(function_at(run, "0000:01:00.1"), run->records));
}

static void test_damaged(void **state) {
        static const char *const contents[] = {
                "",
                "{",
                "[]",
                "{}",
                "{\"identity\":1}",
                "{\"identity\":\"1\",\"driver\":\"a\",\"override\":\"\"}",
                "{\"identity\":1,\"driver\":1,\"override\":\"\"}",
                "{\"identity\":1,\"driver\":\"a\"}",
        };
        struct run *run = *state;

        assert_ok(records_remember(run->records, function_at(run, "0000:01:00.1"), false));
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                tree_write(run->host.tree, FILE_OF_NIC, "%s", contents[i]);
                restart(run);
                assert_row(streq(run->damaged, NIC " "), "%s", contents[i]);
                assert_null(records_home(function_at(run, NIC), run->records));
                assert_non_null(records_home(function_at(run, "0000:01:00.1"), run->records));
                assert_true(tree_has(run->host.tree, FILE_OF_NIC ".damaged"));
        }

        tree_write(run->host.tree, "run/moved/nonsense",
                   "{\"identity\":1,\"driver\":\"a\",\"override\":\"\"}");
        restart(run);
        assert_string_equal(run->damaged, "nonsense ");
}

#define ON_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_RUN(test_remember), ON_RUN(test_remembered_once), ON_RUN(test_modes), ON_RUN(test_forget),
          ON_RUN(test_review), ON_RUN(test_another_device), ON_RUN(test_device_gone), ON_RUN(test_damaged))
