/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an operation keeps, for its own two files. */

#include "service/move/operation/lanes.h"
#include "service/move/operation/operation.h"
#include "service/move/workers/await.h"

struct operation {
        const struct operation_context *context;
        struct journal_entry *entry;
        struct lane_context lane_context;
        enum operation_state state;
        bool undoing;
        bool answered;

        struct lane **lanes;
        size_t n_lanes, n_busy;
        bool loading; /* the first lane, that of the modules, has to end before the others begin */

        size_t n_done;
        struct failure failure; /* the first */
        uint64_t left_usec;     /* of the limit, when it began */
        sd_event_source *deadline;

        bool resumed;            /* what an earlier run has left may be settled */
        struct turn turn;        /* of workers that may be setting a number of virtual functions */
        struct awaited *awaited; /* workers that an earlier run of the service has left; NULL once they have
                                    ended */
};

/* One that has not begun. NULL where memory is short. */
struct operation *operation_new(const struct operation_context *context, struct journal_entry *entry);

/* Makes its lanes and lets its time run; from here on its functions are moving. */
int operation_prepare(struct operation *operation);

/* Brings everything back, by lanes that are not running. */
void operation_undo(struct operation *operation);
