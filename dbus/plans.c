/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans in messages. */

#include <stdio.h>

#include "dbus/plans.h"
#include "polkit/checks.h"
#include "service/host/printable.h"

static int append_steps(sd_bus_message *message, const struct plan *plan) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "(sss)");
        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++) {
                const struct step *step = &plan->steps[i];
                _cleanup_free_ char *argument = text_printable(step->argument);

                r = sd_bus_message_append(message, "(sss)",
                                          PCI_ADDRESS_TEXT(&plan->movements[step->movement].address),
                                          step_kind_name(step->kind), strempty(argument));
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_findings(sd_bus_message *message, const struct plan *plan, struct viewer *viewer) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "(sssss)");
        for (size_t i = 0; r >= 0 && i < plan->findings.n; i++) {
                const struct finding *f = &plan->findings.array[i];

                r = sd_bus_message_append(message, "(sssss)", PCI_ADDRESS_TEXT(&f->address),
                                          severity_name(f->severity), finding_kind_name(f->kind),
                                          viewer_subject(viewer, f), viewer_message(viewer, f));
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static bool is_first_of_action(const struct plan *plan, size_t permission) {
        for (size_t i = 0; i < permission; i++)
                if (streq(plan->permissions[i].action, plan->permissions[permission].action))
                        return false;

        return true;
}

static int append_actions(sd_bus_message *message, const struct plan *plan) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < plan->n_permissions; i++) {
                char action[64];

                if (!is_first_of_action(plan, i))
                        continue;
                snprintf(action, sizeof(action), POLKIT_ACTION_PREFIX "%s", plan->permissions[i].action);
                r = sd_bus_message_append(message, "s", action);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int append_plan(sd_bus_message *message, const char *token, const struct plan *plan, struct viewer *viewer) {
        int r;

        r = sd_bus_message_append(message, "s", token);
        if (r >= 0)
                r = append_steps(message, plan);
        if (r >= 0)
                r = append_findings(message, plan, viewer);
        return r < 0 ? r : append_actions(message, plan);
}
