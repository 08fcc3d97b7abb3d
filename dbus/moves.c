/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Moves in messages, and the end of objects. */

#include "dbus/error.h"
#include "dbus/moves.h"
#include "dbus/names.h"
#include "dbus/path.h"

int append_moves(sd_bus_message *message, const struct model *model, const struct plan *plan, bool all) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "(sss)");
        for (size_t i = 0; r >= 0 && plan && i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];
                const struct function *f = model_function(model, &m->address);

                if (m->target.here && !all)
                        continue;
                r = sd_bus_message_append(message, "(sss)", PCI_ADDRESS_TEXT(&m->address), m->old_driver,
                                          f ? f->driver : "");
        }

        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* All by name: sd-bus would look at what the object still has, which is nothing. A client that counts them,
 * as GLib's does, takes the object for gone only when every interface is that was there when it came. */
void emit_object_gone(struct service *service, const char *path, const char *interface) {
        (void) sd_bus_emit_interfaces_removed(service->bus, path, "org.freedesktop.DBus.Peer",
                                              "org.freedesktop.DBus.Introspectable",
                                              "org.freedesktop.DBus.Properties", interface, NULL);
}

void emit_operation_finished(struct service *service, uint32_t id, uint32_t uid,
                             const struct failure *failure, const struct plan *plan) {
        bool failed = failure->kind != FAILURE_NONE;
        sd_bus_message *message = NULL;
        _cleanup_free_ char *text = failed ? error_message_for_all(failure) : NULL;
        int r;

        emit_object_gone(service, OPERATION_PATH(id), VFIOBIND_OPERATION_INTERFACE);

        r = sd_bus_message_new_signal(service->bus, &message, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE,
                                      "OperationFinished");
        if (r >= 0)
                r = sd_bus_message_append(message, "ouss", OPERATION_PATH(id), uid,
                                          failed ? error_name(failure->kind) : "", strempty(text));
        if (r >= 0)
                r = append_moves(message, service->model, failed ? NULL : plan, false);
        if (r >= 0)
                (void) sd_bus_send(service->bus, message, NULL);
        sd_bus_message_unref(message);
}
