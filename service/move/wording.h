/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's refusal of a step, in words. */

#include "service/host/failure.h"
#include "service/move/plan.h"

/* Sets FAILURE to what REPORT, the answer to STEP for the function of MOVEMENT, means to whoever asked for the move. */
void word_failure(const struct movement *movement, const struct step *step, const struct report *report, struct failure *failure);
