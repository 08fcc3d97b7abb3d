/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The road that every request to move something takes:
 *
 * 1. The message is read: which functions, where to, with which flags.
 * 2. The functions are observed, so that what follows rests on what is true now.
 * 3. A plan is made of it. What is wrong with the request, or forbids the move, ends it here.
 * 4. polkit is asked for exactly what the plan needs, unless the caller is uid 0. If that was so, everything is done again from 1, for
 *    time has passed; where that comes to the same checks, the answer counts, else the answer is StateChanged.
 * 5. The plan is carried out, and the caller gets what moved.
 *
 * A caller that leaves before 5 has asked for nothing. */

#include "dbus/service.h"

/* What a message asks for. */
struct wish {
        struct pci_address *addresses; /* owned by whoever holds the wish */
        size_t n_addresses;
        const char *word; /* in the message */
        uint64_t flags;
};

/* Reads MESSAGE from its beginning into RET. */
typedef int (*wish_reader_t)(struct service *service, sd_bus_message *message, struct wish *ret, struct failure *failure);

/* What a request that waits for authorization is about. */
uint32_t request_id(const struct bus_request *request);
const struct wish *request_wish(const struct bus_request *request);
uid_t request_uid(const struct bus_request *request);
const char *request_caller(const struct bus_request *request);

/* The request that waits, or has waited, for authorization under this number; NULL if there is none. */
const struct bus_request *request_by_id(const struct service *service, uint32_t id);

/* Calls FUNCTION for each of those, until it returns other than 0, which is passed on. */
int requests_foreach(const struct service *service, int (*function)(const struct bus_request *request, void *userdata),
                     void *userdata);

/* Frees all requests of SERVICE. Moves that have begun are not called back. */
void requests_free(struct service *service);

/* Takes the request in MESSAGE on its way. For a method handler to return. */
int request_begin(struct service *service, sd_bus_message *message, wish_reader_t read);
