/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where functions came from: kept over restarts, forgotten when they are back, and never another device's. */

#include <sys/stat.h>

#include "service/move/record.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"
#include "tests/unit/witness.h"

#define NIC "0000:01:00.0"
#define FILE_OF_NIC "run/moved/" NIC

static const struct fake_function functions[] = {
        { .address = "0000:01:00.0", .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = "0000:01:00.1", .class_code = 0x020000, .group = "1" },
        { .address = "0000:01:00.2", .class_code = 0x020000, .driver = "vfio-pci", .group = "1" },
};

struct host {
        struct tree *tree;
        struct aliases *aliases;
        struct model *model;
        struct witness witness;
        char *directory;
        struct records *records;
        char damaged[256];
};

static void on_damaged(const char *name, void *userdata) {
        struct host *host = userdata;

        strcat(strcat(host->damaged, name), " ");
}

static void start(struct host *host) {
        assert_ok(aliases_new(host->tree->root, &host->aliases));
        assert_ok(model_new(host->tree->root, host->aliases, &host->model));
        assert_ok(model_scan(host->model));
        witness_attach(&host->witness, host->model);
        assert_ok(records_new(host->model, host->directory, on_damaged, host, &host->records));
}

static void stop(struct host *host) {
        records_free(host->records);
        model_free(host->model);
        aliases_free(host->aliases);
}

static void restart(struct host *host) {
        stop(host);
        host->damaged[0] = '\0';
        start(host);
}

static int setup(void **state) {
        struct host *host = calloc(1, sizeof(*host));

        host->tree = tree_new();
        tree_add_all(host->tree, functions, ELEMENTSOF(functions));
        host->directory = tree_name(host->tree, "run");
        start(host);
        *state = host;
        return 0;
}

static int teardown(void **state) {
        struct host *host = *state;

        stop(host);
        tree_free(host->tree);
        free(host->directory);
        free(host);
        return 0;
}

static struct function *function_at(struct host *host, const char *address) {
        struct pci_address a = at(address);

        return model_function(host->model, &a);
}

static void move(struct host *host, const char *address, const char *driver) {
        struct pci_address a = at(address);

        tree_set_driver(host->tree, address, driver);
        assert_ok(model_update(host->model, &a, MOVED_BY_US));
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
        struct host *host = *state;

        for (unsigned again = 0; again < 3; again++) {
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        struct function *f = function_at(host, rows[i].address);
                        const struct home *home;

                        if (again == 0) {
                                assert_null(records_home(f, host->records));
                                assert_ok(model_set_override(host->model, f, rows[i].override));
                                assert_ok(records_remember(host->records, f));
                        }
                        home = records_home(f, host->records);
                        assert_row(home, "%s", rows[i].address);
                        assert_string_equal(home->driver, rows[i].driver);
                        assert_string_equal(home->override, rows[i].unknown ? "" : rows[i].override);
                        assert_int_equal(home->unknown, rows[i].unknown);
                        assert_string_equal(f->home, rows[i].property);
                }
                restart(host);
                assert_string_equal(host->damaged, "");
        }
}

/* The home is where a function was before the first move, not before the last. */
static void test_remembered_once(void **state) {
        struct host *host = *state;

        assert_ok(records_remember(host->records, function_at(host, NIC)));
        move(host, NIC, "pci-stub");
        assert_ok(records_remember(host->records, function_at(host, NIC)));
        move(host, NIC, "other");
        assert_ok(records_remember(host->records, function_at(host, NIC)));
        assert_string_equal(records_home(function_at(host, NIC), host->records)->driver, "e1000e");
        restart(host);
        assert_string_equal(records_home(function_at(host, NIC), host->records)->driver, "e1000e");
}

static void test_modes(void **state) {
        static const struct {
                const char *path;
                mode_t mode;
        } rows[] = { { "run", 0700 }, { "run/moved", 0700 }, { FILE_OF_NIC, 0600 } };
        struct host *host = *state;

        assert_ok(records_remember(host->records, function_at(host, NIC)));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *name = tree_name(host->tree, rows[i].path);
                struct stat st;

                assert_int_equal(stat(name, &st), 0);
                assert_row((st.st_mode & 07777) == rows[i].mode, "%s: %o", rows[i].path, st.st_mode & 07777);
        }
}

static void test_forget(void **state) {
        struct host *host = *state;
        struct pci_address address = at(NIC);

        assert_ok(records_remember(host->records, function_at(host, NIC)));
        assert_ok(records_remember(host->records, function_at(host, "0000:01:00.1")));
        assert_ok(records_forget(host->records, &address));
        assert_ok(records_forget(host->records, &address));
        assert_null(records_home(function_at(host, NIC), host->records));
        assert_string_equal(function_at(host, NIC)->home, "");
        assert_false(tree_has(host->tree, FILE_OF_NIC));
        assert_non_null(records_home(function_at(host, "0000:01:00.1"), host->records));
}

static void test_review(void **state) {
        static const struct {
                const char *address;       /* remembered as it is */
                const char *driver, *override; /* reviewed like this */
                bool forgotten;
        } rows[] = {
                { "0000:01:00.0", "e1000e", "", true },       { "0000:01:00.0", "vfio-pci", "", false },
                { "0000:01:00.0", "e1000e", "x", false },     { "0000:01:00.0", NULL, "", false },
                { "0000:01:00.0", "e1000", "", false },       { "0000:01:00.1", NULL, "", true },
                { "0000:01:00.1", "e1000e", "", false },      { "0000:01:00.2", "vfio-pci", "", false },
                { "0000:01:00.2", NULL, "", false },          { "0000:01:00.2", "pci-stub", "", false },
                { "0000:01:00.2", "e1000e", "", true },       { "0000:01:00.2", "e1000e", "x", true },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct pci_address address = at(rows[i].address);
                struct function *f = function_at(host, rows[i].address);

                for (size_t j = 0; j < ELEMENTSOF(functions); j++)
                        if (streq(functions[j].address, rows[i].address))
                                move(host, rows[i].address, functions[j].driver);
                assert_ok(model_set_override(host->model, f, ""));
                assert_ok(records_remember(host->records, f));

                move(host, rows[i].address, rows[i].driver);
                assert_ok(model_set_override(host->model, f, rows[i].override));
                records_review(host->records, f);
                assert_row(!records_home(f, host->records) == rows[i].forgotten, "row %zu", i);
                assert_ok(records_forget(host->records, &address));
        }
        records_review(host->records, function_at(host, NIC));
}

static void test_another_device(void **state) {
        struct host *host = *state;

        assert_ok(records_remember(host->records, function_at(host, NIC)));
        tree_remove(host->tree, NIC);
        tree_add(host->tree, &functions[0]);

        /* While the service runs: the model has the new one, the record is about the old one. */
        assert_ok(model_scan(host->model));
        assert_null(records_home(function_at(host, NIC), host->records));
        assert_ok(records_remember(host->records, function_at(host, NIC)));
        assert_non_null(records_home(function_at(host, NIC), host->records));

        /* And while it did not. */
        tree_remove(host->tree, NIC);
        tree_add(host->tree, &functions[0]);
        restart(host);
        assert_null(records_home(function_at(host, NIC), host->records));
        assert_false(tree_has(host->tree, FILE_OF_NIC));
        assert_string_equal(host->damaged, "");
}

static void test_device_gone(void **state) {
        struct host *host = *state;

        assert_ok(records_remember(host->records, function_at(host, NIC)));
        assert_ok(records_remember(host->records, function_at(host, "0000:01:00.1")));
        tree_remove(host->tree, NIC);
        restart(host);
        assert_false(tree_has(host->tree, FILE_OF_NIC));
        assert_non_null(records_home(function_at(host, "0000:01:00.1"), host->records));
}

static void test_damaged(void **state) {
        static const char *const contents[] = {
                "", "{", "[]", "{}", "{\"identity\":1}", "{\"identity\":\"1\",\"driver\":\"a\",\"override\":\"\"}",
                "{\"identity\":1,\"driver\":1,\"override\":\"\"}", "{\"identity\":1,\"driver\":\"a\"}",
        };
        struct host *host = *state;

        assert_ok(records_remember(host->records, function_at(host, "0000:01:00.1")));
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                tree_write(host->tree, FILE_OF_NIC, "%s", contents[i]);
                restart(host);
                assert_row(streq(host->damaged, NIC " "), "%s", contents[i]);
                assert_null(records_home(function_at(host, NIC), host->records));
                assert_non_null(records_home(function_at(host, "0000:01:00.1"), host->records));
                assert_true(tree_has(host->tree, FILE_OF_NIC ".damaged"));
        }

        tree_write(host->tree, "run/moved/nonsense", "{\"identity\":1,\"driver\":\"a\",\"override\":\"\"}");
        restart(host);
        assert_string_equal(host->damaged, "nonsense ");
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_remember), ON_HOST(test_remembered_once), ON_HOST(test_modes), ON_HOST(test_forget), ON_HOST(test_review),
          ON_HOST(test_another_device), ON_HOST(test_device_gone), ON_HOST(test_damaged))
