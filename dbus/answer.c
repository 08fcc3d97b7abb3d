/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answers, by errand. */

#include <errno.h>

#include "dbus/answer.h"
#include "dbus/moves.h"

static int append_all_moves(sd_bus_message *reply, const struct bus_request *request,
                            const struct journal_entry *entry, struct failure *failure) {
        return append_moves(reply, request->service->model, entry ? entry->plan : NULL, false);
}

static int append_method(sd_bus_message *reply, const struct bus_request *request,
                         const struct journal_entry *entry, struct failure *failure) {
        return sd_bus_message_append(reply, "s", entry ? strempty(entry->value) : "");
}

static int append_descriptor(sd_bus_message *reply, const struct bus_request *request,
                             const struct journal_entry *entry, struct failure *failure) {
        return entry ? sd_bus_message_append(reply, "hs", entry->descriptor, strempty(entry->value))
                     : -ENXIO;
}

static int append_virtual_functions(sd_bus_message *reply, const struct bus_request *request,
                                    const struct journal_entry *entry, struct failure *failure) {
        const struct function *f = model_function(request->service->model, &request->wish.addresses[0]);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && f && i < f->n_virtual_functions; i++)
                r = sd_bus_message_append(reply, "s", PCI_ADDRESS_TEXT(&f->virtual_functions[i]));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The message has a copy of the descriptor, which closes when it cannot be delivered: then the lease ends.
 */
static int append_lease(sd_bus_message *reply, const struct bus_request *request,
                        const struct journal_entry *entry, struct failure *failure) {
        const struct service *service = request->service;
        _cleanup_close_ int fd = leases_hand_over(mover_leases(service->mover), entry->id);
        int r;

        if (fd < 0)
                return fail(failure, FAILURE_NO_SUCH_DEVICE, "%s has gone before it was leased",
                            PCI_ADDRESS_TEXT(&request->wish.addresses[0]));

        r = sd_bus_message_append(reply, "h", fd);
        return r < 0 ? r : append_moves(reply, service->model, entry->plan, true);
}

static int (*const answers[_ERRAND_MAX])(sd_bus_message *reply, const struct bus_request *request,
                                         const struct journal_entry *entry, struct failure *failure) = {
        [ERRAND_MOVE] = append_all_moves,
        [ERRAND_LEASE] = append_lease,
        [ERRAND_RESET] = append_method,
        [ERRAND_OPEN] = append_descriptor,
        [ERRAND_VIRTUAL_FUNCTIONS] = append_virtual_functions,
};

int append_answer(sd_bus_message *reply, const struct bus_request *request,
                  const struct journal_entry *entry, struct failure *failure) {
        return answers[request->wish.errand](reply, request, entry, failure);
}
