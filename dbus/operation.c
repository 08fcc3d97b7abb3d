/* SPDX-License-Identifier: GPL-2.0-or-later */

/* org.vfiobind.Operation: something that is being done, or that waits for somebody to allow it. */

#include "dbus/path.h"
#include "dbus/request.h"
#include "dbus/service.h"
#include "service/host/printable.h"

static int append_address(sd_bus_message *reply, const struct pci_address *address) {
        return sd_bus_message_append(reply, "s", PCI_ADDRESS_TEXT(address));
}

GETTER(get_devices) {
        const struct activity *activity = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        if (r >= 0 && activity->operation) {
                const struct plan *plan = operation_entry(activity->operation)->plan;

                for (size_t i = 0; r >= 0 && i < plan->n_movements; i++)
                        r = append_address(reply, &plan->movements[i].address);
        } else if (r >= 0) {
                const struct wish *wish = &activity->request->wish;

                for (size_t i = 0; r >= 0 && i < wish->n_addresses; i++)
                        r = append_address(reply, &wish->addresses[i]);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(get_target) {
        const struct activity *activity = userdata;

        return sd_bus_message_append(reply, "s",
                                     activity->operation ? operation_entry(activity->operation)->word
                                                         : activity->request->wish.word);
}

GETTER(get_state) {
        static const char *const states[] = {
                [OPERATION_RUNNING] = "running",
                [OPERATION_UNDOING] = "undoing",
                [OPERATION_STUCK] = "stuck",
        };
        const struct activity *activity = userdata;

        return sd_bus_message_append(reply, "s",
                                     activity->operation ? states[operation_state(activity->operation)]
                                                         : "authorizing");
}

GETTER(get_step) {
        const struct activity *activity = userdata;

        return sd_bus_message_append(
                        reply, "u",
                        activity->operation ? (uint32_t) operation_steps_done(activity->operation) : 0);
}

GETTER(get_steps) {
        const struct activity *activity = userdata;

        return sd_bus_message_append(
                        reply, "u",
                        activity->operation ? (uint32_t) operation_entry(activity->operation)->plan->n_steps
                                            : 0);
}

GETTER(get_message) {
        const struct activity *activity = userdata;
        _cleanup_free_ char *message = NULL, *printable = NULL;

        if (!activity->operation)
                return sd_bus_message_append(reply, "s", "waiting for authorization");

        message = operation_message(activity->operation);
        printable = text_printable(strempty(message));
        return sd_bus_message_append(reply, "s", strempty(printable));
}

GETTER(get_uid) {
        const struct activity *activity = userdata;

        return sd_bus_message_append(reply, "u",
                                     activity->operation ? operation_entry(activity->operation)->uid
                                                         : (uint32_t) activity->request->uid);
}

GETTER(get_caller) {
        const struct activity *activity = userdata;

        return sd_bus_message_append(
                        reply, "s",
                        activity->operation ? operation_entry(activity->operation)->caller
                                            : sd_bus_message_get_sender(activity->request->message));
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable operation_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Devices", "as", get_devices, 0, CHANGES),
        SD_BUS_PROPERTY("Target", "s", get_target, 0, CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("Step", "u", get_step, 0, CHANGES),
        SD_BUS_PROPERTY("Steps", "u", get_steps, 0, CHANGES),
        SD_BUS_PROPERTY("Message", "s", get_message, 0, CHANGES),
        SD_BUS_PROPERTY("Uid", "u", get_uid, 0, CONST),
        SD_BUS_PROPERTY("Caller", "s", get_caller, 0, CONST),
        SD_BUS_VTABLE_END,
};
