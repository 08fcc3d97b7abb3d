/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files of the run-time directory: round trips, modes, and damage. */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "service/move/journal/store.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

struct run {
        struct tree *tree;
        char *directory;
        struct store *store;
};

static int setup(void **state) {
        struct run *run = calloc(1, sizeof(*run));

        run->tree = tree_new();
        run->directory = tree_name(run->tree, "run");
        assert_ok(store_open(run->directory, "things", &run->store));
        *state = run;
        return 0;
}

static int teardown(void **state) {
        struct run *run = *state;

        store_free(run->store);
        tree_free(run->tree);
        free(run->directory);
        free(run);
        return 0;
}

static void put(struct run *run, const char *name, const char *json) {
        _cleanup_json_ struct json_object *object = json_tokener_parse(json);

        assert_non_null(object);
        assert_ok(store_write(run->store, name, object));
}

struct seen {
        char text[1024];
        int r; /* what the visitor answers */
};

static int visit(const char *name, struct json_object *object, void *userdata) {
        struct seen *seen = userdata;

        snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "%s=%s ", name,
                 strempty(json_string(object, "word")));
        return seen->r;
}

static void on_damaged(const char *name, void *userdata) {
        struct seen *seen = userdata;

        snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "%s! ", name);
}

/* Each of WORDS was seen, and nothing else. */
static void assert_seen(const struct seen *seen, const char *words) {
        _cleanup_free_ char *copy = strdup(words);
        char *save = NULL;

        assert_row(strlen(seen->text) == strlen(words), "\"%s\" instead of \"%s\"", seen->text, words);
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
                assert_row(strstr(seen->text, word), "\"%s\" lacks %s", seen->text, word);
}

static void assert_mode(struct run *run, const char *path, mode_t mode) {
        _cleanup_free_ char *name = tree_name(run->tree, path);
        struct stat st;

        assert_int_equal(stat(name, &st), 0);
        assert_row((st.st_mode & 07777) == mode, "%s: %o", path, st.st_mode & 07777);
}

static void test_round_trip(void **state) {
        struct run *run = *state;
        struct seen seen = {};

        assert_ok(store_foreach(run->store, visit, &seen, NULL, NULL));
        assert_seen(&seen, "");

        put(run, "a", "{\"word\": \"one\"}");
        put(run, "b", "{\"word\": \"two\"}");
        put(run, "a", "{\"word\": \"three\"}");
        assert_ok(store_foreach(run->store, visit, &seen, NULL, NULL));
        assert_seen(&seen, "a=three b=two ");

        seen = (struct seen){};
        assert_ok(store_remove(run->store, "a"));
        assert_ok(store_remove(run->store, "a"));
        assert_ok(store_foreach(run->store, visit, &seen, NULL, NULL));
        assert_seen(&seen, "b=two ");
}

static void test_modes(void **state) {
        struct run *run = *state;
        mode_t before = umask(0);

        put(run, "a", "{}");
        assert_mode(run, "run", 0700);
        assert_mode(run, "run/things", 0700);
        assert_mode(run, "run/things/a", 0600);
        umask(before);
        assert_false(tree_has(run->tree, "run/things/a.new"));
}

/* What another run has left is found by the next. */
static void test_opened_again(void **state) {
        struct run *run = *state;
        struct seen seen = {};

        put(run, "a", "{\"word\": \"one\"}");
        store_free(run->store);
        assert_ok(store_open(run->directory, "things", &run->store));
        assert_ok(store_foreach(run->store, visit, &seen, NULL, NULL));
        assert_seen(&seen, "a=one ");
}

/* A service that was killed in the midst of a write has left the old content, and perhaps a new file beside
 * it. */
static void test_interrupted(void **state) {
        struct run *run = *state;
        struct seen seen = {};

        put(run, "a", "{\"word\": \"old\"}");
        tree_write(run->tree, "run/things/a.new", "{\"word\": \"ne");
        tree_write(run->tree, "run/things/b.new", "%s", "");
        assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
        assert_seen(&seen, "a=old ");
        assert_false(tree_has(run->tree, "run/things/a.new"));
        assert_false(tree_has(run->tree, "run/things/b.new"));

        put(run, "a", "{\"word\": \"new\"}");
        seen = (struct seen){};
        assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
        assert_seen(&seen, "a=new ");
}

static void test_damaged(void **state) {
        static const char *const contents[] = {
                "",     "{",        "{\"word\"", "[]",           "1",
                "null", "\"word\"", "garbage",   "\xff\xfe\x01", "{\"word\": \"x\"",
        };
        struct run *run = *state;
        struct seen seen = {};

        put(run, "good", "{\"word\": \"one\"}");
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                tree_write(run->tree, "run/things/bad", "%s", contents[i]);
                seen = (struct seen){};
                assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
                assert_seen(&seen, "good=one bad! ");
                assert_false(tree_has(run->tree, "run/things/bad"));
                assert_true(tree_has(run->tree, "run/things/bad.damaged"));
        }

        /* Set aside once, and of no account from then on. */
        seen = (struct seen){};
        assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
        assert_seen(&seen, "good=one ");
}

/* What is no file, or nobody's file. */
static void test_strange(void **state) {
        struct run *run = *state;
        struct seen seen = {};
        _cleanup_free_ char *big = tree_name(run->tree, "run/things/big");

        put(run, "good", "{\"word\": \"one\"}");
        tree_directory(run->tree, "run/things/directory");
        tree_link(run->tree, "run/things/link", "good");
        tree_pipe(run->tree, "run/things/pipe");
        tree_write(run->tree, "run/things/big", "{}");
        assert_int_equal(truncate(big, 16 * 1024 * 1024), 0);
        assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
        assert_seen(&seen, "good=one directory! link! pipe! big! ");
}

/* The content was JSON but not what it should be. */
static void test_refused(void **state) {
        struct run *run = *state;
        struct seen seen = { .r = -EINVAL };

        put(run, "a", "{\"word\": \"one\"}");
        assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
        assert_seen(&seen, "a=one a! ");
        assert_true(tree_has(run->tree, "run/things/a.damaged"));

        put(run, "b", "{}");
        assert_ok(store_foreach(run->store, visit, &seen, NULL, NULL));
        assert_true(tree_has(run->tree, "run/things/b.damaged"));
}

/* That says nothing of the content, so nothing is set aside. */
static void test_no_resources(void **state) {
        static const int errors[] = { -ENOMEM, -EMFILE, -ENFILE };
        struct run *run = *state;

        put(run, "a", "{\"word\": \"one\"}");
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                struct seen seen = { .r = errors[i] };

                assert_int_equal(store_foreach(run->store, visit, &seen, on_damaged, &seen), errors[i]);
                assert_seen(&seen, "a=one ");
                assert_true(tree_has(run->tree, "run/things/a"));
        }
}

/* What cannot be written leaves what was there, and takes no room. */
static void test_no_room(void **state) {
        _cleanup_json_ struct json_object *object = json_object_new_object();
        struct run *run = *state;
        struct rlimit before, limit;
        struct seen seen = {};

        put(run, "a", "{\"word\": \"one\"}");
        json_object_object_add(object, "word", json_object_new_string("a longer one"));
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = before;
        limit.rlim_cur = 8;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(store_write(run->store, "a", object), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

        assert_false(tree_has(run->tree, "run/things/a.new"));
        assert_ok(store_foreach(run->store, visit, &seen, on_damaged, &seen));
        assert_seen(&seen, "a=one ");
}

static void test_members(void **state) {
        static const struct {
                const char *json;
                const char *string;
                int r;
                uint64_t number;
        } rows[] = {
                { "{\"x\": \"a\"}", "a", -EINVAL },
                { "{\"x\": 7}", NULL, 0, 7 },
                { "{\"x\": 18446744073709551615}", NULL, 0, UINT64_MAX },
                { "{\"x\": 1.5}", NULL, -EINVAL },
                { "{\"x\": null}", NULL, -EINVAL },
                { "{\"x\": true}", NULL, -EINVAL },
                { "{\"x\": {}}", NULL, -EINVAL },
                { "{\"y\": \"a\"}", NULL, -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_json_ struct json_object *object = json_tokener_parse(rows[i].json);
                const char *string = json_string(object, "x");
                uint64_t number = 0;

                assert_row(!string == !rows[i].string && (!string || streq(string, rows[i].string)), "%s",
                           rows[i].json);
                assert_row(json_number(object, "x", &number) == rows[i].r, "%s", rows[i].json);
                assert_row(number == rows[i].number, "%s", rows[i].json);
        }
}

#define ON_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_RUN(test_round_trip), ON_RUN(test_modes), ON_RUN(test_opened_again), ON_RUN(test_interrupted),
          ON_RUN(test_damaged), ON_RUN(test_strange), ON_RUN(test_refused), ON_RUN(test_no_resources),
          ON_RUN(test_no_room), cmocka_unit_test(test_members))
