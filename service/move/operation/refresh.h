/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Showing the world what became of the functions of a plan. */

#include "service/host/model.h"
#include "service/move/plan/plan.h"

/* The function that M is about; NULL where it has gone, or another one is at its address. */
struct function *refresh_find(const struct model *model, const struct movement *m);

/* Brings MODEL up to date with the kernel about everything that PLAN moves, and about the virtual functions
 * that have come and gone with it. They are no longer moving. */
void refresh_moved(struct model *model, const struct plan *plan);
