/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Somebody who is told what was found, and may not know everything: uid 0 may, a user may know of processes
 * of the same uid, and whoever sees a file system mounted may know that it is. Others learn that there is
 * something. */

#include "service/host/root.h"
#include "service/usage/finding.h"

struct viewer;

/* The user UID, looking from process PID (0: nobody knows which), on the host below ROOT, which has to stay.
 */
int viewer_new(const struct root *root, uid_t uid, pid_t pid, struct viewer **ret);
/* Somebody who may read nothing but what is for all. Never freed. */
struct viewer *viewer_nobody(void);

struct viewer *viewer_free(struct viewer *viewer);

static inline void viewer_freep(struct viewer **viewer) {
        viewer_free(*viewer);
}

/* What VIEWER may read of a finding; NULL is nobody in particular and reads all. Both belong to the finding.
 */
const char *viewer_subject(struct viewer *viewer, const struct finding *finding);
const char *viewer_message(struct viewer *viewer, const struct finding *finding);
