/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Waiting until what is open through VFIO is closed: the nodes are files of a small tree, the programs
 * children of this one. */

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/move/lending/closing.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

struct stage {
        struct tree *tree;
        sd_event *event;
        struct closing *closing;
        uint64_t again_usec;
        unsigned n_stirred;
};

static void on_stir(void *userdata) {
        struct stage *stage = userdata;

        stage->n_stirred++;
}

static int setup_again(void **state, uint64_t again_usec) {
        struct stage *stage = calloc(1, sizeof(*stage));

        stage->again_usec = again_usec;
        stage->tree = tree_new();
        tree_write(stage->tree, "dev/vfio/14", "a node\n");
        tree_write(stage->tree, "dev/vfio/15", "a node\n");
        assert_ok(sd_event_new(&stage->event));
        assert_ok(closing_new(stage->event, stage->tree->root, stage->again_usec, on_stir, stage,
                              &stage->closing));
        *state = stage;
        return 0;
}

static int setup(void **state) {
        return setup_again(state, UINT64_MAX / 4);
}

static int setup_impatient(void **state) {
        return setup_again(state, 1000);
}

static int teardown(void **state) {
        struct stage *stage = *state;

        closing_free(stage->closing);
        sd_event_unref(stage->event);
        tree_free(stage->tree);
        free(stage);
        return 0;
}

static struct function functions[] = {
        { .group = 14, .vfio_node = (char *) "" },
        { .group = 15, .vfio_node = (char *) "" },
        { .group = -1, .vfio_node = (char *) "" },
};

static void watch(struct stage *stage) {
        struct function *all[] = { functions, functions + 1, functions + 2 };

        assert_ok(closing_watch(stage->closing, all, ELEMENTSOF(all)));
}

static int open_node(struct stage *stage, const char *node) {
        _cleanup_free_ char *name = tree_name(stage->tree, node);

        return assert_ok(open(name, O_RDWR | O_CLOEXEC));
}

/* What has happened until now is dealt with. */
static void catch_up(struct stage *stage) {
        while (assert_ok(sd_event_run(stage->event, 0)) > 0)
                ;
}

/* A program that does nothing until it is killed. */
static pid_t start(void) {
        pid_t pid = assert_ok(fork());

        if (pid == 0)
                for (;;)
                        pause();
        return pid;
}

static void end(pid_t pid) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const char *decimal(pid_t pid, char buffer[static 16]) {
        snprintf(buffer, 16, "%d", pid);
        return buffer;
}

static void a_node_that_is_closed(void **state) {
        struct stage *stage = *state;
        int node = open_node(stage, "dev/vfio/14");

        watch(stage);
        assert_false(closing_await(stage->closing, functions, ""));
        catch_up(stage);
        assert_int_equal(stage->n_stirred, 0);
        close(node);
        catch_up(stage);
        assert_int_equal(stage->n_stirred, 1);
}

static void a_node_that_nobody_waits_for(void **state) {
        struct stage *stage = *state;

        watch(stage);
        assert_false(closing_await(stage->closing, functions, ""));
        close(open_node(stage, "dev/vfio/15"));
        catch_up(stage);
        assert_int_equal(stage->n_stirred, 0);
}

static void closed_while_it_was_looked(void **state) {
        struct stage *stage = *state;
        int node = open_node(stage, "dev/vfio/14");

        watch(stage);
        close(node);
        catch_up(stage);
        assert_true(closing_await(stage->closing, functions, ""));

        watch(stage);
        assert_false(closing_await(stage->closing, functions, ""));
}

/* As of a guest whose nodes are its own. */
static void a_program_that_ends(void **state) {
        struct stage *stage = *state;
        char buffer[16];
        pid_t pid = start();

        watch(stage);
        assert_false(closing_await(stage->closing, functions, decimal(pid, buffer)));
        assert_false(closing_await(stage->closing, functions + 2, buffer));
        catch_up(stage);
        assert_int_equal(stage->n_stirred, 0);
        end(pid);
        while (stage->n_stirred == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
}

static void a_program_that_has_ended(void **state) {
        struct stage *stage = *state;
        char buffer[16];
        pid_t pid = start();

        end(pid);
        watch(stage);
        assert_true(closing_await(stage->closing, functions, decimal(pid, buffer)));
}

static void forgotten_with_the_next_look(void **state) {
        struct stage *stage = *state;
        char buffer[16];
        pid_t pid = start();
        int node = open_node(stage, "dev/vfio/14");

        watch(stage);
        assert_false(closing_await(stage->closing, functions, decimal(pid, buffer)));
        watch(stage);
        end(pid);
        close(node);
        catch_up(stage);
        assert_int_equal(stage->n_stirred, 0);
}

/* Where there is nothing to see: each look has a time of its own. */
static void after_a_while(void **state) {
        struct stage *stage = *state;

        for (unsigned i = 1; i <= 2; i++) {
                watch(stage);
                if (i == 1)
                        assert_false(closing_await(stage->closing, functions + 2, ""));
                else
                        closing_look_again(stage->closing);
                while (stage->n_stirred < i)
                        assert_ok(sd_event_run(stage->event, UINT64_MAX));
        }
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(STAGED(a_node_that_is_closed), STAGED(a_node_that_nobody_waits_for),
          STAGED(closed_while_it_was_looked), STAGED(a_program_that_ends), STAGED(a_program_that_has_ended),
          STAGED(forgotten_with_the_next_look),
          cmocka_unit_test_setup_teardown(after_a_while, setup_impatient, teardown))
