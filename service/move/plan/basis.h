/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a plan rests on, kept apart from the plan: which devices, where each was and shall go, what was found
 * about them and which steps follow. A plan that is made again later and rests on the same is the same plan.
 */

#include "service/move/plan/plan.h"

/* As text, which the caller frees; NULL where memory is short. */
char *plan_basis(const struct plan *plan);

/* Fails with FAILURE_STATE_CHANGED, and a sentence that says what is different, if PLAN does not rest on
 * BASIS. */
int plan_check_basis(const struct plan *plan, const char *basis, struct failure *failure);
