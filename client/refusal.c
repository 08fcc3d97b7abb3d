/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a request for a move was refused. */

#include <stdio.h>

#include "cleanup.h"
#include "dbus/names.h"
#include "plan.h"
#include "refusal.h"

/* Flags that polkit is asked for beside the move itself. */
static const struct {
        uint64_t flag;
        const char *action;
} flags[] = {
        { VFIOBIND_FLAG_FORCE, "force" },
        { VFIOBIND_FLAG_ACCESS, "access" },
};

/* "org.vfiobind.bind and org.vfiobind.force"; NULL if memory is short. */
static char *list_actions(const char *action, uint64_t given) {
        char *words = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&words, &size);
        if (!out)
                return NULL;

        fprintf(out, "org.vfiobind.%s", action);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (given & flags[i].flag)
                        fprintf(out, " and org.vfiobind.%s", flags[i].action);

        if (fclose(out) == EOF) {
                free(words);
                return NULL;
        }
        return words;
}

Status refusal_report(Client *client, const char *words, const char *action, const char *target,
                      const sd_bus_error *error, int r) {
        _cleanup_free_ char *actions = list_actions(action, client->options.flags);
        Status status;

        status = failure_report(&client->terminal, words, actions, error, r);
        if (sd_bus_error_has_name(error, VFIOBIND_ERROR_IN_USE) && !client->options.quiet)
                plan_explain_refusal(client, target, error->message ?: "");
        return status;
}
