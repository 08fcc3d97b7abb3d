/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a request was refused. */

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dbus/names.h"
#include "plan.h"
#include "refusal.h"

/* Flags that polkit is asked for beside the rest. */
static const struct {
        uint64_t flag;
        const char *action;
} flags[] = {
        { VFIOBIND_FLAG_FORCE, "force" },
        { VFIOBIND_FLAG_ACCESS, "access" },
};

/* "org.vfiobind.bind and org.vfiobind.force"; NULL if memory is short. */
static char *list_actions(const char *actions, uint64_t given) {
        char *words = NULL;
        size_t size, n;
        FILE *out;

        out = open_memstream(&words, &size);
        if (!out)
                return NULL;

        for (const char *p = actions; *p; p += n + strspn(p + n, " ")) {
                n = strcspn(p, " ");
                fprintf(out, "%sorg.vfiobind.%.*s", p > actions ? " and " : "", (int) n, p);
        }
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (given & flags[i].flag)
                        fprintf(out, " and org.vfiobind.%s", flags[i].action);

        if (fclose(out) == EOF) {
                free(words);
                return NULL;
        }
        return words;
}

Status refusal_report(Client *client, const char *words, const char *actions, const char *target,
                      const sd_bus_error *error, int r) {
        _cleanup_free_ char *list = list_actions(actions, client->options.flags);
        Status status;

        status = failure_report(&client->terminal, words, list, error, r);
        if (target && sd_bus_error_has_name(error, VFIOBIND_ERROR_IN_USE) && !client->options.quiet)
                plan_explain_refusal(client, target, error->message ?: "");
        return status;
}
