/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl leases: who holds what, until when. */

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "cleanup.h"
#include "client.h"
#include "lease.h"
#include "table.h"

/* Another machine's users have names of their own. */
static void add_user(Table *table, const Client *client, int64_t uid) {
        const struct passwd *entry = client->options.host ? NULL : getpwuid((uid_t) uid);

        if (entry)
                table_add_format(table, STYLE_PLAIN, "%s", entry->pw_name);
        else
                table_add_format(table, STYLE_PLAIN, "%lld", (long long) uid);
}

static void add_addresses(Table *table, json_object *lease) {
        _cleanup_free_ char *words = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&words, &size);
        for (size_t i = 0; out && i < json_length(lease, "addresses"); i++)
                fprintf(out, "%s%s", i > 0 ? " " : "", json_element(lease, "addresses", i));
        if (out)
                fclose(out);
        table_add_format(table, STYLE_STRONG, "%s", words ?: "");
}

static void print_legend(size_t n, size_t n_returning) {
        if (n == 0) {
                puts("Nothing is leased. 'vfiobindctl run --help' tells how a command gets devices for a while.");
                return;
        }

        printf("\n%zu lease%s.", n, n == 1 ? "" : "s");
        if (n_returning > 0)
                fputs(" What is returning has no holder any more, and goes back as soon as nothing\n"
                      "has it open through VFIO.",
                      stdout);
        putchar('\n');
}

static int print_leases(Client *client, json_object *leases) {
        static const Column columns[] = {
                { "HOLDER" }, { "USER" }, { "PID" }, { "STATE" }, { "DEVICES" },
        };
        size_t n = json_object_array_length(leases), n_returning = 0;
        _cleanup_table_ Table *table = NULL;
        int r = 0;

        table = table_new(&client->terminal, columns, ELEMENTSOF(columns));
        if (!table)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                json_object *lease = json_object_array_get_idx(leases, i);
                bool returning = strcmp(json_string(lease, "state"), "returning") == 0;

                table_add(table, STYLE_PLAIN, json_string(lease, "unique_name"));
                add_user(table, client, json_number(lease, "uid"));
                table_add_format(table, STYLE_PLAIN, "%lld", (long long) json_number(lease, "pid"));
                table_add(table, returning ? STYLE_CAUTION : STYLE_GOOD, json_string(lease, "state"));
                add_addresses(table, lease);
                n_returning += returning;
        }

        client_open_pager(client);
        if (n > 0)
                r = table_print(table, client->options.legend);
        if (r >= 0 && client->options.legend)
                print_legend(n, n_returning);
        return r;
}

Status verb_leases(Client *client) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *leases = NULL;
        int r;

        r = client_call_manager(client, "ListLeases", &error, &reply);
        if (r >= 0)
                r = lease_read_list(reply, &leases);
        if (r >= 0 && client->options.json != JSON_OFF)
                return client_print_json(client, leases);
        if (r >= 0)
                r = print_leases(client, leases);

        return r < 0 ? client_fail(client, "list the leases", &error, r) : STATUS_DONE;
}
