/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The bus side of the service: what its files share, and starting it. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "service/move/homecoming.h"

struct bus_request;

/* What an object below /org/vfiobind/operation stands for: a request that waits for authorization, or an
 * operation. */
struct activity {
        uint32_t id;
        const struct bus_request *request;
        const struct operation *operation;
};

struct service {
        sd_event *event;
        sd_bus *bus;
        struct model *model;
        struct mover *mover;
        struct homecomings *homecomings; /* NULL until the service is complete */
        struct workers *workers;
        struct tickets *tickets;      /* plans that may be carried out */
        struct bus_request *requests; /* those that wait for polkit, for the worker or for their move */
        unsigned n_readings;          /* calls that wait for a worker to read a property */
        struct policy *policy;        /* what was last told of it */
        struct activity activity;     /* what the object that is being looked at is about */

        /* Told of an operation that is settled when nobody waits for its answer any more. */
        void (*settled_late)(const struct journal_entry *entry, const struct failure *failure);
};

/* Puts the objects on SERVICE's bus and listens to its model. Everything in SERVICE must be set. */
int service_publish(struct service *service);

/* Asks for the well-known name; before this nobody finds the service. */
int service_request_name(struct service *service);

/* Ends every request that is still under way without an answer, and leaves the bus. */
void service_close(struct service *service);

/* The tables of the interfaces, each in a file of its own. A device's methods and properties get a `struct
 * function` as their user data, a group's a `struct group`, the manager's the `struct service`. */
extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable device_vtable[];
extern const sd_bus_vtable group_vtable[];
extern const sd_bus_vtable operation_vtable[]; /* user data: a `struct activity` */

/* The head of a function that answers with a property of theirs. */
#define GETTER(name)                                                                                        \
        static int name(sd_bus *bus, const char *path, const char *interface, const char *property,         \
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)

/* The service behind a method call of any of them. */
struct service *service_of_call(sd_bus_message *message);

/* Answers `Get` of the properties that only a worker may read (see explicit.c), for objects below
 * /org/vfiobind/device. */
int explicit_property_filter(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Turns changes of the model and of operations into signals. USERDATA is the service. */
extern const struct model_listener announcer;
extern const struct mover_listener operation_announcer;
