/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Leases that end, and what becomes of their functions: at once, when they are free, and after a restart. */

#include <fcntl.h>

#include "service/move/homecoming.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"
#define ALONE "0000:02:00.0"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = NIC2, .class_code = 0x020000, .driver = "igb", .group = "1" },
        { .address = ALONE,
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "2",
          .reset_methods = "flr pm" },
};

struct home_stage {
        struct stage stage;
        struct homecomings *homecomings;
};

static unsigned n_delayed;

/* Longer than any test; those that wait for it say less. */
#define NEVER_USEC (3600 * 1000 * 1000ULL)

static uint64_t again_usec = NEVER_USEC;

static void on_delayed(const struct lease *lease, const struct failure *failure) {
        assert_string_equal(lease->holder.name, ":1.7");
        assert_non_null(failure->message);
        n_delayed++;
}

static void open_homecomings(struct home_stage *home) {
        const struct homecomings_config config = {
                .event = home->stage.event,
                .model = home->stage.host.model,
                .mover = home->stage.mover,
                .again_usec = again_usec,
                .delayed = on_delayed,
        };

        n_delayed = 0;
        assert_ok(homecomings_new(&config, &home->homecomings));
}

static int setup(void **state) {
        struct home_stage *home = calloc(1, sizeof(*home));

        stage_init(&home->stage, functions, ELEMENTSOF(functions));
        tree_write(home->stage.host.tree, "dev/vfio/1", "%s", "");
        tree_write(home->stage.host.tree, "dev/vfio/2", "%s", "");
        open_homecomings(home);
        *state = home;
        return 0;
}

static int teardown(void **state) {
        struct home_stage *home = *state;

        again_usec = NEVER_USEC;

        homecomings_free(home->homecomings);
        stage_clear(&home->stage);
        free(home);
        return 0;
}

static void restart(struct home_stage *home) {
        home->homecomings = homecomings_free(home->homecomings);
        stage_stop(&home->stage);
        stage_start(&home->stage);
        open_homecomings(home);
}

/* The descriptor of a lease. */
static int acquire(struct home_stage *home, const char *addresses, const char *word) {
        struct stage *stage = &home->stage;
        const struct answer *answer =
                        stage_wait(stage, stage_begin_errand(stage, ERRAND_LEASE, addresses, word));

        assert_int_equal(answer->kind, FAILURE_NONE);
        return assert_ok(leases_hand_over(mover_leases(stage->mover), answer->id));
}

static void run_until_state(struct home_stage *home, const char *address, const char *state) {
        while (!streq(stage_state(&home->stage, address), state))
                assert_ok(sd_event_run(home->stage.event, UINT64_MAX));
        stage_settle(&home->stage);
}

static void run_until_delayed(struct home_stage *home) {
        while (n_delayed == 0)
                assert_ok(sd_event_run(home->stage.event, UINT64_MAX));
}

static void set_in_use(struct home_stage *home, const char *address, bool in_use) {
        char path[64];

        snprintf(path, sizeof(path), "in-use/%s", address);
        if (in_use)
                tree_write(home->stage.host.tree, path, "%s", "");
        else
                tree_unlink(home->stage.host.tree, path);
}

/* As a guest that ends, or anybody who looks whether one is there. */
static void open_and_close(struct home_stage *home, const char *node) {
        _cleanup_free_ char *path = tree_name(home->stage.host.tree, node);

        close(assert_ok(open(path, O_RDWR | O_CLOEXEC)));
}

static void expect_lease(struct home_stage *home, const char *address, const char *holder, bool returning) {
        const struct function *f = host_function(&home->stage.host, address);

        assert_string_equal(f->lease, holder);
        assert_int_equal(f->returning, returning);
}

static void expect_nothing_left(struct home_stage *home) {
        for (size_t i = 0; i < ELEMENTSOF(functions); i++)
                expect_lease(home, functions[i].address, "", false);
        assert_string_equal(stage_state(&home->stage, NIC), "e1000e/");
        assert_string_equal(stage_state(&home->stage, NIC2), "igb/");
        assert_string_equal(stage_state(&home->stage, ALONE), "e1000e/");
        stage_expect_records(&home->stage, "");
        assert_false(tree_has(home->stage.host.tree, "run/leases/1"));
        assert_false(tree_has(home->stage.host.tree, "run/pipes/1"));
}

static void test_closed(void **state) {
        struct home_stage *home = *state;
        int fd = acquire(home, NIC " " NIC2 " " ALONE, "vfio");

        expect_lease(home, NIC, ":1.7", false);
        assert_string_equal(stage_state(&home->stage, ALONE), "vfio-pci/vfio-pci");
        close(fd);
        run_until_state(home, ALONE, "e1000e/");
        expect_nothing_left(home);
        assert_int_equal(n_delayed, 0);
}

/* What is in use waits for its node to be closed, and the rest does not wait for it. */
static void test_in_use(void **state) {
        struct home_stage *home = *state;
        int fd = acquire(home, NIC " " ALONE, "vfio");

        set_in_use(home, NIC, true);
        close(fd);
        run_until_state(home, ALONE, "e1000e/");
        assert_int_equal(n_delayed, 1);
        expect_lease(home, NIC, ":1.7", true);
        expect_lease(home, ALONE, "", false);
        assert_string_equal(stage_state(&home->stage, NIC), "vfio-pci/vfio-pci");

        set_in_use(home, NIC, false);
        open_and_close(home, "dev/vfio/1");
        run_until_state(home, NIC, "e1000e/");
        expect_nothing_left(home);
        assert_int_equal(n_delayed, 1);
}

/* Somebody closes the node, but it is still in use: told once, and it goes on waiting. */
static void test_still_in_use(void **state) {
        struct home_stage *home = *state;
        int fd = acquire(home, NIC, "vfio");

        set_in_use(home, NIC, true);
        close(fd);
        run_until_delayed(home);
        tree_write(home->stage.host.tree, "log", "%s", "");
        open_and_close(home, "dev/vfio/1");
        stage_wait_order(&home->stage, "survey 0000:00:00.0");
        restart(home);
        run_until_delayed(home);
        expect_lease(home, NIC, ":1.7", true);

        restart(home);
        set_in_use(home, NIC, false);
        run_until_state(home, NIC, "e1000e/");
        expect_nothing_left(home);
}

/* Held over a restart; ended during another. */
static void test_restart(void **state) {
        struct home_stage *home = *state;
        int fd = acquire(home, NIC " " NIC2, "kvm");

        restart(home);
        expect_lease(home, NIC, ":1.7", false);
        expect_lease(home, NIC2, ":1.7", false);
        home->homecomings = homecomings_free(home->homecomings);
        stage_stop(&home->stage);
        close(fd);
        stage_start(&home->stage);
        expect_lease(home, NIC, ":1.7", true);
        open_homecomings(home);
        run_until_state(home, NIC2, "igb/");
        run_until_state(home, NIC, "e1000e/");
        expect_nothing_left(home);
}

/* The service dies at any moment of making a lease: nobody has its descriptor, so all of it goes back. */
static void test_any_moment(void **state) {
        struct home_stage *home = *state;
        struct stage *stage = &home->stage;

        for (unsigned moment = 0; moment < 40; moment++) {
                stage->n_answers = 0;
                stage_begin_errand(stage, ERRAND_LEASE, NIC " " NIC2, "vfio");
                for (unsigned i = 0; i < moment; i++)
                        assert_ok(sd_event_run(stage->event, 5000));
                restart(home);
                while (*host_function(&stage->host, NIC)->lease || *host_function(&stage->host, NIC2)->lease)
                        assert_ok(sd_event_run(stage->event, UINT64_MAX));
                stage_settle(stage);
                assert_string_equal(stage->damaged, "");
                expect_nothing_left(home);
        }
}

/* The kernel answers when the caller has been told that it does not: there is nobody to have the lease. */
static void test_stuck(void **state) {
        struct home_stage *home = *state;
        struct stage *stage = &home->stage;
        size_t answer;

        stage->settings.limit_usec = 300 * 1000;
        stage_fault(stage, "bind", NIC, 1, "hang");
        answer = stage_begin_errand(stage, ERRAND_LEASE, NIC, "vfio");
        assert_int_equal(stage_wait(stage, answer)->kind, FAILURE_STUCK);
        stage->settings.limit_usec = 10 * 1000 * 1000;
        stage_release(stage);
        stage_settle(stage);
        assert_string_equal(stage_state(stage, NIC), "vfio-pci/vfio-pci");
        run_until_state(home, NIC, "e1000e/");
        expect_nothing_left(home);
}

/* What was on VFIO before is on VFIO afterwards, wherever its holder has taken it. */
static void test_from_vfio(void **state) {
        struct home_stage *home = *state;
        int fd;

        stage_move(&home->stage, ALONE, "vfio");
        stage_observe(&home->stage, ALONE);
        fd = acquire(home, ALONE, "kvm");
        assert_string_equal(stage_state(&home->stage, ALONE), "pci-stub/pci-stub");
        close(fd);
        run_until_state(home, ALONE, "vfio-pci/vfio-pci");
        expect_lease(home, ALONE, "", false);
        stage_expect_records(&home->stage, ALONE);
        assert_string_equal(host_function(&home->stage.host, ALONE)->home, "e1000e");
}

/* The methods of a reset are put back as somebody has set them during the lease, which no uevent tells. */
static void test_reset_methods(void **state) {
        struct home_stage *home = *state;
        struct tree *tree = home->stage.host.tree;
        _cleanup_free_ char *log = NULL;
        int fd = acquire(home, ALONE, "vfio");

        home->stage.settings.reset_after_lease = true;
        tree_write(tree, "sys/bus/pci/devices/" ALONE "/reset_method", "pm\n");
        tree_write(tree, "log", "%s", "");
        close(fd);
        run_until_state(home, ALONE, "e1000e/");
        log = tree_read(tree, "log");
        assert_non_null(strstr(log, "reset-methods " ALONE " pm\n"));
        assert_string_equal(host_function(&home->stage.host, ALONE)->reset_methods, "pm");
        expect_nothing_left(home);
}

/* The kernel refuses: it is tried again when the service starts, and when somebody else has moved it. */
static void test_refused(void **state) {
        struct home_stage *home = *state;
        struct stage *stage = &home->stage;
        int fd = acquire(home, NIC, "vfio");

        stage_fault(stage, "unbind", NIC, 0, "error 5");
        stage->n_settled = 0;
        close(fd);
        while (stage->n_settled == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        stage_settle(stage);
        assert_int_equal(stage->last_settled.kind, FAILURE_MOVE_FAILED);
        expect_lease(home, NIC, ":1.7", true);

        stage_no_fault(stage, "unbind", NIC);
        homecomings_note_moved(home->homecomings, host_function(&stage->host, NIC));
        run_until_state(home, NIC, "e1000e/");
        expect_nothing_left(home);
}

/* What keeps it from looking is no refusal, and nobody tells when it is over: it looks again by itself. */
static void test_looks_again(void **state) {
        static const struct {
                const char *kind, *address, *words;
        } rows[] = {
                { "look", NIC, "die" },
                { "look", NIC, "error 5" },
                { "survey", "0000:00:00.0", "die" },
                { "survey", "0000:00:00.0", "error 5" },
        };
        struct home_stage *home = *state;

        again_usec = 1000;
        restart(home);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int fd = acquire(home, NIC, "vfio");

                stage_fault(&home->stage, rows[i].kind, rows[i].address, 2, rows[i].words);
                close(fd);
                run_until_state(home, NIC, "e1000e/");
                expect_nothing_left(home);
                assert_int_equal(n_delayed, i + 1);
        }
}

#define ON_HOME(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOME(test_closed), ON_HOME(test_in_use), ON_HOME(test_still_in_use), ON_HOME(test_restart),
          ON_HOME(test_any_moment), ON_HOME(test_from_vfio), ON_HOME(test_stuck),
          ON_HOME(test_reset_methods), ON_HOME(test_refused), ON_HOME(test_looks_again))
