/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The requests under way: what each is about, who asked, how far it has come. Where they go is in road.h. */

#include "dbus/service.h"
#include "dbus/ticket.h"
#include "polkit/authorize.h"

/* What a message asks for. */
struct wish {
        enum errand errand;
        struct pci_address *addresses; /* owned by whoever holds the wish */
        size_t n_addresses;
        const char *word; /* see struct request; in the message, or in the ticket */
        uint64_t flags;
        uint32_t count; /* of virtual functions */
};

/* Reads MESSAGE from its beginning into RET. */
typedef int (*wish_reader_t)(struct service *service, sd_bus_message *message, struct wish *ret,
                             struct failure *failure);

struct bus_request {
        struct bus_request *next;
        struct service *service;
        sd_bus_message *message;
        wish_reader_t read;    /* NULL where the ticket tells */
        struct ticket *ticket; /* of the plan that is to be carried out */
        bool plan_only;
        uid_t uid;
        pid_t pid; /* 0: unknown */
        struct viewer *viewer;
        uint32_t id;         /* of its object on the bus; 0 while it has none */
        uint64_t begun_usec; /* when the road was last begun, by CLOCK_MONOTONIC */

        struct wish wish;
        struct function **functions; /* the model's: valid until the event loop comes round */
        size_t n_functions;
        struct observation *observation;
        struct survey *survey;

        struct checks checks; /* what polkit is asked, or has allowed */
        bool authorized;      /* it has */
        struct question *question;
        sd_bus_track *caller;
};

/* Puts a request of whoever has sent MESSAGE on the list, within the limits. If the caller leaves while
 * `caller` is watched, it fails. */
int request_new(struct service *service, sd_bus_message *message, struct bus_request **ret,
                struct failure *failure);

/* Takes it off the list and frees it. */
struct bus_request *request_free(struct bus_request *request);

/* Answers it with FAILURE and frees it. MOVED tells that it had become an operation, which says itself how
 * it ended. */
void request_fail(struct bus_request *request, const struct failure *failure, bool moved);

/* Reads what it asks for, from the message or the ticket; anew where that was done before. */
int request_read(struct bus_request *request, struct failure *failure);

/* The request that waits, or has waited, for authorization under this number; NULL if there is none. */
const struct bus_request *request_by_id(const struct service *service, uint32_t id);

/* Calls FUNCTION for each of those, until it returns other than 0, which is passed on. */
int requests_foreach(const struct service *service,
                     int (*function)(const struct bus_request *request, void *userdata), void *userdata);

/* Frees all requests of SERVICE. Moves that have begun are not called back. */
void requests_free(struct service *service);
