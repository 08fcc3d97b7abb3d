/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl list: every PCI function, a line each. One call, and the answer is printed from where it
 * lies. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "client.h"
#include "driver.h"
#include "table.h"

typedef struct Function {
        const char *address, *id, *class_name, *name, *driver, *object;
        uint32_t class_code;
        int32_t group;
} Function;

static int compare_functions(const void *a, const void *b) {
        return address_compare(((const Function *) a)->address, ((const Function *) b)->address);
}

/* The strings stay in the message. */
static int read_functions(sd_bus_message *m, Function **ret, size_t *ret_n) {
        _cleanup_free_ Function *functions = NULL;
        size_t n = 0, n_allocated = 0;
        Function f;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(susssiso)");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(m, "(susssiso)", &f.address, &f.class_code, &f.id, &f.class_name,
                                        &f.name, &f.group, &f.driver, &f.object)) > 0) {
                if (n == n_allocated) {
                        Function *larger;

                        n_allocated = n_allocated > 0 ? n_allocated * 2 : 64;
                        larger = reallocarray(functions, n_allocated, sizeof(Function));
                        if (!larger)
                                return -ENOMEM;
                        functions = larger;
                }
                functions[n++] = f;
        }
        if (r < 0)
                return r;

        if (n > 0)
                qsort(functions, n, sizeof(Function), compare_functions);
        *ret = functions;
        *ret_n = n;
        functions = NULL;
        return 0;
}

static void print_legend(const Function *functions, size_t n) {
        size_t handed_over = 0;

        for (size_t i = 0; i < n; i++)
                handed_over += driver_is_passthrough(functions[i].driver);

        printf("\n%zu function%s, %zu of them handed over. 'vfiobindctl show ADDRESS' tells more.\n", n,
               n == 1 ? "" : "s", handed_over);
}

static int print_functions(Client *client, const Function *functions, size_t n) {
        static const Column columns[] = {
                { "ADDRESS" },
                { "GROUP" },
                { "DRIVER" },
                { "ID", .expendable = 2 },
                { "CLASS", .minimum = 14, .expendable = 3 },
                { "NAME", .minimum = 12, .comfort = 42, .expendable = 1 },
        };
        _cleanup_table_ Table *table = NULL;
        int r;

        table = table_new(&client->terminal, columns, ELEMENTSOF(columns));
        if (!table)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                const Function *f = functions + i;
                Style style = driver_is_passthrough(f->driver) ? STYLE_GOOD : STYLE_PLAIN;

                table_add(table, style, f->address);
                if (f->group >= 0)
                        table_add_format(table, STYLE_PLAIN, "%d", f->group);
                else
                        table_add(table, STYLE_PLAIN, NULL);
                table_add(table, style, f->driver);
                table_add(table, STYLE_PLAIN, f->id);
                table_add(table, STYLE_PLAIN, f->class_name);
                table_add(table, STYLE_PLAIN, f->name);
        }

        client_open_pager(client);
        r = table_print(table, client->options.legend);
        if (r >= 0 && client->options.legend)
                print_legend(functions, n);
        return r;
}

Status verb_list(Client *client) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ Function *functions = NULL;
        _cleanup_json_ json_object *answer = NULL;
        size_t n;
        int r;

        if (client->options.json != JSON_OFF) {
                r = client_list_devices(client, &answer, &error);
                if (r >= 0)
                        return client_print_json(client, answer);
        } else {
                r = client_call_manager(client, "ListDevices", &error, &reply);
                if (r >= 0)
                        r = read_functions(reply, &functions, &n);
                if (r >= 0)
                        r = print_functions(client, functions, n);
        }

        return r < 0 ? client_fail(client, "list the devices", &error, r) : STATUS_DONE;
}
