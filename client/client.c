/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs have in common. */

#include "cleanup.h"
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

int client_list_devices(Client *client, json_object **ret, sd_bus_error *ret_error) {
        static const char *const keys[] = { "address", "class_code", "id",     "class_name", "name",
                                            "group",   "driver",     "object", NULL };
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *structures = NULL;
        int r;

        r = client_call_manager(client, "ListDevices", ret_error, &reply);
        if (r >= 0)
                r = json_read(reply, &structures);
        return r < 0 ? r : json_name_structures(structures, keys, ret);
}

int client_get_properties(Client *client, const char *path, const char *interface, json_object **ret,
                          sd_bus_error *ret_error) {
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(client->bus, VFIOBIND_BUS_NAME, path, "org.freedesktop.DBus.Properties",
                               "GetAll", ret_error, &reply, "s", interface);
        return r < 0 ? r : json_read(reply, ret);
}

int client_get_device(Client *client, const char *address, json_object **ret, sd_bus_error *ret_error) {
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(client->bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE,
                               "GetDevice", ret_error, &reply, "s", address);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = client_get_properties(client, path, VFIOBIND_DEVICE_INTERFACE, ret, ret_error);
        if (r >= 0)
                json_object_object_add(*ret, "object", json_object_new_string(path));
        return r;
}

const char *const client_move_keys[] = { "address", "from", "to", NULL };

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
