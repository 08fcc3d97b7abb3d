/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs have in common. */

#include "client.h"
#include "dbus/names.h"

void client_open_pager(Client *client) {
        if (client->options.pager && client->terminal.output)
                pager_open(&client->pager, client->terminal.utf8);
}

int client_call_manager(Client *client, const char *member, sd_bus_error *ret_error,
                        sd_bus_message **ret_reply) {
        return sd_bus_call_method(client->bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE,
                                  member, ret_error, ret_reply, NULL);
}

Status client_fail(Client *client, const char *what, const sd_bus_error *error, int r) {
        return failure_report(&client->terminal, what, NULL, error, r);
}

Status client_print_json(Client *client, json_object *answer) {
        client_open_pager(client);
        if (json_print(answer, client->options.json) >= 0)
                return STATUS_DONE;

        failure_print(&client->terminal, "Out of memory", NULL);
        return STATUS_FAILED;
}
