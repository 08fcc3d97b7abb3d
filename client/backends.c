/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl backends: the ways to hand over a device, which of them there are here, and which `bind`
 * takes. */

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "table.h"

static int print_backends(Client *client, json_object *backends, json_object *manager) {
        static const Column columns[] = { { "NAME" }, { "DRIVER" }, { "AVAILABLE" }, { "WHY NOT" } };
        const char *selected = json_string(manager, "selected_backend");
        const char *configured = json_string(manager, "default_backend");
        _cleanup_table_ Table *table = NULL;
        int r;

        table = table_new(&client->terminal, columns, ELEMENTSOF(columns));
        if (!table)
                return -ENOMEM;

        for (size_t i = 0; i < json_object_array_length(backends); i++) {
                json_object *backend = json_object_array_get_idx(backends, i);
                bool available = json_boolean(backend, "available");
                const char *reason = json_string(backend, "reason");

                table_add(table, STYLE_STRONG, json_string(backend, "name"));
                table_add(table, STYLE_PLAIN, json_string(backend, "driver"));
                table_add(table, available ? STYLE_GOOD : STYLE_BAD, available ? "yes" : "no");
                table_add_format(table, STYLE_PLAIN, "%s", reason);
        }

        r = table_print(table, client->options.legend);
        if (r < 0 || !client->options.legend)
                return r;

        if (*selected)
                printf("\n'bind' takes %s unless told otherwise (configured: %s).\n", selected, configured);
        else
                printf("\nThere is none that 'bind' could take by itself (configured: %s).\n", configured);
        return 0;
}

Status verb_backends(Client *client) {
        static const char *const keys[] = { "name", "driver", "available", "reason", NULL };
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *manager = NULL, *backends = NULL;
        int r;

        r = client_get_properties(client, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE, &manager, &error);
        if (r >= 0)
                r = json_name_structures(json_member(manager, "backends"), keys, &backends);
        if (r >= 0 && client->options.json != JSON_OFF) {
                const char *selected = json_string(manager, "selected_backend");

                for (size_t i = 0; i < json_object_array_length(backends); i++) {
                        json_object *backend = json_object_array_get_idx(backends, i);
                        bool is_selected = strcmp(json_string(backend, "name"), selected) == 0;

                        json_object_object_add(backend, "selected", json_object_new_boolean(is_selected));
                }
                return client_print_json(client, backends);
        }
        if (r >= 0)
                r = print_backends(client, backends, manager);

        return r < 0 ? client_fail(client, "list the backends", &error, r) : STATUS_DONE;
}
