/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which processes have which nodes open, told by device number: whatever the node is called, and whichever
 * program it is. */

#include "service/usage/look.h"

/* The numbers that are looked for, prepared for many comparisons, and those who have them open: the share of
 * one thread. */
struct wanted;

/* NULL where memory is short. The parts that LOOK has now are those looked for; LOOK itself is not changed.
 */
struct wanted *wanted_new(const struct look *look);
struct wanted *wanted_free(struct wanted *wanted);

/* Whether there is anything to look for. */
bool wanted_any(const struct wanted *wanted);

/* Finds what the process PID, as text, has open. PROC is the directory /proc. A process that has gone has
 * nothing open, and one that a security module hides even from root is left out. Returns 0 or a negative
 * errno. */
int openers_look(struct wanted *wanted, int proc, const char *pid);

/* Moves what was found to the openers of LOOK, in the order of process ids. No more than a few dozen are
 * told of one part: one is reason enough, and a user can start as many as he likes. */
int openers_hand_over(struct wanted *wanted, struct look *look);

static inline void wanted_freep(struct wanted **wanted) {
        wanted_free(*wanted);
}
