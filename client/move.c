/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl bind and restore: one call for all addresses, and a line for each function that was moved. */

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "driver.h"
#include "memlock.h"
#include "plan.h"
#include "refusal.h"
#include "request.h"
#include "text.h"

typedef struct Move {
        const char *member; /* of the manager */
        const char *action; /* of polkit, without the prefix */
        const char *target; /* NULL: the member takes none */
} Move;

static int print_moves_json(Client *client, sd_bus_message *reply) {
        _cleanup_json_ json_object *structures = NULL, *moves = NULL;
        int r;

        r = json_read(reply, &structures);
        if (r >= 0)
                r = json_name_structures(structures, client_move_keys, &moves);
        return r < 0 ? r : json_print(moves, client->options.json);
}

static int print_moves(Client *client, sd_bus_message *reply) {
        const char *address, *from, *to;
        size_t n = 0;
        int r;

        if (client->options.json != JSON_OFF)
                return print_moves_json(client, reply);

        r = sd_bus_message_enter_container(reply, 'a', "(sss)");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(reply, "(sss)", &address, &from, &to)) > 0) {
                _cleanup_free_ char *old = text_escape(driver_or_none(from), client->terminal.utf8);
                _cleanup_free_ char *new = text_escape(driver_or_none(to), client->terminal.utf8);

                if (!old || !new)
                        return -ENOMEM;
                if (!client->options.quiet)
                        printf("%s: %s -> %s\n", address, old, new);
                n++;
        }
        if (r >= 0 && n == 0 && !client->options.quiet)
                puts(client->n_operands > 1 ? "Nothing had to move: they are where they should be."
                                            : "Nothing had to move: it is where it should be.");
        return r;
}

static Status run_move(Client *client, const char *verb, const Move *move) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *words = NULL;
        int r;

        if (client->options.dry_run)
                return plan_show(client, move->target ?: "host");

        words = request_words(client, verb);
        if (!words)
                return client_fail(client, verb, &error, -ENOMEM);

        r = request_call(client, words, move->member, move->target, client->options.ask_password, &error,
                         &reply);
        if (r >= 0)
                r = print_moves(client, reply);

        if (r < 0)
                return refusal_report(client, words, move->action, move->target ?: "host", &error, r);

        if (client->options.flags & VFIOBIND_FLAG_ACCESS && !client->options.quiet && !client->options.host)
                memlock_tell(&client->terminal, NULL);
        return STATUS_DONE;
}

Status verb_bind(Client *client) {
        const char *target = client->options.driver;

        return run_move(client, "bind",
                        &(Move){ "BindDevices", strcmp(target, "host") == 0 ? "restore" : "bind", target });
}

Status verb_restore(Client *client) {
        return run_move(client, "restore", &(Move){ "RestoreDevices", "restore", NULL });
}
