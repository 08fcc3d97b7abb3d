/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A lane: one worker that carries out, one after the other, the steps of a plan that belong together, those
 * of the functions of one IOMMU group. The lanes of an operation run side by side. A lane can also bring its
 * functions back to where they were, from wherever they happen to be: so it needs to know nothing of how far
 * it came. */

#include <systemd/sd-event.h>

#include "service/host/model.h"
#include "service/move/operation/turns.h"
#include "service/move/plan/plan.h"
#include "service/move/workers/workers.h"

struct lane;

struct lane_context {
        sd_event *event;
        struct model *model;
        struct workers *workers;
        const struct plan *plan;
        struct turns *turns; /* of those who set the number of virtual functions */
        unsigned limit_msec; /* for what may be waited for, besides the kernel */

        /* A worker was started, and has no order yet: the time to note who it is. It gets none where this
         * fails. */
        int (*worker_started)(struct lane *lane, void *userdata);

        /* Each is called from the event loop. STEP belongs to the lane. */
        void (*step_done)(struct lane *lane, const struct step *step, const struct report *report,
                          void *userdata);
        void (*done)(struct lane *lane, void *userdata); /* all steps, or stopped */
        void (*failed)(struct lane *lane, const struct step *step, const struct report *report,
                       void *userdata);
        void (*undone)(struct lane *lane, void *userdata); /* as far as possible: see lane_stranded() */
        void *userdata;
};

/* CONTEXT must outlive the lane. The worker is started with the first step. */
struct lane *lane_new(const struct lane_context *context);

/* Frees the lane. Its worker ends as soon as the kernel lets it, without another write. */
struct lane *lane_free(struct lane *lane);

/* Adds a step, or a function to bring back if it comes to that; before lane_run(). */
int lane_add_step(struct lane *lane, const struct step *step);
int lane_add_movement(struct lane *lane, size_t movement);

/* Has the steps of MOVEMENT that name the driver FROM name TO; before lane_run(). */
void lane_rename_driver(struct lane *lane, size_t movement, const char *from, const char *to);

/* Carries the steps out. */
void lane_run(struct lane *lane);

/* Makes no further step: `done` is called when the one under way is over, or at once by the event loop if
 * there is none. */
void lane_stop(struct lane *lane);

/* Brings the functions back, the last one first. For a lane that is not running. Device files are waited for
 * NODE_PATIENCE_USEC in all, and not beyond: a function is back with or without. */
void lane_undo(struct lane *lane, uint64_t node_patience_usec);

/* The step under way, NULL if there is none, and who is at it. */
const struct step *lane_current(const struct lane *lane);
bool lane_worker(const struct lane *lane, struct worker_identity *ret);

/* While `step_done` is called: hands out the descriptor that came with the report, see worker.h. */
int lane_take_descriptor(const struct lane *lane);

/* After an undo: how many functions are not where they were. */
size_t lane_stranded(const struct lane *lane);
