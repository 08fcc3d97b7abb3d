/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A plan in the making: what the files that make plans share. */

#include "service/move/plan/plan.h"

struct draft {
        struct plan *plan;
        const struct model *model;
        const struct request *request;
        const char *configured; /* the default backend */
        const struct memory *memory;
        const struct findings *findings; /* what the usage room has said */
};

/* Each appends to an array of the plan, and returns 0 or -ENOMEM. */
int plan_add_permission(struct plan *plan, const char *action, bool stays, size_t movement);
int movement_add(struct movement **movements, size_t *n, const struct function *f,
                 const struct target *target);

/* Once it is known what moves: adds everything that stands in the way, and what there is to warn of. */
int plan_find(const struct draft *draft);

/* What to do about F, which keeps its IOMMU group from being opened: the end of a sentence that names it. */
const char *blocker_remedy(const struct function *f);

/* Whether the function at ADDRESS is one of the plan's movements. */
bool plan_moves(const struct plan *plan, const struct pci_address *address);
