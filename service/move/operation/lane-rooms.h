/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a lane keeps, for its two ways. */

#include "service/move/operation/lane.h"

/* How a lane goes on: when its pause is over or its turn has come, and with what the worker reports. */
struct way {
        void (*go_on)(struct lane *lane);
        void (*take_in)(struct lane *lane, const struct report *report);
        const struct step *(*current)(const struct lane *lane);
};

enum undo_state {
        UNDO_LOOKING,    /* at what a function is now */
        UNDO_RETURNING,  /* the steps from there to where it was */
        UNDO_COMPLETING, /* the steps that bring back what stood on its driver */
};

struct lane {
        const struct lane_context *context;
        struct worker *worker;
        const struct way *way; /* NULL: none */
        bool stopping;
        bool ordered; /* a worker was asked for something, so there may be something to undo */

        struct step *steps; /* all of them going forwards; those of one function going back */
        size_t n_steps, next;

        size_t *movements; /* indexes into the plan */
        size_t n_movements;

        /* The way back. */
        enum undo_state undo;
        struct step look;
        size_t left; /* how many of the movements are still to be looked at, from the end */
        unsigned attempt;
        uint64_t nodes_until_usec; /* device files are not waited for after this, by CLOCK_MONOTONIC */
        bool completed; /* what stood on the driver of the one that is looked at is back as well */
        size_t stranded;

        sd_event_source *timer;
        struct turn turn; /* to set the number of virtual functions */
        bool waiting;     /* for it */
};

/* Goes on after this time. */
void lane_pause(struct lane *lane, uint64_t usec);

/* Hands the step to the worker, as soon as it may be done: `take_in` is called with what came of it. */
int lane_order(struct lane *lane, const struct step *step);

/* The one of the steps that is next, or under way; NULL after the last. */
const struct step *lane_step(const struct lane *lane);
