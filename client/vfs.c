/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl vfs: the virtual functions of a physical one, as they are or as many as there shall be. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "driver.h"
#include "refusal.h"
#include "request.h"
#include "table.h"
#include "text.h"

/* To show them. */

static json_object *find(json_object *all, const char *object) {
        for (size_t i = 0; i < json_object_array_length(all); i++) {
                json_object *device = json_object_array_get_idx(all, i);

                if (strcmp(json_string(device, "object"), object) == 0)
                        return device;
        }

        return NULL;
}

static int print_device(Client *client, json_object *device, json_object *all) {
        static const Column columns[] = { { "ADDRESS" }, { "GROUP" }, { "DRIVER" } };
        _cleanup_table_ Table *table = NULL;
        size_t n = json_length(device, "virtual_functions");
        int max = (int) json_number(device, "max_virtual_functions"), r = 0;

        table = table_new(&client->terminal, columns, ELEMENTSOF(columns));
        if (!table)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                json_object *f = find(all, json_element(device, "virtual_functions", i));
                const char *driver = f ? json_string(f, "driver") : "";

                if (!f)
                        continue; /* it has gone in between */
                table_add(table, STYLE_PLAIN, json_string(f, "address"));
                if (json_number(f, "group") >= 0)
                        table_add_format(table, STYLE_PLAIN, "%d", (int) json_number(f, "group"));
                else
                        table_add(table, STYLE_PLAIN, NULL);
                table_add(table, driver_is_passthrough(driver) ? STYLE_GOOD : STYLE_PLAIN, driver);
        }

        client_open_pager(client);
        if (n > 0)
                r = table_print(table, true);
        if (r >= 0)
                printf("%s%s has %zu of %d virtual function%s.\n", n > 0 ? "\n" : "",
                       json_string(device, "address"), n, max, max == 1 ? "" : "s");
        return r;
}

/* An array, as every verb that shows something answers. */
static int print_device_json(Client *client, json_object *device) {
        static const char *const keys[] = { "address", "max_virtual_functions" };
        _cleanup_json_ json_object *answer = json_object_new_array();
        json_object *shown = json_object_new_object(), *virtual = json_object_new_array();
        char address[ADDRESS_SIZE];

        json_object_array_add(answer, shown);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                json_object_object_add(shown, keys[i], json_object_get(json_member(device, keys[i])));
        json_object_object_add(shown, "virtual_functions", virtual);
        for (size_t i = 0; i < json_length(device, "virtual_functions"); i++) {
                address_from_path(json_element(device, "virtual_functions", i), address);
                json_object_array_add(virtual, json_object_new_string(address));
        }
        return json_print(answer, client->options.json);
}

static Status show(Client *client) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *device = NULL, *all = NULL;
        int r;

        r = client_get_device(client, client->operands[0], &device, &error);
        if (r >= 0 && client->options.json != JSON_OFF)
                r = print_device_json(client, device);
        else if (r >= 0) {
                r = client_list_devices(client, &all, &error);
                if (r >= 0)
                        r = print_device(client, device, all);
        }

        return r < 0 ? client_fail(client, "show the virtual functions", &error, r) : STATUS_DONE;
}

/* To set how many. */

static int parse_count(const char *text, uint32_t *ret) {
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno != 0 || strspn(text, "0123456789") != strlen(text) || *text == 0 || value > UINT32_MAX)
                return -EINVAL;

        *ret = (uint32_t) value;
        return 0;
}

static int call(Client *client, const char *words, uint32_t count, sd_bus_error *error,
                sd_bus_message **ret_reply) {
        _cleanup_bus_message_ sd_bus_message *message = NULL;
        int r;

        r = request_new(client, "SetVirtualFunctions", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "sust", client->operands[0], count,
                                          client->options.driver, client->options.flags);
        return r < 0 ? r
                     : request_send(client, words, message, client->options.ask_password, error, ret_reply);
}

static int print_addresses(Client *client, sd_bus_message *reply) {
        static const char *const keys[] = { "addresses", NULL };
        _cleanup_json_ json_object *answer = NULL;
        int r;

        r = json_read_named(reply, keys, &answer);
        if (r < 0)
                return r;
        if (client->options.json != JSON_OFF)
                return json_print(answer, client->options.json);

        for (size_t i = 0; !client->options.quiet && i < json_length(answer, "addresses"); i++)
                puts(json_element(answer, "addresses", i));
        return 0;
}

static Status set(Client *client, uint32_t count) {
        _cleanup_free_ char *address = text_escape(client->operands[0], client->terminal.utf8),
                            *words = NULL;
        bool to_host = strcmp(client->options.driver, "host") == 0;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        int r;

        if (!address || asprintf(&words, "set the virtual functions of %s", address) < 0)
                return client_fail(client, "set the virtual functions", &error, -ENOMEM);

        r = call(client, words, count, &error, &reply);
        if (r >= 0)
                r = print_addresses(client, reply);
        return r < 0 ? refusal_report(client, words,
                                      to_host ? "virtual-functions" : "virtual-functions bind", NULL, &error,
                                      r)
                     : STATUS_DONE;
}

Status verb_vfs(Client *client) {
        _cleanup_free_ char *sentence = NULL;
        uint32_t count;

        if (client->n_operands == 1)
                return show(client);
        if (parse_count(client->operands[1], &count) >= 0)
                return set(client, count);

        if (asprintf(&sentence, "'%s' is no number of virtual functions", client->operands[1]) < 0)
                sentence = NULL;
        failure_print(&client->terminal, sentence ?: "Out of memory", "See 'vfiobindctl vfs --help'");
        return STATUS_USAGE;
}
