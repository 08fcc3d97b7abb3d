/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl show: one device as a person wants to read it. The facts are a table: what is not meaningful
 * for a device is not shown, and a property that is not in the table is not missed. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "describe.h"

/* What only a Get of its own reads, in this order: the rest is not asked for where the device sleeps, lest
 * it wakes. */
static const struct {
        const char *property, *key;
} explicit_properties[] = {
        { "PowerState", "power_state" },      { "LinkSpeed", "link_speed" },
        { "LinkWidth", "link_width" },        { "MaxLinkSpeed", "max_link_speed" },
        { "MaxLinkWidth", "max_link_width" },
};

/* A device that does not tell, or is gone by now, is shown without. */
static void add_explicit_properties(Client *client, json_object *device) {
        for (size_t i = 0; i < ELEMENTSOF(explicit_properties); i++) {
                _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_bus_message_ sd_bus_message *reply = NULL;
                json_object *value;
                int r;

                r = sd_bus_call_method(client->bus, VFIOBIND_BUS_NAME, json_string(device, "object"),
                                       "org.freedesktop.DBus.Properties", "Get", &error, &reply, "ss",
                                       VFIOBIND_DEVICE_INTERFACE, explicit_properties[i].property);
                if (r >= 0)
                        r = json_read(reply, &value);
                if (r >= 0)
                        json_object_object_add(device, explicit_properties[i].key, value);

                if (strcmp(json_string(device, "power_state"), "D3cold") == 0)
                        break;
        }
}

static int fetch(Client *client, const char *operand, json_object **ret_device, json_object **ret_group,
                 sd_bus_error *error) {
        _cleanup_json_ json_object *device = NULL, *group = NULL;
        int r;

        r = client_get_device(client, operand, &device, error);
        if (r < 0)
                return r;

        add_explicit_properties(client, device);

        if (group_from_path(json_string(device, "group"))) {
                r = client_get_properties(client, json_string(device, "group"), VFIOBIND_GROUP_INTERFACE,
                                          &group, error);
                if (r < 0)
                        return r;
        }

        *ret_device = device;
        *ret_group = group;
        device = group = NULL;
        return 0;
}

static Status show_json(Client *client, json_object *devices) {
        return json_object_array_length(devices) > 0 ? client_print_json(client, devices) : STATUS_DONE;
}

static int show_text(Client *client, json_object *devices, json_object *groups) {
        int r = 0;

        if (json_object_array_length(devices) > 0)
                client_open_pager(client);

        for (size_t i = 0; r >= 0 && i < json_object_array_length(devices); i++) {
                if (i > 0)
                        putchar('\n');
                r = describe_device(&client->terminal, json_object_array_get_idx(devices, i),
                                    json_object_array_get_idx(groups, i));
        }
        return r;
}

/* All are fetched before the first is shown, so that complaints do not end up between them or under the
 * pager. */
Status verb_show(Client *client) {
        _cleanup_json_ json_object *devices = json_object_new_array(), *groups = json_object_new_array();
        Status first = STATUS_DONE, status;

        for (size_t i = 0; i < client->n_operands; i++) {
                _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
                json_object *device, *group;
                int r;

                r = fetch(client, client->operands[i], &device, &group, &error);
                if (r >= 0) {
                        json_object_array_add(devices, device);
                        json_object_array_add(groups, group);
                        continue;
                }
                status = client_fail(client, "show the device", &error, r);
                if (first == STATUS_DONE)
                        first = status;
        }

        if (client->options.json != JSON_OFF)
                status = show_json(client, devices);
        else if (show_text(client, devices, groups) < 0)
                status = client_fail(client, "show the device", &SD_BUS_ERROR_NULL, -ENOMEM);
        else
                status = STATUS_DONE;

        return first != STATUS_DONE ? first : status;
}
