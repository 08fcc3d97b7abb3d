/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A lease: functions that somebody has for as long as a descriptor is open, and where each of them goes back
 * to when it ends. */

#include <systemd/sd-event.h>

#include "service/host/model.h"
#include "service/move/journal/store.h"
#include "service/move/plan/target.h"

/* Who has it. */
struct holder {
        const char *name; /* the unique name on the bus */
        uint32_t uid;
        uint32_t pid; /* 0: unknown */
};

struct lease_member {
        struct pci_address address;
        uint64_t identity;
        struct home before; /* where it was before the first lease */
};

struct lease {
        uint32_t id;
        struct holder holder; /* the name is owned */
        struct lease_member *members;
        size_t n_members;

        uint32_t operation; /* the one that makes it, or has made it; 0: an earlier run of the service did */
        bool made;          /* that one is done */
        bool ended;         /* nobody holds it any more: its members go back */
        bool disturbed;     /* what has just been done took members away */
        bool broken;        /* and somebody else did it */

        int read_end;  /* of its pipe (pipes.h); -EBADF once it has ended */
        int write_end; /* the holder's, until it is handed over */
        sd_event_source *hang_up;
        void *owner; /* whose it is, for HANG_UP */
};

/* A lease without members or pipe. */
struct lease *lease_new(uint32_t id, const struct holder *holder);

/* Closes its descriptors; the files stay. */
struct lease *lease_free(struct lease *lease);

static inline void lease_freep(struct lease **lease) {
        lease_free(*lease);
}

/* Adds a function and where it was. */
int lease_add(struct lease *lease, const struct pci_address *address, uint64_t identity,
              const struct home *before);

/* The member at ADDRESS, NULL if there is none; taking it out. */
struct lease_member *lease_member(const struct lease *lease, const struct pci_address *address);
void lease_take_out(struct lease *lease, struct lease_member *member);

/* Where a member goes back to: a home_lookup_t (plan.h), USERDATA is the lease. */
const struct home *lease_home(const struct function *f, void *userdata);

/* Whether HOLDER, which may be NULL for nobody, is the connection that has it. A bus that was started anew
 * gives names again, so the user counts as well. */
bool lease_is_held_by(const struct lease *lease, const struct holder *holder);

/* As a file of the run-time directory, there and back; NAME is the file's. -EINVAL where it is none. The
 * callers own what they get. */
#define LEASE_NAME_SIZE 16
char *lease_file_name(const struct lease *lease, char buffer[static LEASE_NAME_SIZE]);
struct json_object *lease_to_json(const struct lease *lease);
int lease_from_json(const char *name, struct json_object *object, struct lease **ret);
