/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Running the event loop, and asking what became of everything. */

#include <fcntl.h>
#include <signal.h>

#include "service/host/sysfs.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

/* For everything that is waited for. */
#define PATIENCE_USEC (20 * 1000 * 1000ULL)

static void on_damaged(const char *name, void *userdata) {
        struct stage *stage = userdata;

        strcat(strcat(stage->damaged, name), " ");
}

static void take(struct answer *answer, uint32_t id, const struct failure *failure) {
        *answer = (struct answer){ .given = true, .kind = failure->kind, .id = id };
        snprintf(answer->message, sizeof(answer->message), "%s", strempty(failure->message));
}

static void on_began(const struct operation *operation, void *userdata) {
        assert_non_null(operation_entry(operation));
}

static void on_changed(const struct operation *operation, void *userdata) {
        struct stage *stage = userdata;

        stage->stuck |= operation_state(operation) == OPERATION_STUCK;
}

static void on_settled(const struct operation *operation, const struct failure *failure, bool late,
                       void *userdata) {
        struct stage *stage = userdata;

        stage->n_settled++;
        stage->n_late += late;
        take(&stage->last_settled, operation_entry(operation)->id, failure);
}

static const struct mover_listener listener = { on_began, on_changed, on_settled };

void stage_start(struct stage *stage) {
        struct mover_config config = {
                .event = stage->event,
                .directory = stage->directory,
                .settings = &stage->settings,
                .damaged = on_damaged,
                .userdata = stage,
        };

        host_open(&stage->host);
        host_scan(&stage->host);
        assert_ok(workers_new(stage->event, stage->worker, &stage->workers));
        config.workers = stage->workers;
        config.model = stage->host.model;
        stage->damaged[0] = '\0';
        stage->stuck = false;
        stage->n_settled = stage->n_late = 0;
        assert_ok(mover_new(&config, &stage->mover));
        mover_set_listener(stage->mover, &listener, stage);
        mover_resume(stage->mover);
}

void stage_stop(struct stage *stage) {
        stage->mover = mover_free(stage->mover);
        stage->workers = workers_free(stage->workers);
        host_close(&stage->host);
}

void stage_init(struct stage *stage, const struct fake_function *functions, size_t n) {
        static const char *const drivers[] = { "e1000e", "igb", "vfio-pci", "pci-stub" };
        _cleanup_free_ char *release = NULL;
        sigset_t mask;

        *stage = (struct stage){
                .cast = { functions, n },
                .settings = { .default_backend = "auto", .limit_usec = 10 * 1000 * 1000 },
                .uid = 1000,
        };
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        assert_ok(sd_event_new(&stage->event));

        host_init(&stage->host, functions, n);
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                tree_driver(stage->host.tree, drivers[i]);
        tree_link(stage->host.tree, "worker", STAND_IN_WORKER);
        tree_pipe(stage->host.tree, "release");
        release = tree_name(stage->host.tree, "release");
        stage->release = open(release, O_RDWR | O_CLOEXEC);
        assert_true(stage->release >= 0);
        stage->directory = tree_name(stage->host.tree, "run");
        stage->worker = tree_name(stage->host.tree, "worker");
        stage_start(stage);
}

void stage_clear(struct stage *stage) {
        stage_stop(stage);
        sd_event_unref(stage->event);
        stage_release(stage);
        close(stage->release);
        host_clear(&stage->host);
        free(stage->directory);
        free(stage->worker);
}

int stage_setup(void **state) {
        const struct cast *cast = *state;
        struct stage *stage = malloc(sizeof(*stage));

        stage_init(stage, cast->functions, cast->n);
        *state = stage;
        return 0;
}

int stage_teardown(void **state) {
        stage_clear(*state);
        free(*state);
        return 0;
}

void stage_fault(struct stage *stage, const char *kind, const char *address, unsigned n, const char *words) {
        _cleanup_free_ char *before = NULL;
        char path[128];

        snprintf(path, sizeof(path), "faults/%s-%s", kind, address);
        before = tree_has(stage->host.tree, path) ? tree_read(stage->host.tree, path) : strdup("");
        tree_write(stage->host.tree, path, "%s%u %s\n", strspn(before, "\n") == strlen(before) ? "" : before,
                   n > 0 ? n : 1000000, words);
}

void stage_no_fault(struct stage *stage, const char *kind, const char *address) {
        char path[128];

        snprintf(path, sizeof(path), "faults/%s-%s", kind, address);
        tree_unlink(stage->host.tree, path);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        fail_msg("nothing happens any more");
        return 0;
}

/* Runs the event loop until *FLAG is set. */
static void run_until(struct stage *stage, bool (*done)(struct stage *stage, size_t argument),
                      size_t argument) {
        sd_event_source *patience = NULL;

        assert_ok(sd_event_add_time_relative(stage->event, &patience, CLOCK_MONOTONIC, PATIENCE_USEC, 0,
                                             on_patience, NULL));
        while (!done(stage, argument))
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        sd_event_source_disable_unref(patience);
}

static bool has_order(struct stage *stage, const char *order) {
        _cleanup_free_ char *log = tree_has(stage->host.tree, "log") ? tree_read(stage->host.tree, "log")
                                                                     : strdup(""),
                            *line = NULL;

        assert_true(asprintf(&line, "%s\n", order) >= 0);
        return strstr(log, line);
}

void stage_wait_order(struct stage *stage, const char *order) {
        for (unsigned tries = 0; !has_order(stage, order); tries++) {
                assert_true(tries < PATIENCE_USEC / 1000);
                assert_ok(sd_event_run(stage->event, 1000));
        }
}

void stage_release(struct stage *stage) {
        static const char bytes[256];

        assert_int_equal(write(stage->release, bytes, sizeof(bytes)), sizeof(bytes));
}

static void on_moved(const struct journal_entry *entry, const struct failure *failure, void *userdata) {
        struct answer *answer = userdata;

        assert_false(answer->given);
        take(answer, entry->id, failure);
        snprintf(answer->value, sizeof(answer->value), "%s", strempty(entry->value));
}

static size_t find_functions(struct stage *stage, const char *addresses,
                             struct function *functions[static 300]) {
        _cleanup_free_ char *copy = strdup(addresses);
        char *save = NULL;
        size_t n = 0;

        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                functions[n] = host_function(&stage->host, word);
                assert_non_null(functions[n++]);
        }
        return n;
}

static void on_observed(int error, const struct pci_address *stuck, void *userdata) {
        bool *done = userdata;

        assert_int_equal(error, 0);
        *done = true;
}

void stage_observe(struct stage *stage, const char *addresses) {
        struct function *functions[300];
        size_t n = find_functions(stage, addresses, functions);
        struct observation *observation;
        bool done = false;

        assert_ok(mover_observe(stage->mover, functions, n, 0, on_observed, &done, &observation));
        while (!done)
                assert_ok(sd_event_run(stage->event, PATIENCE_USEC));
        observation_free(observation);
}

size_t stage_begin_errand(struct stage *stage, enum errand errand, const char *addresses, const char *word) {
        struct answer *answer = &stage->answers[stage->n_answers];
        struct function *functions[300];
        size_t n = find_functions(stage, addresses, functions);
        _cleanup_failure_ struct failure failure = {};
        const struct request request = {
                .errand = errand, .word = word, .count = stage->count, .flags = stage->flags, .uid = stage->uid
        };
        const struct asker asker = {
                .uid = stage->uid,
                .caller = ":1.7",
                .word = word,
                .begun_usec = stage->begun_usec,
        };
        static const struct findings none;
        struct plan *plan;

        assert_true(stage->n_answers < ELEMENTSOF(stage->answers));
        *answer = (struct answer){};
        if (mover_plan(stage->mover, functions, n, &request, stage->findings ?: &none, &plan, &failure) <
                            0 ||
            mover_start(stage->mover, mover_next_id(stage->mover), plan, &asker, on_moved, answer,
                        &failure) < 0)
                fail_msg("%s", strempty(failure.message));
        assert_false(answer->given);
        return stage->n_answers++;
}

size_t stage_begin(struct stage *stage, const char *addresses, const char *word) {
        return stage_begin_errand(stage, ERRAND_MOVE, addresses, word);
}

static bool is_answered(struct stage *stage, size_t answer) {
        return stage->answers[answer].given;
}

struct answer *stage_wait(struct stage *stage, size_t answer) {
        run_until(stage, is_answered, answer);
        return &stage->answers[answer];
}

static int count(const struct operation *operation, void *userdata) {
        return 1;
}

static bool holds_nothing(struct stage *stage, size_t argument) {
        return mover_foreach(stage->mover, count, NULL) == 0;
}

void stage_settle(struct stage *stage) {
        run_until(stage, holds_nothing, 0);
}

static bool is_stuck(struct stage *stage, size_t argument) {
        return stage->stuck;
}

void stage_wait_stuck(struct stage *stage) {
        run_until(stage, is_stuck, 0);
}

struct answer *stage_move(struct stage *stage, const char *addresses, const char *word) {
        struct answer *answer = stage_wait(stage, stage_begin(stage, addresses, word));

        stage_settle(stage);
        return answer;
}

bool stage_is_busy(struct stage *stage, const char *address) {
        _cleanup_failure_ struct failure failure = {};
        struct function *f = host_function(&stage->host, address);
        bool busy = mover_check_busy(stage->mover, &f, 1, &failure) < 0;

        assert_int_equal(failure.kind, busy ? FAILURE_BUSY : FAILURE_NONE);
        assert_int_equal(f->busy, busy);
        return busy;
}

const char *stage_state(struct stage *stage, const char *address) {
        static char text[512];
        char path[128], override[256] = "";
        int sys = stage->host.tree->root->sys;

        snprintf(path, sizeof(path), "bus/pci/devices/%s", address);
        if (faccessat(sys, path, F_OK, 0) < 0)
                return "gone";
        strcat(path, "/driver");
        if (sysfs_read_link(sys, path, text, NAME_MAX) < 0)
                text[0] = '\0';
        snprintf(path, sizeof(path), "../overrides/%s", address);
        (void) sysfs_read(sys, path, override, sizeof(override));
        return strcat(strcat(text, "/"), override);
}

void stage_expect_untouched(struct stage *stage) {
        for (size_t i = 0; i < stage->cast.n; i++) {
                const struct fake_function *made = &stage->cast.functions[i];
                const struct function *f = host_function(&stage->host, made->address);
                char expected[NAME_MAX + 2];

                snprintf(expected, sizeof(expected), "%s/", strempty(made->driver));
                assert_string_equal(stage_state(stage, made->address), expected);
                assert_string_equal(f->driver, strempty(made->driver));
                assert_string_equal(f->home, "");
                assert_false(stage_is_busy(stage, made->address));
        }
        stage_expect_records(stage, "");
}

void stage_expect_log(struct stage *stage, bool looks, const char *lines) {
        _cleanup_free_ char *log = tree_has(stage->host.tree, "log") ? tree_read(stage->host.tree, "log")
                                                                     : strdup(""),
                            *kept = calloc(1, strlen(log) + 1);
        char *save = NULL;

        for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (looks || !startswith(line, "look "))
                        strcat(strcat(kept, line), "\n");
        assert_string_equal(kept, lines);
        tree_write(stage->host.tree, "log", "%s", "");
}

static int count_file(const char *name, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
        return 0;
}

void stage_expect_records(struct stage *stage, const char *addresses) {
        _cleanup_free_ char *copy = strdup(addresses);
        unsigned n_operations = 0, n_records = 0, n = 0;
        char *save = NULL;

        assert_ok(sysfs_foreach(stage->host.tree->root->sys, "../run/operations", count_file,
                                &n_operations));
        assert_ok(sysfs_foreach(stage->host.tree->root->sys, "../run/moved", count_file, &n_records));
        assert_int_equal(n_operations, 0);
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save), n++) {
                char path[64];

                snprintf(path, sizeof(path), "run/moved/%s", word);
                assert_row(tree_has(stage->host.tree, path), "%s", word);
        }
        assert_int_equal(n_records, n);
}
