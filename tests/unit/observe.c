/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Looking at what the service itself must not read, and passing over what does not answer. */

#include "service/move/workers/observer.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define CROWD 100

static char addresses[CROWD][PCI_ADDRESS_SIZE];

static int setup(void **state) {
        struct stage *stage = malloc(sizeof(*stage));
        struct fake_function functions[CROWD] = {};

        for (unsigned i = 0; i < CROWD; i++) {
                snprintf(addresses[i], sizeof(addresses[i]), "0000:%02x:00.0", (uint8_t) (i + 1));
                functions[i] = (struct fake_function){ .address = addresses[i], .driver = "e1000e" };
        }
        stage_init(stage, functions, CROWD);
        for (unsigned i = 0; i < CROWD; i++) {
                char path[64];

                snprintf(path, sizeof(path), "overrides/%s", addresses[i]);
                tree_write(stage->host.tree, path, "mine-%u\n", i);
        }
        *state = stage;
        return 0;
}

static int teardown(void **state) {
        stage_clear(*state);
        free(*state);
        return 0;
}

struct seen {
        unsigned n;
        int error;
        char stuck[PCI_ADDRESS_SIZE];
};

static void on_observed(int error, const struct pci_address *stuck, void *userdata) {
        struct seen *seen = userdata;

        seen->n++;
        seen->error = error;
        if (stuck)
                pci_address_format(stuck, seen->stuck);
}

static struct seen observe(struct stage *stage, size_t n, uint64_t limit_usec) {
        struct observation *observation = NULL;
        struct function *functions[CROWD] = {};
        struct seen seen = {};

        for (size_t i = 0; i < n; i++)
                functions[i] = host_function(&stage->host, addresses[i]);
        assert_ok(observation_start(stage->event, stage->host.model, stage->workers, functions, n, limit_usec,
                                    on_observed, &seen, &observation));
        assert_int_equal(seen.n, 0);
        while (seen.n == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        observation_free(observation);
        assert_int_equal(seen.n, 1);
        return seen;
}

/* Functions that the model knows by their override. */
static unsigned count_known(struct stage *stage) {
        unsigned n = 0;

        for (unsigned i = 0; i < CROWD; i++) {
                char override[32];

                snprintf(override, sizeof(override), "mine-%u", i);
                n += streq(host_function(&stage->host, addresses[i])->override, override);
        }
        return n;
}

static void test_crowd(void **state) {
        struct stage *stage = *state;

        assert_int_equal(observe(stage, CROWD, 10000000).error, 0);
        assert_int_equal(count_known(stage), CROWD);
        assert_int_equal(observe(stage, 0, 10000000).error, 0);
}

static void test_only_news_is_told(void **state) {
        struct stage *stage = *state;

        observe(stage, 1, 10000000);
        witness_expect(&stage->host.witness, "~ 0000:01:00.0 override\n");
        observe(stage, 1, 10000000);
        witness_expect(&stage->host.witness, "");
}

static void test_stuck(void **state) {
        struct stage *stage = *state;
        struct seen seen;

        stage_fault(stage, "look", addresses[40], 1, "hang");
        seen = observe(stage, CROWD, 3000000);
        assert_int_equal(seen.error, -ETIMEDOUT);
        assert_string_equal(seen.stuck, addresses[40]);
        assert_int_equal(count_known(stage), 40);

        /* Nobody else is sent to sleep beside the worker that does not come back; once it has, everything is as before. */
        seen = observe(stage, CROWD, UINT64_MAX / 4);
        assert_int_equal(seen.error, -ETIMEDOUT);
        assert_string_equal(seen.stuck, addresses[40]);
        stage_release(stage);
        do
                seen = observe(stage, CROWD, 10000000);
        while (seen.error == -ETIMEDOUT);
        assert_int_equal(seen.error, 0);
        assert_int_equal(count_known(stage), CROWD);
}

static int set_flag(sd_event_source *source, uint64_t usec, void *userdata) {
        bool *flag = userdata;

        *flag = true;
        return 0;
}

/* Sets *FLAG after that time, and after whatever else is due by then; the caller frees the answer. */
static sd_event_source *start_clock(struct stage *stage, uint64_t usec, bool *flag) {
        sd_event_source *source = NULL;

        *flag = false;
        assert_ok(sd_event_add_time_relative(stage->event, &source, CLOCK_MONOTONIC, usec, 1000, set_flag, flag));
        assert_ok(sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE));
        return source;
}

/* The limit is for all of them: what one takes is not there for the next. */
static void test_all_together(void **state) {
        static const uint64_t limit_usec = 3000 * 1000, first_usec = 200 * 1000;
        struct stage *stage = *state;
        struct function *functions[] = { host_function(&stage->host, addresses[0]),
                                         host_function(&stage->host, addresses[1]) };
        struct observation *observation;
        struct seen seen = {};
        sd_event_source *first, *all;
        bool first_rung, all_rung;

        stage_fault(stage, "look", addresses[0], 1, "hang");
        stage_fault(stage, "look", addresses[1], 1, "hang");
        assert_ok(observation_start(stage->event, stage->host.model, stage->workers, functions, 2, limit_usec,
                                    on_observed, &seen, &observation));
        first = start_clock(stage, first_usec, &first_rung);
        all = start_clock(stage, limit_usec, &all_rung);
        while (!first_rung)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));

        assert_int_equal(write(stage->release, "", 1), 1);
        while (count_known(stage) < 1)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        while (seen.n == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        assert_false(all_rung);
        assert_int_equal(seen.error, -ETIMEDOUT);
        assert_string_equal(seen.stuck, addresses[1]);
        sd_event_source_disable_unref(first);
        sd_event_source_disable_unref(all);
        observation_free(observation);
        stage_release(stage);
}

static void test_worker_dies(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "look", addresses[40], 1, "die");
        assert_int_equal(observe(stage, CROWD, 10000000).error, -EPIPE);
        assert_int_equal(count_known(stage), 40);
}

/* What could not be read is nothing that a plan could rest on. */
static void test_look_fails(void **state) {
        struct stage *stage = *state;

        stage_fault(stage, "look", addresses[40], 1, "error 5");
        assert_int_equal(observe(stage, CROWD, 10000000).error, -EIO);
        assert_int_equal(count_known(stage), 40);
}

/* What has gone, or has been taken by another device, is nobody's news; what is being moved tells it itself.
 */
static void test_left_alone(void **state) {
        struct stage *stage = *state;
        struct fake_function other = { .address = addresses[1], .driver = "igb" };

        tree_remove(stage->host.tree, addresses[0]);
        tree_remove(stage->host.tree, addresses[1]);
        tree_add(stage->host.tree, &other);
        model_set_moving(host_function(&stage->host, addresses[2]), true);
        assert_int_equal(observe(stage, 4, 10000000).error, 0);
        assert_int_equal(count_known(stage), 1);
        assert_string_equal(host_function(&stage->host, addresses[3])->override, "mine-3");
}

/* What was seen before a function was moved, and is told after it, is an old story. */
static void test_moved_meanwhile(void **state) {
        struct stage *stage = *state;
        struct function *f = host_function(&stage->host, addresses[0]);
        struct observation *observation;
        struct seen seen = {};

        assert_ok(observation_start(stage->event, stage->host.model, stage->workers, &f, 1, 10000000, on_observed,
                                    &seen, &observation));
        model_set_moving(f, true);
        assert_ok(model_set_override(stage->host.model, f, "new"));
        model_set_moving(f, false);
        while (seen.n == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        observation_free(observation);
        assert_int_equal(seen.error, 0);
        assert_string_equal(f->override, "new");
}

static void on_idle(void *userdata) {
        unsigned *n = userdata;

        (*n)++;
}

static struct observer *new_observer(struct stage *stage, unsigned *idle) {
        struct observer *observer;

        assert_ok(observer_new(stage->event, stage->host.model, stage->workers, on_idle, idle, &observer));
        return observer;
}

/* Asks for whatever is not known yet until N are known: on a busy machine an idle function may be passed
 * over. */
static void watch(struct stage *stage, struct observer *observer, unsigned *idle, unsigned n) {
        for (unsigned tries = 0; count_known(stage) < n; tries++) {
                assert_true(tries < 50);
                *idle = 0;
                for (unsigned i = 0; i < CROWD; i++) {
                        const struct function *f = host_function(&stage->host, addresses[i]);

                        if (isempty(f->override))
                                assert_ok(observer_add(observer, f));
                }
                while (*idle == 0)
                        assert_ok(sd_event_run(stage->event, UINT64_MAX));
        }
        assert_int_equal(count_known(stage), n);
}

static void test_observer(void **state) {
        struct stage *stage = *state;
        unsigned idle;
        struct observer *observer = new_observer(stage, &idle);

        watch(stage, observer, &idle, CROWD);
        observer_free(observer);
}

/* Two that do not answer keep nobody else from being looked at. */
static void test_observer_passes_over(void **state) {
        struct stage *stage = *state;
        unsigned idle;
        struct observer *observer = new_observer(stage, &idle);

        stage_fault(stage, "look", addresses[40], 0, "hang");
        stage_fault(stage, "look", addresses[CROWD - 1], 0, "hang");
        watch(stage, observer, &idle, CROWD - 2);

        /* Whoever waits for an answer has more patience. */
        stage_no_fault(stage, "look", addresses[40]);
        assert_int_equal(observe(stage, CROWD - 1, 10000000).error, 0);
        assert_int_equal(count_known(stage), CROWD - 1);

        /* When they answer at last, they are looked at again. */
        stage_no_fault(stage, "look", addresses[CROWD - 1]);
        stage_release(stage);
        while (count_known(stage) < CROWD)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        observer_free(observer);
}

/* A worker that ends in the midst of it costs one look, and so does a look that fails. */
static void test_observer_and_dead_worker(void **state) {
        struct stage *stage = *state;
        unsigned idle;
        struct observer *observer = new_observer(stage, &idle);

        stage_fault(stage, "look", addresses[40], 1, "die");
        stage_fault(stage, "look", addresses[50], 1, "error 5");
        watch(stage, observer, &idle, CROWD);
        observer_free(observer);
}

/* Whoever waits for everything to be looked at does not wait for what nobody can look at. */
static void test_observer_without_worker(void **state) {
        struct stage *stage = *state;
        unsigned idle = 0;
        struct observer *observer = new_observer(stage, &idle);

        tree_unlink(stage->host.tree, "worker");
        assert_ok(observer_add(observer, host_function(&stage->host, addresses[0])));
        while (idle == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        assert_int_equal(idle, 1);
        observer_free(observer);
}

/* A function that is being moved is left to whoever moves it, and nobody waits for it. */
static void test_observer_and_moving(void **state) {
        struct stage *stage = *state;
        unsigned idle = 0;
        struct observer *observer = new_observer(stage, &idle);
        struct function *f = host_function(&stage->host, addresses[0]);

        model_set_moving(f, true);
        assert_ok(observer_add(observer, f));
        while (idle == 0)
                assert_ok(sd_event_run(stage->event, UINT64_MAX));
        assert_string_equal(f->override, "");
        model_set_moving(f, false);
        observer_free(observer);
}

/* Functions that come while others are being looked at are looked at as well. */
static void test_observer_meanwhile(void **state) {
        struct stage *stage = *state;
        unsigned idle;
        struct observer *observer = new_observer(stage, &idle);

        stage_fault(stage, "look", addresses[0], 1, "hang");
        assert_ok(observer_add(observer, host_function(&stage->host, addresses[0])));
        stage_wait_order(stage, "look 0000:01:00.0");
        for (unsigned i = 1; i < CROWD; i++)
                assert_ok(observer_add(observer, host_function(&stage->host, addresses[i])));
        stage_release(stage);
        watch(stage, observer, &idle, CROWD);
        observer_free(observer);
}

#define ON_CROWD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_CROWD(test_crowd), ON_CROWD(test_only_news_is_told), ON_CROWD(test_stuck), ON_CROWD(test_all_together),
          ON_CROWD(test_worker_dies), ON_CROWD(test_look_fails), ON_CROWD(test_left_alone), ON_CROWD(test_moved_meanwhile), ON_CROWD(test_observer),
          ON_CROWD(test_observer_passes_over), ON_CROWD(test_observer_and_dead_worker),
          ON_CROWD(test_observer_without_worker),
          ON_CROWD(test_observer_and_moving), ON_CROWD(test_observer_meanwhile))
