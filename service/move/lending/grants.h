/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who was given access to IOMMU groups with the flag ACCESS: at most one user a group, from the operation
 * that granted it until a member of the group leaves its VFIO driver, by whosever hand, also where it comes
 * back before that is seen. Each grant is a file on disk before the first entry is in an access control
 * list, and until the last one is gone, so that neither a stop nor a crash of the service makes one
 * forgotten: one that still fits is kept, and another is withdrawn at the next start.
 *
 * While a grant is in force its device files are watched: udev, or an administrator's rule that sets a mode,
 * may mask what was granted, and then it is granted anew. While an operation holds the group nothing happens
 * behind its back. */

#include <systemd/sd-event.h>

#include "service/host/model.h"
#include "service/move/plan/plan.h"

struct grants;

/* Opens the grants below DIRECTORY. MODEL must have been scanned. DAMAGED is told of files that cannot be
 * read; it may be NULL. */
int grants_new(sd_event *event, struct model *model, const char *directory,
               void (*damaged)(const char *name, void *userdata), void *userdata, struct grants **ret);

/* Everybody keeps what was granted. */
struct grants *grants_free(struct grants *grants);

/* Who may open GROUP. A grantee_lookup_t: USERDATA is the grants. */
struct grantee grants_holder(int group, void *userdata);

/* An operation with PLAN begins: it holds its groups, and whoever it gives access is on disk when this
 * returns 0. Also for an operation that an earlier run of the service has left. */
int grants_begin(struct grants *grants, const struct plan *plan);

/* It is over. Where it has not SUCCEEDED, everybody has what they had before. */
void grants_end(struct grants *grants, const struct plan *plan, bool succeeded);

/* Withdraws what UID has in GROUP, if it came with a lease; not while an operation holds the group. */
void grants_end_leased(struct grants *grants, int group, uint32_t uid);

/* Withdraws what no longer fits, and grants anew what was masked: of GROUP, or of all groups. */
void grants_review(struct grants *grants, int group);
void grants_review_all(struct grants *grants);
