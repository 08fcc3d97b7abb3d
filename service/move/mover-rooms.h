/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the mover keeps, for its own two files. */

#include "service/move/mover.h"

struct job;

struct mover {
        struct mover_config config;
        struct operation_context context;
        struct records *records;
        struct grants *grants;
        struct journal *journal;
        struct leases *leases;
        struct surveyor *surveyor;
        struct turns turns;
        struct job *jobs;
        uint32_t last_id;
        const struct mover_listener *listener;
        void *listener_userdata;
        sd_event_source *sweep; /* frees what is settled, once nobody is in the midst of it */
};
