/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl reset: one call, and the method that has worked. */

#include <errno.h>

#include "cleanup.h"
#include "client.h"
#include "refusal.h"
#include "request.h"
#include "text.h"

static int call(Client *client, const char *words, sd_bus_error *error, sd_bus_message **ret_reply) {
        _cleanup_bus_message_ sd_bus_message *message = NULL;
        int r;

        r = request_new(client, "Reset", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "sst", client->operands[0], client->options.method,
                                          client->options.flags);
        return r < 0 ? r
                     : request_send(client, words, message, client->options.ask_password, error, ret_reply);
}

static int print_json(Client *client, sd_bus_message *reply) {
        static const char *const keys[] = { "used", NULL };
        _cleanup_json_ json_object *answer = NULL;
        int r;

        r = json_read_named(reply, keys, &answer);
        return r < 0 ? r : json_print(answer, client->options.json);
}

/* Kernels before 5.15 do not tell. */
static int print(Client *client, sd_bus_message *reply) {
        _cleanup_free_ char *address = NULL;
        const char *used;
        int r;

        if (client->options.json != JSON_OFF)
                return print_json(client, reply);

        r = sd_bus_message_read(reply, "s", &used);
        if (r < 0 || client->options.quiet)
                return r;

        address = text_escape(client->operands[0], client->terminal.utf8);
        if (!address)
                return -ENOMEM;
        printf("%s: reset%s%s\n", address, *used ? " by " : "", used);
        return 0;
}

Status verb_reset(Client *client) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *words = request_words(client, "reset");
        int r;

        r = words ? call(client, words, &error, &reply) : -ENOMEM;
        if (r >= 0)
                r = print(client, reply);

        return r < 0 ? refusal_report(client, words ?: "reset", "reset", NULL, &error, r) : STATUS_DONE;
}
