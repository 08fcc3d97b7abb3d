/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Running steps forwards, and functions back home. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/operation/lane.h"

/* How often bringing a function back is tried before it counts as stranded, and how long the lane waits
 * between two tries. What makes a driver refuse is often gone a moment later. */
#define UNDO_ATTEMPTS 4
#define UNDO_PAUSE_USEC (100 * 1000ULL)

enum lane_state {
        LANE_IDLE,
        LANE_FORWARD,
        LANE_LOOKING,    /* undo: at what a function is now */
        LANE_RETURNING,  /* undo: the steps from there to where it was */
        LANE_COMPLETING, /* undo: the steps that bring back what stood on its driver */
};

struct lane {
        const struct lane_context *context;
        struct worker *worker;
        enum lane_state state;
        bool stopping;
        bool ordered; /* a worker was asked for something, so there may be something to undo */

        struct step *steps; /* all of them going forwards; those of one function going back */
        size_t n_steps, next;

        size_t *movements; /* indexes into the plan */
        size_t n_movements;
        size_t left; /* undo: how many of them are still to be looked at, from the end */
        unsigned attempt;
        bool completed; /* what stood on the driver of the one that is looked at is back as well */
        size_t stranded;

        struct step look;
        sd_event_source *timer;
        struct turn turn; /* to set the number of virtual functions */
        bool waiting;     /* for it */
};

static void on_report(struct worker *worker, const struct report *report, void *userdata);
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);
static void on_turn(void *userdata);

struct lane *lane_new(const struct lane_context *context) {
        struct lane *lane = calloc(1, sizeof(*lane));

        if (!lane)
                return NULL;

        lane->context = context;
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

static void pause_for(struct lane *lane, uint64_t usec) {
        (void) sd_event_source_set_time_relative(lane->timer, usec);
        (void) sd_event_source_set_enabled(lane->timer, SD_EVENT_ONESHOT);
}

/* Whoever had it is through: the step is begun anew. */
static void on_turn(void *userdata) {
        struct lane *lane = userdata;

        lane->waiting = false;
        pause_for(lane, 0);
}

/* Hands the step to the worker, as soon as it may be done. */
static int give_order(struct lane *lane, const struct step *step) {
        const struct movement *movement = &lane->context->plan->movements[step->movement];
        struct order order = {
                .kind = step->kind,
                .virtual_function = step->virtual_function,
                .address = movement->address,
                .identity = movement->identity,
                .limit_msec = lane->context->limit_msec,
        };
        int r;

        strcpy(order.argument, step->argument);

        if (step->kind == STEP_VIRTUAL_FUNCTIONS && !turns_enter(lane->context->turns, &lane->turn)) {
                lane->waiting = true;
                pause_for(lane, lane->context->limit_msec * 1000ULL);
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

/* Going forwards. */

static void finish(struct lane *lane) {
        turns_leave(lane->context->turns, &lane->turn);
        lane->state = LANE_IDLE;
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
        report.error = waited ? -EAGAIN : give_order(lane, &lane->steps[lane->next]);
        if (report.error < 0) {
                turns_leave(lane->context->turns, &lane->turn);
                lane->state = LANE_IDLE;
                lane->context->failed(lane, &lane->steps[lane->next], &report, lane->context->userdata);
        }
}

static void on_forward_report(struct lane *lane, const struct report *report) {
        const struct step *step = &lane->steps[lane->next];

        if (report->error < 0 && !step->optional) {
                lane->state = LANE_IDLE;
                lane->context->failed(lane, step, report, lane->context->userdata);
                return;
        }

        lane->next++;
        lane->context->step_done(lane, step, report, lane->context->userdata);
        next_step(lane);
}

int lane_run(struct lane *lane) {
        lane->state = LANE_FORWARD;
        pause_for(lane, 0);
        return 0;
}

void lane_stop(struct lane *lane) {
        lane->stopping = true;
        if (lane->waiting)
                pause_for(lane, 0);
}

/* Going back. */

static const struct movement *movement_to_undo(const struct lane *lane) {
        return &lane->context->plan->movements[lane->movements[lane->left - 1]];
}

static void next_movement(struct lane *lane, bool stranded) {
        turns_leave(lane->context->turns, &lane->turn);
        lane->completed = false;
        lane->n_steps = lane->next = 0;
        lane->stranded += stranded;
        lane->left--;
        lane->attempt = 0;
        pause_for(lane, 0);
}

static void try_again(struct lane *lane) {
        if (++lane->attempt == UNDO_ATTEMPTS)
                next_movement(lane, true);
        else
                pause_for(lane, lane->attempt * UNDO_PAUSE_USEC);
}

static void look(struct lane *lane) {
        lane->state = LANE_LOOKING;
        lane->look = (struct step){ .kind = STEP_LOOK, .movement = lane->movements[lane->left - 1] };

        if (give_order(lane, &lane->look) < 0)
                try_again(lane);
}

/* Where a function was, as a target. For the last attempt, whatever host driver the kernel finds, where it
 * came from one. */
static struct target target_of_undo(const struct lane *lane, const struct movement *movement) {
        struct target target = {};

        strncpy(target.driver, movement->old_driver, sizeof(target.driver) - 1);
        strncpy(target.override, movement->old_override, sizeof(target.override) - 1);

        if (lane->attempt == UNDO_ATTEMPTS - 1 && driver_kind(movement->old_driver) == DRIVER_HOST) {
                target.pick = true;
                target.driver[0] = '\0';
        }
        return target;
}

/* It is on its driver again: what stood on that driver comes back, too. */
static void complete(struct lane *lane, const struct movement *movement) {
        if (lane->completed || route_is_complete(movement)) {
                next_movement(lane, false);
                return;
        }

        lane->state = LANE_COMPLETING;
        if (route_complete(movement, lane->movements[lane->left - 1], &lane->steps, &lane->n_steps) < 0 ||
            give_order(lane, &lane->steps[0]) < 0)
                try_again(lane);
}

static void return_from(struct lane *lane, const struct report *report) {
        const struct movement *movement = movement_to_undo(lane);
        struct target target = target_of_undo(lane, movement);
        bool returned = lane->n_steps > 0 && lane->next == lane->n_steps;

        lane->n_steps = lane->next = 0;
        if (streq(report->driver, movement->old_driver) && streq(report->override, movement->old_override)) {
                complete(lane, movement);
                return;
        }

        /* Every step came true, and yet it is elsewhere: the last attempt's makeshift, or somebody else's
         * hand. */
        if (returned) {
                try_again(lane);
                return;
        }

        lane->state = LANE_RETURNING;
        if (route_retreat(movement, lane->movements[lane->left - 1], &lane->steps, &lane->n_steps) < 0 ||
            route(report->driver, report->override, &target, movement->group,
                  lane->movements[lane->left - 1], &lane->steps, &lane->n_steps) < 0 ||
            lane->n_steps == 0 || give_order(lane, &lane->steps[0]) < 0)
                try_again(lane);
}

/* That somebody has the group open matters only where a function is about to leave its driver. */
static bool is_harmless(const struct lane *lane, const struct report *report) {
        return lane->state == LANE_COMPLETING && report->error == -EBUSY &&
               lane->steps[lane->next].kind == STEP_WITHDRAW_ACCESS;
}

static void on_undo_report(struct lane *lane, const struct report *report) {
        /* A device that has gone needs nothing any more, and another one at its address is none of ours. A
         * step may have that answer from a driver as well. */
        if (lane->state == LANE_LOOKING && !report->has_state &&
            (report->error == -ENODEV || report->error == -ESTALE)) {
                next_movement(lane, false);
                return;
        }

        if (lane->state == LANE_LOOKING && report->has_state) {
                return_from(lane, report);
                return;
        }

        if ((report->error < 0 && !is_harmless(lane, report)) || lane->state == LANE_LOOKING) {
                try_again(lane);
                return;
        }

        if (++lane->next < lane->n_steps) {
                if (give_order(lane, &lane->steps[lane->next]) < 0)
                        try_again(lane);
                return;
        }

        lane->completed = lane->state == LANE_COMPLETING;
        look(lane);
}

int lane_undo(struct lane *lane) {
        /* Without steps of its own it is here to undo what an earlier run of the service has done. */
        lane->left = lane->ordered || lane->n_steps == 0 ? lane->n_movements : 0;
        lane->n_steps = lane->next = 0;
        lane->attempt = 0;
        lane->stranded = 0;
        lane->state = LANE_LOOKING;
        pause_for(lane, 0);
        return 0;
}

/* Both ways. */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct lane *lane = userdata;

        if (lane->state == LANE_FORWARD)
                next_step(lane);
        else if (lane->waiting)
                return 0; /* on the way back as long as it takes */
        else if (lane->left > 0)
                look(lane);
        else {
                lane->state = LANE_IDLE;
                lane->context->undone(lane, lane->context->userdata);
        }
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

        if (lane->state == LANE_IDLE || lane->waiting)
                return;

        note_state(lane, report);
        if (lane->state == LANE_FORWARD)
                on_forward_report(lane, report);
        else
                on_undo_report(lane, report);
}

const struct step *lane_current(const struct lane *lane) {
        switch (lane->state) {
        case LANE_IDLE:
                return NULL;
        case LANE_LOOKING:
                return &lane->look;
        default:
                return lane->next < lane->n_steps ? &lane->steps[lane->next] : NULL;
        }
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

size_t lane_stranded(const struct lane *lane) {
        return lane->stranded;
}
