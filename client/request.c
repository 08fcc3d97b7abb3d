/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of the manager. */

#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "dbus/names.h"
#include "progress.h"
#include "request.h"
#include "text.h"

char *request_words(const Client *client, const char *verb) {
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

int request_new(Client *client, const char *member, sd_bus_message **ret) {
        return sd_bus_message_new_method_call(client->bus, ret, VFIOBIND_BUS_NAME, VFIOBIND_PATH,
                                              VFIOBIND_MANAGER_INTERFACE, member);
}

static int new_message(Client *client, const char *member, const char *target, sd_bus_message **ret) {
        _cleanup_bus_message_ sd_bus_message *m = NULL;
        int r;

        r = request_new(client, member, &m);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, client->operands);
        if (r >= 0 && target)
                r = sd_bus_message_append(m, "s", target);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", client->options.flags);
        if (r < 0)
                return r;

        *ret = m;
        m = NULL;
        return 0;
}

/* Where there is no terminal, a graphical session's agent may still ask; on another machine, only that
 * machine's. */
static int open_agent(const Client *client, bool interactive, Agent *agent) {
        if (!interactive || client->options.host || !client->terminal.input || geteuid() == 0)
                return 0;

        return agent_open(agent);
}

int request_send(Client *client, const char *words, sd_bus_message *message, bool interactive,
                 sd_bus_error *ret_error, sd_bus_message **ret_reply) {
        _cleanup_free_ char *waiting = NULL;
        _cleanup_agent_ Agent agent = {};
        int r;

        if (client->terminal.error && !client->options.quiet &&
            asprintf(&waiting, "Waiting for the service to %s ...", words) < 0)
                waiting = NULL;

        r = sd_bus_message_set_allow_interactive_authorization(message, interactive);
        if (r >= 0)
                r = open_agent(client, interactive, &agent);
        if (r >= 0)
                r = progress_call(client->bus, message, waiting, ret_error, ret_reply);
        return r;
}

int request_call(Client *client, const char *words, const char *member, const char *target, bool interactive,
                 sd_bus_error *ret_error, sd_bus_message **ret_reply) {
        _cleanup_bus_message_ sd_bus_message *message = NULL;
        int r;

        r = new_message(client, member, target, &message);
        return r < 0 ? r : request_send(client, words, message, interactive, ret_error, ret_reply);
}
