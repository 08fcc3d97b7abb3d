/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Moves in messages. */

#include "dbus/moves.h"

int append_moves(sd_bus_message *message, const struct model *model, const struct plan *plan) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "(sss)");
        for (size_t i = 0; r >= 0 && plan && i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];
                const struct function *f = model_function(model, &m->address);

                r = sd_bus_message_append(message, "(sss)", PCI_ADDRESS_TEXT(&m->address), m->old_driver,
                                          f ? f->driver : "");
        }

        return r < 0 ? r : sd_bus_message_close_container(message);
}
