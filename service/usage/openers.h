/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which processes have which nodes open, told by device number: whatever the node is called, and whichever program it is. */

#include "service/usage/look.h"

/* The numbers that are looked for, prepared for many comparisons. */
struct wanted;

/* NULL where memory is short. The parts that LOOK has now are those looked for. */
struct wanted *wanted_new(struct look *look);
struct wanted *wanted_free(struct wanted *wanted);

/* Whether there is anything to look for. */
bool wanted_any(const struct wanted *wanted);

/* Adds what the process PID, as text, has open to the openers of LOOK. PROC is the directory /proc. A process that has gone has nothing
 * open, and one that a security module hides even from root is left out. Returns 0 or a negative errno. */
int openers_look(struct wanted *wanted, int proc, const char *pid);

static inline void wanted_freep(struct wanted **wanted) {
        wanted_free(*wanted);
}
