/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What operations tell people: refusals of the kernel, silence of the kernel, and how it ended, in
 * sentences. */

#include "service/host/failure.h"
#include "service/move/plan/plan.h"
#include "service/move/workers/worker.h"

/* Sets FAILURE to what REPORT, the answer to STEP for the function of MOVEMENT, means to whoever asked for
 * the move. GONE: the function is not there any more. */
void word_failure(const struct movement *movement, const struct step *step, const struct report *report,
                  bool gone, struct failure *failure);

/* Adds to FAILURE what became of the functions after everything was undone. Where some are STRANDED it
 * becomes FAILURE_UNDO_FAILED, and says what is where. MODEL must be up to date. */
void word_outcome(const struct plan *plan, const struct model *model, bool stranded,
                  struct failure *failure);

/* Sentences about a step that the kernel does not answer, and about a worker that an earlier run of the
 * service has left. The caller frees them; NULL where memory is short. */
char *word_stuck(const struct movement *movement, const struct step *step,
                 const struct worker_identity *worker);
char *word_awaited(const struct worker_identity *worker);
