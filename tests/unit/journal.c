/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The journal: entries come back as they were written, and a damaged one costs no other. */

#include <sys/stat.h>

#include "service/host/array.h"
#include "service/move/journal/journal.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

struct run {
        struct tree *tree;
        char *directory;
        struct journal *journal;
        struct journal_entry *recovered[8];
        size_t n_recovered;
        char damaged[256];
};

static int setup(void **state) {
        struct run *run = calloc(1, sizeof(*run));

        run->tree = tree_new();
        run->directory = tree_name(run->tree, "run");
        assert_ok(journal_open(run->directory, &run->journal));
        *state = run;
        return 0;
}

static void forget(struct run *run) {
        for (size_t i = 0; i < run->n_recovered; i++)
                journal_entry_free(run->recovered[i]);
        run->n_recovered = 0;
        run->damaged[0] = '\0';
}

static int teardown(void **state) {
        struct run *run = *state;

        forget(run);
        journal_free(run->journal);
        tree_free(run->tree);
        free(run->directory);
        free(run);
        return 0;
}

static int keep(struct journal_entry *entry, void *userdata) {
        struct run *run = userdata;

        run->recovered[run->n_recovered++] = entry;
        return 0;
}

static void on_damaged(const char *name, void *userdata) {
        struct run *run = userdata;

        strcat(strcat(run->damaged, name), " ");
}

/* As a new start of the service does it. */
static void recover(struct run *run) {
        forget(run);
        journal_free(run->journal);
        assert_ok(journal_open(run->directory, &run->journal));
        assert_ok(journal_recover(run->journal, keep, run, on_damaged, run));
}

static struct journal_entry *make_entry(uint32_t id) {
        struct journal_entry *entry = journal_entry_new();
        struct movement *m;

        entry->id = id;
        entry->uid = 4294967294;
        entry->caller = strdup(":1.42");
        entry->word = strdup("vfio");
        entry->plan = calloc(1, sizeof(*entry->plan));

        m = array_append(&entry->plan->movements, &entry->plan->n_movements, sizeof(*m));
        m->address = at("0000:65:00.0");
        m->identity = UINT64_MAX;
        m->group = 14;
        m->old_driver = strdup("e1000e");
        m->old_override = strdup("\"quoted\\\n\xc3\xa9");
        m->old_reset_methods = strdup("flr bus");
        strcpy(m->target.driver, "vfio-pci");
        strcpy(m->target.override, "vfio-pci");

        m = array_append(&entry->plan->movements, &entry->plan->n_movements, sizeof(*m));
        m->address = at("ffffffff:ff:1f.7");
        m->identity = 1;
        m->group = -1;
        m->old_driver = strdup("");
        m->old_override = strdup("");

        *(struct step *) array_append(&entry->plan->steps, &entry->plan->n_steps, sizeof(struct step)) =
                        (struct step){ .kind = STEP_UNBIND, .movement = 0, .argument = "e1000e" };
        entry->done = calloc(1, sizeof(*entry->done));
        entry->workers = calloc(2, sizeof(*entry->workers));
        entry->workers[0] = (struct worker_identity){ 4711, UINT64_MAX };
        entry->workers[1] = (struct worker_identity){ 1, 0 };
        entry->n_workers = 2;
        return entry;
}

static void write_entry(struct run *run, uint32_t id) {
        struct journal_entry *entry = make_entry(id);

        assert_ok(journal_write(run->journal, entry));
        journal_entry_free(entry);
}

static void test_round_trip(void **state) {
        struct run *run = *state;
        struct journal_entry *entry = make_entry(UINT32_MAX), *again;

        assert_ok(journal_write(run->journal, entry));
        recover(run);
        assert_string_equal(run->damaged, "");
        assert_int_equal(run->n_recovered, 1);
        again = run->recovered[0];

        assert_int_equal(again->id, entry->id);
        assert_int_equal(again->uid, entry->uid);
        assert_string_equal(again->caller, entry->caller);
        assert_string_equal(again->word, entry->word);
        assert_int_equal(again->plan->n_movements, 2);
        for (size_t i = 0; i < 2; i++) {
                const struct movement *a = &entry->plan->movements[i], *b = &again->plan->movements[i];

                assert_int_equal(pci_address_compare(&a->address, &b->address), 0);
                assert_true(a->identity == b->identity);
                assert_int_equal(a->group, b->group);
                assert_string_equal(a->old_driver, b->old_driver);
                assert_string_equal(a->old_override, b->old_override);
                assert_string_equal(strempty(a->old_reset_methods), strempty(b->old_reset_methods));
                assert_true(!a->old_reset_methods == !b->old_reset_methods);
                assert_string_equal(a->target.driver, b->target.driver);
                assert_string_equal(a->target.override, b->target.override);
        }
        assert_int_equal(again->n_workers, 2);
        assert_memory_equal(again->workers, entry->workers, 2 * sizeof(*entry->workers));
        journal_entry_free(entry);
}

static void test_modes(void **state) {
        static const struct {
                const char *path;
                mode_t mode;
        } rows[] = { { "run", 0700 }, { "run/operations", 0700 }, { "run/operations/7", 0600 } };
        struct run *run = *state;

        write_entry(run, 7);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *name = tree_name(run->tree, rows[i].path);
                struct stat st;

                assert_int_equal(stat(name, &st), 0);
                assert_row((st.st_mode & 07777) == rows[i].mode, "%s: %o", rows[i].path, st.st_mode & 07777);
        }
}

static void test_several(void **state) {
        struct run *run = *state;

        recover(run);
        assert_int_equal(run->n_recovered, 0);
        for (uint32_t id = 1; id <= 3; id++)
                write_entry(run, id);
        assert_ok(journal_remove(run->journal, 2));
        assert_ok(journal_remove(run->journal, 2));
        recover(run);
        assert_int_equal(run->n_recovered, 2);
        assert_int_equal(run->recovered[0]->id + run->recovered[1]->id, 1 + 3);
        recover(run);
        assert_int_equal(run->n_recovered, 2);
}

static int refuse(struct journal_entry *entry, void *userdata) {
        unsigned *n = userdata;

        journal_entry_free(entry);
        return (*n)++ == 0 ? -EMFILE : 0;
}

/* What is not taken up now is not forgotten: whoever starts the service anew finds it. */
static void test_not_taken_up(void **state) {
        struct run *run = *state;
        unsigned n = 0;

        write_entry(run, 1);
        write_entry(run, 2);
        assert_int_equal(journal_recover(run->journal, refuse, &n, NULL, NULL), -EMFILE);
        assert_int_equal(n, 2);
        recover(run);
        assert_int_equal(run->n_recovered, 2);
}

#define MOVEMENT                                                                                            \
        "\"address\":\"0000:65:00.0\",\"identity\":1,\"group\":1,\"old_driver\":\"a\",\"old_override\":"    \
        "\"\",\"driver\":\"b\""
#define ENTRY(movement, workers)                                                                            \
        "{\"uid\":0,\"movements\":[" movement "],\"workers\":[" workers "],\"steps\":[]}"

static void test_damaged(void **state) {
        static const char *const contents[] = {
                "",
                "{}",
                "{\"uid\":0}",
                "{\"uid\":\"0\",\"movements\":[],\"workers\":[]}",
                "{\"uid\":0,\"movements\":{},\"workers\":[]}",
                "{\"uid\":0,\"movements\":[],\"workers\":null}",
                ENTRY("1", ""),
                ENTRY("null", ""),
                ENTRY("{}", ""),
                ENTRY("{" MOVEMENT "}", ""), /* no override */
                ENTRY("{" MOVEMENT ",\"override\":1}", ""),
                ENTRY("{" MOVEMENT ",\"override\":\"\",\"address\":\"x\"}", ""),
                ENTRY("{" MOVEMENT ",\"override\":\"\",\"identity\":\"1\"}", ""),
                ENTRY("{" MOVEMENT ",\"override\":\"\",\"group\":1.5}", ""),
                ENTRY("", "1"),
                ENTRY("", "null"),
                ENTRY("", "{}"),
                ENTRY("", "{\"pid\":1}"),
                ENTRY("", "{\"pid\":\"1\",\"start_time\":1}"),
        };
        struct run *run = *state;

        write_entry(run, 1);
        write_entry(run, 3);
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                tree_write(run->tree, "run/operations/2", "%s", contents[i]);
                recover(run);
                assert_row(streq(run->damaged, "2 "), "%s", contents[i]);
                assert_row(run->n_recovered == 2, "%s", contents[i]);
                assert_true(tree_has(run->tree, "run/operations/2.damaged"));
        }
}

/* The same skeleton, whole: so it is the damage that is found above. */
static void test_by_hand(void **state) {
        struct run *run = *state;

        tree_write(run->tree, "run/operations/2", "%s",
                   ENTRY("{" MOVEMENT ",\"override\":\"\"}", "{\"pid\":1,\"start_time\":1}"));
        recover(run);
        assert_string_equal(run->damaged, "");
        assert_int_equal(run->n_recovered, 1);
        assert_string_equal(run->recovered[0]->caller, "");
}

static void test_too_long(void **state) {
        _cleanup_free_ char *name = calloc(1, 301);
        struct run *run = *state;

        memset(name, 'x', 300);
        tree_write(run->tree, "run/operations/2",
                   "{\"uid\":0,\"movements\":[{" MOVEMENT ",\"override\":\"%s\"}],\"workers\":[]}", name);
        recover(run);
        assert_string_equal(run->damaged, "2 ");

        tree_write(run->tree, "run/operations/2",
                   "{\"uid\":0,\"movements\":[{" MOVEMENT
                   ",\"override\":\"\",\"old_driver\":\"%s\"}],\"workers\":[]}",
                   name);
        recover(run);
        assert_string_equal(run->damaged, "2 ");
}

static void test_names_of_files(void **state) {
        static const char *const names[] = { "0",  "x",   "1x",         "-1",
                                             "+1", "007", "4294967296", "99999999999999999999",
                                             ".1" };
        struct run *run = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[64], expected[64];

                snprintf(path, sizeof(path), "run/operations/%s", names[i]);
                snprintf(expected, sizeof(expected), "%s ", names[i]);
                tree_write(run->tree, path, "%s", ENTRY("", ""));
                recover(run);
                assert_row(streq(run->damaged, expected), "%s: \"%s\"", names[i], run->damaged);
                assert_int_equal(run->n_recovered, 0);
        }
}

#define ON_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_RUN(test_round_trip), ON_RUN(test_modes), ON_RUN(test_several), ON_RUN(test_not_taken_up),
          ON_RUN(test_damaged), ON_RUN(test_by_hand), ON_RUN(test_too_long), ON_RUN(test_names_of_files))
