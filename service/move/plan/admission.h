/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a plan has to do with who may open IOMMU groups through VFIO. With the flag ACCESS whoever asks is
 * admitted to the groups of all functions that the request comes to. That means control of every member, so
 * it takes a permission for each endpoint, named or not, and a group that VFIO can open. And whoever has
 * been admitted to a group before is in the way of everybody else's plans for it, and loses access before a
 * member leaves its VFIO driver. */

#include "service/move/plan/draft.h"

/* Whether F, which is where it shall go, still has to be held by the operation: its group is to be opened to
 * whoever asks, and is not yet. */
bool admission_is_due(const struct draft *draft, const struct function *f);

/* Once it is known which functions move: whether ACCESS can be had, or a function be opened for whoever
 * asks, and the permissions that it takes. */
int admission_check(const struct draft *draft, struct failure *failure);

/* The steps before all others that touch a function, and those after them. Each notes in the movements what
 * an undo needs. */
int admission_withdraw(const struct draft *draft);
int admission_grant(const struct draft *draft);

/* The finding `access`: M touches a group that somebody else may open. */
int admission_find(const struct draft *draft, const struct movement *m);
