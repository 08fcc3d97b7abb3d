/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Leases in messages. */

#include "dbus/lease.h"

const char *lease_state_name(const char *holder, bool returning) {
        if (*holder == '\0')
                return "";
        return returning ? "returning" : "held";
}

static int append_one(const struct lease *lease, void *userdata) {
        const struct holder *holder = &lease->holder;
        sd_bus_message *reply = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'r', "suuass");
        if (r >= 0)
                r = sd_bus_message_append(reply, "suu", holder->name, holder->uid, holder->pid);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < lease->n_members; i++)
                r = sd_bus_message_append(reply, "s", PCI_ADDRESS_TEXT(&lease->members[i].address));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", lease_state_name(holder->name, lease->ended));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : 0;
}

int append_leases(sd_bus_message *reply, const struct service *service) {
        return leases_foreach(mover_leases(service->mover), append_one, reply);
}
