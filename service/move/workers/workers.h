/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Workers that have done what they were asked for and wait a moment for more: one move asks for several in a
 * row, and starting a process costs more than most of what it does. */

#include "service/move/workers/worker.h"

struct workers;

/* PROGRAM is what a worker runs, and has to stay. */
int workers_new(sd_event *event, const char *program, struct workers **ret);

/* Lets go of those that wait. After everybody who has taken one. */
struct workers *workers_free(struct workers *workers);

/* Hands out one that waits, or starts one. */
int workers_take(struct workers *workers, worker_report_t report, void *userdata, struct worker **ret);

/* Remembers that WORKER does not come back from the function at ADDRESS: something else in the kernel holds
 * its lock. */
int workers_note_asleep(struct workers *workers, const struct worker *worker,
                        const struct pci_address *address);

/* Whether such a worker is still there, so that another one would only sleep beside it. RET says who it is.
 */
bool workers_are_asleep(struct workers *workers, const struct pci_address *address,
                        struct worker_identity *ret);

/* Takes one back, NULL included: one that still owes an answer is dismissed, since nobody knows when the
 * kernel lets it go on. */
struct worker *workers_give_back(struct workers *workers, struct worker *worker);
