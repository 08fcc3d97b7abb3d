/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl groups: IOMMU groups, their members and what spoils them. Drawn from one snapshot of all
 * objects, so that groups and members agree. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "describe.h"
#include "driver.h"
#include "table.h"

typedef struct Group {
        const char *object;
        json_object *properties; /* borrowed */
} Group;

static int compare_groups(const void *a, const void *b) {
        int64_t x = json_number(((const Group *) a)->properties, "id");
        int64_t y = json_number(((const Group *) b)->properties, "id");

        return (x > y) - (x < y);
}

static int collect_groups(json_object *objects, Group **ret, size_t *ret_n) {
        Group *groups;
        size_t n = 0;

        groups = calloc((size_t) json_object_object_length(objects) + 1, sizeof(Group));
        if (!groups)
                return -ENOMEM;

        json_object_object_foreach(objects, path, interfaces) {
                json_object *properties = json_member(interfaces, VFIOBIND_GROUP_INTERFACE);

                if (properties)
                        groups[n++] = (Group){ path, properties };
        }

        qsort(groups, n, sizeof(Group), compare_groups);
        *ret = groups;
        *ret_n = n;
        return 0;
}

static bool contains(json_object *properties, const char *key, const char *element) {
        for (size_t i = 0; i < json_length(properties, key); i++)
                if (strcmp(json_element(properties, key, i), element) == 0)
                        return true;

        return false;
}

static int compare_paths(const void *a, const void *b) {
        const char *x = json_object_get_string(*(json_object **) a),
                   *y = json_object_get_string(*(json_object **) b);

        return address_compare(x ?: "", y ?: "");
}

static void add_member(Table *table, const Client *client, json_object *objects, const Group *group,
                       size_t i) {
        const char *path = json_element(group->properties, "devices", i);
        json_object *device = json_member(json_member(objects, path), VFIOBIND_DEVICE_INTERFACE);
        const char *driver = json_string(device, "driver");
        bool last = i + 1 == json_length(group->properties, "devices");
        bool spoils = contains(group->properties, "blockers", path);
        Style style = spoils ? STYLE_BAD : driver_is_passthrough(driver) ? STYLE_GOOD : STYLE_PLAIN;
        _cleanup_free_ char *name = describe_name(device);
        char address[ADDRESS_SIZE];

        table_add_format(table, STYLE_PLAIN, "%s%s",
                         terminal_glyph(&client->terminal, last ? GLYPH_LAST_BRANCH : GLYPH_BRANCH),
                         address_from_path(path, address));
        table_add(table, style, driver);
        table_add_format(table, style, "%s", spoils ? "spoils it" : "");
        table_add_format(table, STYLE_PLAIN, "%s", name ?: "");
}

static void print_legend(json_object *objects, size_t n, size_t n_viable) {
        size_t outside = 0;

        if (n == 0) {
                puts("This host has no IOMMU groups, so VFIO cannot be used here: 'vfiobindctl backends' says\n"
                     "why, and what there is instead.");
                return;
        }

        json_object_object_foreach(objects, path, interfaces) {
                json_object *device = json_member(interfaces, VFIOBIND_DEVICE_INTERFACE);

                outside += *path && device && strcmp(json_string(device, "group"), "/") == 0;
        }
        printf("\n%zu group%s, %zu of them viable: VFIO can open a group when no member is bound to a\n"
               "driver that does its own DMA.\n",
               n, n == 1 ? "" : "s", n_viable);
        if (outside > 0)
                printf("Functions in no group, which VFIO cannot take: %zu.\n", outside);
}

static int print_groups(Client *client, json_object *objects, const Group *groups, size_t n) {
        static const Column columns[] = {
                { NULL }, { NULL }, { NULL }, { NULL, .minimum = 12, .expendable = 1 }
        };
        _cleanup_table_ Table *table = NULL;
        size_t n_viable = 0;
        int r;

        table = table_new(&client->terminal, columns, ELEMENTSOF(columns));
        if (!table)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                json_object *properties = groups[i].properties;
                bool viable = json_boolean(properties, "viable");

                n_viable += viable;
                table_add_heading(table, viable ? STYLE_GOOD : STYLE_STRONG, "Group %lld, %s",
                                  (long long) json_number(properties, "id"),
                                  viable ? "viable" : "not viable");
                json_object_array_sort(json_member(properties, "devices"), compare_paths);
                for (size_t k = 0; k < json_length(properties, "devices"); k++)
                        add_member(table, client, objects, groups + i, k);
        }

        client_open_pager(client);
        r = table_print(table, false);
        if (r >= 0 && client->options.legend)
                print_legend(objects, n, n_viable);
        return r;
}

/* Object paths of members as addresses, which the verbs take. */
static json_object *addresses(json_object *properties, const char *key) {
        json_object *array = json_object_new_array();
        char address[ADDRESS_SIZE];

        for (size_t i = 0; array && i < json_length(properties, key); i++)
                json_object_array_add(array, json_object_new_string(address_from_path(
                                                             json_element(properties, key, i), address)));
        return array;
}

static Status print_groups_json(Client *client, const Group *groups, size_t n) {
        static const char *const members[] = { "devices", "blockers" };
        _cleanup_json_ json_object *answer = json_object_new_array();

        for (size_t i = 0; i < n; i++) {
                json_object *properties = groups[i].properties;

                for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                        json_object_array_sort(json_member(properties, members[k]), compare_paths);
                        json_object_object_add(properties, members[k], addresses(properties, members[k]));
                }
                json_object_object_add(properties, "object", json_object_new_string(groups[i].object));
                json_object_array_add(answer, json_object_get(properties));
        }
        return client_print_json(client, answer);
}

Status verb_groups(Client *client) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *objects = NULL;
        _cleanup_free_ Group *groups = NULL;
        size_t n = 0;
        int r;

        r = sd_bus_call_method(client->bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH,
                               "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &error, &reply,
                               NULL);
        if (r >= 0)
                r = json_read(reply, &objects);
        if (r >= 0)
                r = collect_groups(objects, &groups, &n);
        if (r >= 0 && client->options.json != JSON_OFF)
                return print_groups_json(client, groups, n);
        if (r >= 0)
                r = print_groups(client, objects, groups, n);

        return r < 0 ? client_fail(client, "list the groups", &error, r) : STATUS_DONE;
}
