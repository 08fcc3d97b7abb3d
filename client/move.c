/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl bind and restore: one call for all addresses, and a line for each function that was moved. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "driver.h"
#include "progress.h"
#include "text.h"

typedef struct Move {
        const char *member; /* of the manager */
        const char *action; /* of polkit, without the prefix */
        const char *target; /* NULL: the member takes none */
} Move;

/* "bind 0000:65:00.0 and 2 more", escaped: what was typed goes to the terminal again. NULL if memory is
 * short. */
static char *word_request(const Client *client, const char *verb) {
        _cleanup_free_ char *address = text_escape(client->operands[0], client->terminal.utf8);
        char *words;
        int k;

        if (!address)
                return NULL;
        if (client->n_operands == 1)
                k = asprintf(&words, "%s %s", verb, address);
        else
                k = asprintf(&words, "%s %s and %zu more", verb, address, client->n_operands - 1);

        return k < 0 ? NULL : words;
}

static int new_request(Client *client, const Move *move, sd_bus_message **ret) {
        _cleanup_bus_message_ sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(client->bus, &m, VFIOBIND_BUS_NAME, VFIOBIND_PATH,
                                           VFIOBIND_MANAGER_INTERFACE, move->member);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, client->operands);
        if (r >= 0 && move->target)
                r = sd_bus_message_append(m, "s", move->target);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", client->options.flags);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(m, client->options.ask_password);
        if (r < 0)
                return r;

        *ret = m;
        m = NULL;
        return 0;
}

/* Where there is no terminal, a graphical session's agent may still ask; on another machine, only that
 * machine's. */
static int open_agent(const Client *client, Agent *agent) {
        if (!client->options.ask_password || client->options.host || !client->terminal.input ||
            geteuid() == 0)
                return 0;

        return agent_open(agent);
}

static int print_moves(Client *client, sd_bus_message *reply) {
        const char *address, *from, *to;
        size_t n = 0;
        int r;

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
        _cleanup_free_ char *request = NULL, *words = NULL;
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_agent_ Agent agent = {};
        int r;

        request = word_request(client, verb);
        if (!request)
                return client_fail(client, verb, &error, -ENOMEM);
        if (client->terminal.error && !client->options.quiet &&
            asprintf(&words, "Waiting for the service to %s ...", request) < 0)
                words = NULL;

        r = new_request(client, move, &message);
        if (r >= 0)
                r = open_agent(client, &agent);
        if (r >= 0)
                r = progress_call(client->bus, message, words, &error, &reply);
        agent_close(&agent);
        if (r >= 0)
                r = print_moves(client, reply);

        return r < 0 ? failure_report(&client->terminal, request, move->action, &error, r) : STATUS_DONE;
}

Status verb_bind(Client *client) {
        const char *target = client->options.driver;

        return run_move(client, "bind",
                        &(Move){ "BindDevices", strcmp(target, "host") == 0 ? "restore" : "bind", target });
}

Status verb_restore(Client *client) {
        return run_move(client, "restore", &(Move){ "RestoreDevices", "restore", NULL });
}
