/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lanes: their worker and its orders, and the way forwards. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/operation/lane-rooms.h"

static void on_report(struct worker *worker, const struct report *report, void *userdata);
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);
static void on_turn(void *userdata);

struct lane *lane_new(const struct lane_context *context) {
        struct lane *lane = calloc(1, sizeof(*lane));

        if (!lane)
                return NULL;

        lane->context = context;
        lane->nodes_until_usec = UINT64_MAX;
        lane->turn = (struct turn){ .begins = on_turn, .userdata = lane };
        if (sd_event_add_time_relative(context->event, &lane->timer, CLOCK_MONOTONIC, 0, 1, on_timer, lane) <
                            0 ||
            sd_event_source_set_enabled(lane->timer, SD_EVENT_OFF) < 0)
                return lane_free(lane);

        return lane;
}

struct lane *lane_free(struct lane *lane) {
        if (!lane)
                return NULL;

        turns_leave(lane->context->turns, &lane->turn);
        workers_give_back(lane->context->workers, lane->worker);
        sd_event_source_disable_unref(lane->timer);
        free(lane->steps);
        free(lane->movements);
        free(lane);
        return NULL;
}

int lane_add_step(struct lane *lane, const struct step *step) {
        struct step *slot = array_append(&lane->steps, &lane->n_steps, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = *step;
        return 0;
}

int lane_add_movement(struct lane *lane, size_t movement) {
        size_t *slot = array_append(&lane->movements, &lane->n_movements, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = movement;
        return 0;
}

void lane_rename_driver(struct lane *lane, size_t movement, const char *from, const char *to) {
        steps_rename_driver(lane->steps, lane->n_steps, movement, from, to);
}

static int ensure_worker(struct lane *lane) {
        int r;

        if (lane->worker)
                return 0;

        r = workers_take(lane->context->workers, on_report, lane, &lane->worker);
        if (r >= 0)
                r = lane->context->worker_started(lane, lane->context->userdata);
        if (r < 0)
                lane->worker = workers_give_back(lane->context->workers, lane->worker);
        return r;
}

void lane_pause(struct lane *lane, uint64_t usec) {
        (void) sd_event_source_set_time_relative(lane->timer, usec);
        (void) sd_event_source_set_enabled(lane->timer, SD_EVENT_ONESHOT);
}

/* Whoever had it is through: the step is begun anew. */
static void on_turn(void *userdata) {
        struct lane *lane = userdata;

        lane->waiting = false;
        lane_pause(lane, 0);
}

static unsigned wait_limit(const struct lane *lane, const struct step *step) {
        unsigned limit = lane->context->limit_msec;
        uint64_t now = 0, left;

        if (step->kind != STEP_WAIT_NODE)
                return limit;

        (void) sd_event_now(lane->context->event, CLOCK_MONOTONIC, &now);
        left = now < lane->nodes_until_usec ? (lane->nodes_until_usec - now) / 1000 : 0;
        return left < limit ? (unsigned) left : limit;
}

int lane_order(struct lane *lane, const struct step *step) {
        const struct movement *movement = &lane->context->plan->movements[step->movement];
        struct order order = {
                .kind = step->kind,
                .virtual_function = step->virtual_function,
                .address = movement->address,
                .identity = movement->identity,
                .limit_msec = wait_limit(lane, step),
        };
        int r;

        strcpy(order.argument, step->argument);

        if (step->kind == STEP_VIRTUAL_FUNCTIONS && !turns_enter(lane->context->turns, &lane->turn)) {
                lane->waiting = true;
                lane_pause(lane, lane->context->limit_msec * 1000ULL);
                return 0;
        }

        r = ensure_worker(lane);
        if (r < 0)
                return r;
        lane->ordered = true;

        /* One that was killed while it had nothing to do; whoever tries again gets another. */
        r = worker_order(lane->worker, &order);
        if (r == -EPIPE)
                lane->worker = workers_give_back(lane->context->workers, lane->worker);
        return r;
}

const struct step *lane_step(const struct lane *lane) {
        return lane->next < lane->n_steps ? &lane->steps[lane->next] : NULL;
}

/* The way forwards. */

static void finish(struct lane *lane) {
        turns_leave(lane->context->turns, &lane->turn);
        lane->way = NULL;
        lane->context->done(lane, lane->context->userdata);
}

static void next_step(struct lane *lane) {
        struct report report = {};
        bool waited = lane->waiting;

        lane->waiting = false;
        if (lane->stopping || lane->next == lane->n_steps) {
                finish(lane);
                return;
        }

        /* If it has waited until now, its turn has not come within the limit. */
        report.error = waited ? -EAGAIN : lane_order(lane, &lane->steps[lane->next]);
        if (report.error < 0) {
                turns_leave(lane->context->turns, &lane->turn);
                lane->way = NULL;
                lane->context->failed(lane, &lane->steps[lane->next], &report, lane->context->userdata);
        }
}

static void on_step_report(struct lane *lane, const struct report *report) {
        const struct step *step = &lane->steps[lane->next];

        if (report->error < 0 && !step->optional) {
                lane->way = NULL;
                lane->context->failed(lane, step, report, lane->context->userdata);
                return;
        }

        lane->next++;
        lane->context->step_done(lane, step, report, lane->context->userdata);
        next_step(lane);
}

static const struct way forward = { next_step, on_step_report, lane_step };

void lane_run(struct lane *lane) {
        lane->way = &forward;
        lane_pause(lane, 0);
}

void lane_stop(struct lane *lane) {
        lane->stopping = true;
        if (lane->waiting)
                lane_pause(lane, 0);
}

/* Both ways. */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct lane *lane = userdata;

        if (lane->way)
                lane->way->go_on(lane);
        return 0;
}

static void note_state(struct lane *lane, const struct report *report) {
        const struct step *step = lane_current(lane);
        const struct movement *movement;
        struct function *f;

        if (!step || step->virtual_function > 0 || !report->has_state)
                return;

        movement = &lane->context->plan->movements[step->movement];
        f = model_function(lane->context->model, &movement->address);

        if (f && f->identity == movement->identity)
                (void) model_set_override(lane->context->model, f, report->override);
}

static void on_report(struct worker *worker, const struct report *report, void *userdata) {
        static const struct report ended = { .error = -EPIPE };
        struct lane *lane = userdata;
        const struct step *step;

        if (!report) {
                /* Whatever it was at is over: a process that sleeps in the kernel ends only when it has
                 * returned. */
                lane->worker = workers_give_back(lane->context->workers, lane->worker);
                report = &ended;
        }

        /* Whatever the answer is: the kernel has given it. */
        step = lane->waiting ? NULL : lane_current(lane);
        if (step && step->kind == STEP_VIRTUAL_FUNCTIONS)
                turns_leave(lane->context->turns, &lane->turn);

        if (!lane->way || lane->waiting)
                return;

        note_state(lane, report);
        lane->way->take_in(lane, report);
}

const struct step *lane_current(const struct lane *lane) {
        return lane->way ? lane->way->current(lane) : NULL;
}

bool lane_worker(const struct lane *lane, struct worker_identity *ret) {
        if (!lane->worker)
                return false;

        *ret = worker_identity(lane->worker);
        return true;
}

int lane_take_descriptor(const struct lane *lane) {
        return lane->worker ? worker_take_descriptor(lane->worker) : -EBADF;
}
