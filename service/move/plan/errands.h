/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What each errand makes of a plan: where its functions go, who has to allow it, and the steps. */

#include "service/move/plan/draft.h"

/* The most actions that polkit is asked about for one function, and NULL at the end. */
#define ERRAND_ACTIONS_MAX 3

struct errand_rules {
        /* Finds where F goes, and, for virtual functions that it gets, in memory that the caller frees,
         * where those go. */
        int (*resolve)(const struct draft *draft, const struct function *f, struct target *ret,
                       struct target **ret_offspring, struct failure *failure);
        /* What that takes, besides FORCE, where it is not done already. OFFSPRING may be NULL. */
        void (*permit)(const struct target *target, const struct target *offspring,
                       const char *actions[static ERRAND_ACTIONS_MAX]);
        /* Adds the steps of the plan's movement INDEX. Returns 0 or -ENOMEM. */
        int (*add_steps)(const struct draft *draft, size_t index);
        /* Whether a finding about a function of the plan stands in the way of this; NULL: all do. */
        bool (*minds)(const struct draft *draft, const struct finding *finding);
        /* What uses the virtual functions of the plan's functions stands in the way as well. */
        bool minds_virtual;
};

const struct errand_rules *errand_rules(enum errand errand);
