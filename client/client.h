/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every verb works with, and the verbs. */

#include <systemd/sd-bus.h>

#include "failure.h"
#include "options.h"
#include "pager.h"
#include "terminal.h"

typedef struct Client {
        Options options;
        Terminal terminal;
        char **operands; /* behind the verb */
        size_t n_operands;
        char **command; /* what `run` runs: what stands behind "--"; else NULL */
        sd_bus *bus;
        Pager pager;
} Client;

/* The verbs: one function each, called with the bus connected. */
Status verb_list(Client *client);
Status verb_groups(Client *client);
Status verb_show(Client *client);
Status verb_backends(Client *client);
Status verb_leases(Client *client);
Status verb_monitor(Client *client);
Status verb_plan(Client *client);
Status verb_bind(Client *client);
Status verb_restore(Client *client);
Status verb_reset(Client *client);
Status verb_vfs(Client *client);
Status verb_run(Client *client);

/* Standard output from here on through a pager, where it is a terminal and one is wanted. Call it when there
 * is something to show and nothing can fail any more. */
void client_open_pager(Client *client);

/* Calls a method of the manager that takes no arguments. Like sd_bus_call_method(). */
int client_call_manager(Client *client, const char *member, sd_bus_error *ret_error,
                        sd_bus_message **ret_reply);

/* The answer to ListDevices() as an array of objects. Like sd_bus_call_method(). */
int client_list_devices(Client *client, json_object **ret, sd_bus_error *ret_error);

/* All properties that the object at `path` has on `interface`, but those that only a Get of their own
 * reads. Like sd_bus_call_method(). */
int client_get_properties(Client *client, const char *path, const char *interface, json_object **ret,
                          sd_bus_error *ret_error);

/* The same of the device with the address `address`, and the path of its object as `object`. */
int client_get_device(Client *client, const char *address, json_object **ret, sd_bus_error *ret_error);

/* What a move on the bus consists of. Ends with NULL. */
extern const char *const client_move_keys[];

/* Says that the client could not do `what` ("list the devices"); see failure_report(). */
Status client_fail(Client *client, const char *what, const sd_bus_error *error, int r);

/* Writes the answer as JSON, as the options say. The exit status. */
Status client_print_json(Client *client, json_object *answer);
