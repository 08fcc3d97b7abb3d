/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl plan: asks for the dry run, which changes nothing and needs nobody's permission. */

#include <errno.h>

#include "cleanup.h"
#include "outline.h"
#include "plan.h"
#include "request.h"

/* Structures in the plan become objects with these keys. */
static const struct {
        const char *key;
        const char *fields[6];
} lists[] = {
        { "steps", { "address", "action", "argument" } },
        { "findings", { "address", "severity", "kind", "subject", "message" } },
};

static int read_plan(sd_bus_message *reply, json_object **ret) {
        static const char *const keys[] = { "token", "steps", "findings", "actions", NULL };
        _cleanup_json_ json_object *plan = NULL;
        int r;

        r = json_read_named(reply, keys, &plan);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lists); i++) {
                json_object *named;

                r = json_name_structures(json_member(plan, lists[i].key), lists[i].fields, &named);
                if (r >= 0)
                        json_object_object_add(plan, lists[i].key, named);
        }
        if (r < 0)
                return r;

        *ret = plan;
        plan = NULL;
        return 0;
}

static int ask(Client *client, const char *words, const char *target, json_object **ret,
               sd_bus_error *error) {
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        int r;

        r = request_call(client, words, "Plan", target, false, error, &reply);
        return r < 0 ? r : read_plan(reply, ret);
}

Status plan_show(Client *client, const char *target) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *words = request_words(client, "plan");
        _cleanup_json_ json_object *plan = NULL;
        int r;

        r = words ? ask(client, words, target, &plan, &error) : -ENOMEM;
        if (r >= 0 && client->options.json != JSON_OFF)
                return client_print_json(client, plan);
        if (r >= 0) {
                client_open_pager(client);
                r = outline_print(client, plan, target);
        }
        return r < 0 ? client_fail(client, words ?: "plan", &error, r) : STATUS_DONE;
}

void plan_explain_refusal(Client *client, const char *target, const char *message) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *plan = NULL;

        if (ask(client, "say what is in the way", target, &plan, &error) >= 0)
                outline_print_refusal(client, plan, target, message);
}

Status verb_plan(Client *client) {
        return plan_show(client, client->options.driver);
}
