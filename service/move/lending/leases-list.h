/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the list of leases keeps, for its own two files. */

#include "service/move/lending/lease-files.h"
#include "service/move/lending/leases.h"

struct leases {
        struct leases_config config;
        struct lease_files *files;
        struct lease **array;
        size_t n;
        uint32_t last_id;
        const struct leases_listener *listener;
        void *listener_userdata;
};

/* The lease, other than THIS, that is made and has the function. */
struct lease *leases_find_other(const struct leases *leases, const struct lease *this,
                                const struct pci_address *address, uint64_t identity);

/* Has the model show what LEASE's members are in now. */
void leases_show_members(struct leases *leases, const struct lease *lease);

/* Takes LEASE over, whatever it returns: 0 or -ENOMEM. */
int leases_add(struct leases *leases, struct lease *lease);

/* Frees LEASE, of which nothing is left: its members are nobody's any more. */
void leases_drop(struct leases *leases, struct lease *lease);

/* Ends LEASE as soon as its holder has gone. */
int leases_watch(struct leases *leases, struct lease *lease);

/* Reads what is on disk. */
int leases_recover(struct leases *leases);
