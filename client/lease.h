/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A lease that this process holds: the descriptor whose closing ends it. It closes on exec, so that the
 * lease lasts as long as this process and no longer, whatever the programs that it starts leave behind. */

#include <json-c/json.h>
#include <systemd/sd-bus.h>

typedef struct Lease Lease;

struct Lease {
        sd_bus *bus;
        int descriptor; /* -1: given back */
        sd_event_source *watch;
        sd_bus_slot *owner, *question;
        void (*ended)(Lease *lease);
        void *userdata; /* for whoever sets `ended` */
};

/* The leases that there are, from the answer to ListLeases(): objects with `unique_name`, `uid`, `pid`,
 * `addresses`, `state`. `ret` becomes the caller's. -ENOMEM, or what sd-bus says. */
int lease_read_list(sd_bus_message *reply, json_object **ret);

/* Takes the descriptor out of the answer to Acquire() that `reply` is, and keeps one of its own. The
 * functions stay to be read. A negative errno. */
int lease_take(Lease *lease, sd_bus *bus, sd_bus_message *reply);

/* From now on, within the loop that the bus is attached to, calls `ended` once somebody else has ended the
 * lease. The descriptor shows that, but also while the service is down: it is believed when ListLeases
 * answers without the lease, and asked as soon as the service is there, which is not started for it. */
int lease_watch(Lease *lease, sd_event *loop);

/* Gives it back, and waits until that is done. Returns 1 if it is, 0 if it is not to be expected soon: what
 * was leased is still open through VFIO, or the service is not there; or a negative errno. `addresses`, a
 * list that ends with NULL, is what was leased. */
int lease_give_back(Lease *lease, char **addresses);

/* Lets go of what it has, which gives it back as well. */
void lease_done(Lease *lease);
