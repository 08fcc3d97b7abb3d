/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Bringing back what ended leases held, each function to where it was before: a restore as any other, in the
 * name of the holder, with nobody to answer.
 *
 * What is still open through VFIO, by a guest that outlives whoever has started it, waits until it is
 * closed (closing.h), and what another operation holds until that is settled. Where the kernel refuses, the
 * lease stays and says that it returns; it is tried again when another operation on the functions is
 * settled, when somebody moves one of them or closes its node, and when the service is started anew. What
 * stands in the way and tells nobody when it is over, as a device that does not answer just now, is looked
 * at again after a while. */

#include "service/move/mover.h"

struct homecomings;

struct homecomings_config {
        sd_event *event;
        struct model *model;
        struct mover *mover;
        uint64_t again_usec; /* that while, in microseconds */
        /* Told, once for a lease, why it has to wait. */
        void (*delayed)(const struct lease *lease, const struct failure *failure);
};

/* Begins with what an earlier run of the service has left. CONFIG's pointers must outlive it. */
int homecomings_new(const struct homecomings_config *config, struct homecomings **ret);
struct homecomings *homecomings_free(struct homecomings *homecomings);

/* Somebody else has moved F. */
void homecomings_note_moved(struct homecomings *homecomings, const struct function *f);
