/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is mounted where: the host's own mount namespace, and every other one that a process lives in. */

#include "service/usage/look.h"

/* Those that have been looked at, for several threads. */
struct namespaces;

/* Looks at the mounts of the host. PROC is the directory /proc. Returns 0 or a negative errno. */
int namespaces_new(struct look *look, int proc, struct namespaces **ret);
struct namespaces *namespaces_free(struct namespaces *namespaces);

/* Looks at the mounts that the process PID, as text, sees, unless its namespace has been looked at already.
 * Returns 0, also for a process that has gone or that a security module hides even from root, or a negative
 * errno. */
int namespaces_look(struct namespaces *namespaces, int proc, const char *pid);

static inline void namespaces_freep(struct namespaces **namespaces) {
        namespaces_free(*namespaces);
}
