/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The way back of a lane: look where a function is, go from there to where it was, look again. */

#include <errno.h>

#include "service/move/operation/lane-rooms.h"

/* How often bringing a function back is tried before it counts as stranded, and how long the lane waits
 * between two tries. What makes a driver refuse is often gone a moment later. */
#define UNDO_ATTEMPTS 4
#define UNDO_PAUSE_USEC (100 * 1000ULL)

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
        lane_pause(lane, 0);
}

static void try_again(struct lane *lane) {
        if (++lane->attempt == UNDO_ATTEMPTS)
                next_movement(lane, true);
        else
                lane_pause(lane, lane->attempt * UNDO_PAUSE_USEC);
}

static void look(struct lane *lane) {
        /* A worker may end in a pause, and then there is nothing to wait for. */
        (void) sd_event_source_set_enabled(lane->timer, SD_EVENT_OFF);

        lane->undo = UNDO_LOOKING;
        lane->look = (struct step){ .kind = STEP_LOOK, .movement = lane->movements[lane->left - 1] };

        if (lane_order(lane, &lane->look) < 0)
                try_again(lane);
}

/* Where a function was, as a target. For the last attempt, whatever host driver the kernel finds, where it
 * came from one. */
static struct target target_of_undo(const struct lane *lane, const struct movement *movement) {
        struct target target = { .backend = backend_by_kind(driver_kind(movement->old_driver)) };

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

        lane->undo = UNDO_COMPLETING;
        if (route_complete(movement, lane->movements[lane->left - 1], &lane->steps, &lane->n_steps) < 0 ||
            lane_order(lane, &lane->steps[0]) < 0)
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

        lane->undo = UNDO_RETURNING;
        if (route_retreat(movement, lane->movements[lane->left - 1], &lane->steps, &lane->n_steps) < 0 ||
            route(report->driver, report->override, &target, movement->group,
                  lane->movements[lane->left - 1], &lane->steps, &lane->n_steps) < 0 ||
            lane->n_steps == 0 || lane_order(lane, &lane->steps[0]) < 0)
                try_again(lane);
}

static const struct step *current(const struct lane *lane) {
        return lane->undo == UNDO_LOOKING ? &lane->look : lane_step(lane);
}

/* That somebody has the group open matters only where a function is about to leave its driver. And one whose
 * device file nobody has got ready is on its driver all the same, as the next look will show. */
static bool is_harmless(const struct lane *lane, const struct report *report) {
        const struct step *step = current(lane);

        /* A worker that ends between two steps. */
        if (!step)
                return false;

        return step->kind == STEP_WAIT_NODE || (lane->undo == UNDO_COMPLETING && report->error == -EBUSY &&
                                                step->kind == STEP_WITHDRAW_ACCESS);
}

static void take_in(struct lane *lane, const struct report *report) {
        /* A device that has gone needs nothing any more, and another one at its address is none of ours. A
         * step may have that answer from a driver as well. */
        if (lane->undo == UNDO_LOOKING && !report->has_state &&
            (report->error == -ENODEV || report->error == -ESTALE)) {
                next_movement(lane, false);
                return;
        }

        if (lane->undo == UNDO_LOOKING && report->has_state) {
                return_from(lane, report);
                return;
        }

        if ((report->error < 0 && !is_harmless(lane, report)) || lane->undo == UNDO_LOOKING) {
                try_again(lane);
                return;
        }

        if (++lane->next < lane->n_steps) {
                if (lane_order(lane, &lane->steps[lane->next]) < 0)
                        try_again(lane);
                return;
        }

        lane->completed = lane->undo == UNDO_COMPLETING;
        look(lane);
}

static void go_on(struct lane *lane) {
        /* For its turn, as long as it takes. */
        if (lane->waiting)
                return;

        if (lane->left > 0) {
                look(lane);
                return;
        }

        lane->way = NULL;
        lane->context->undone(lane, lane->context->userdata);
}

static const struct way back = { go_on, take_in, current };

void lane_undo(struct lane *lane, uint64_t node_patience_usec) {
        uint64_t now = 0;

        (void) sd_event_now(lane->context->event, CLOCK_MONOTONIC, &now);
        lane->nodes_until_usec = now + node_patience_usec;

        /* Without steps of its own it is here to undo what an earlier run of the service has done. */
        lane->left = lane->ordered || lane->n_steps == 0 ? lane->n_movements : 0;
        lane->n_steps = lane->next = 0;
        lane->attempt = 0;
        lane->stranded = 0;
        lane->undo = UNDO_LOOKING;
        lane->way = &back;
        lane_pause(lane, 0);
}

size_t lane_stranded(const struct lane *lane) {
        return lane->stranded;
}
