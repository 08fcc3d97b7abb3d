/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a look keeps, for its own file and that of the observer. */

#include "service/move/workers/observe.h"

struct target_of_look {
        struct pci_address address;
        uint64_t identity;
        unsigned n_turns; /* of the function, when the order was sent */
};

struct observation {
        sd_event *event;
        struct model *model;
        struct workers *workers;
        struct worker *worker;
        sd_event_source *timer;
        struct target_of_look *targets;
        size_t n_targets, n_sent, n_seen;
        uint64_t limit_usec;
        bool awaited; /* by somebody: the limit is for all of them, and whoever does not come back is noted;
                         else it is for each */
        struct worker_identity lost; /* who does not come back from the function that does not answer */
        observed_t done;
        void *userdata;
};

/* As observation_start(), but takes TARGETS over, in any case, and the limit is for each of them. */
int observation_start_targets(sd_event *event, struct model *model, struct workers *workers,
                              struct target_of_look *targets, size_t n_targets, uint64_t limit_usec,
                              observed_t done, void *userdata, struct observation **ret);
