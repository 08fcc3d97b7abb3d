/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answers, by errand. */

#include "dbus/answer.h"
#include "dbus/moves.h"

static int append_all_moves(sd_bus_message *reply, const struct bus_request *request,
                            const struct journal_entry *entry) {
        return append_moves(reply, request->service->model, entry ? entry->plan : NULL);
}

static int append_method(sd_bus_message *reply, const struct bus_request *request,
                         const struct journal_entry *entry) {
        return sd_bus_message_append(reply, "s", entry ? strempty(entry->value) : "");
}

static int (*const answers[_ERRAND_MAX])(sd_bus_message *reply, const struct bus_request *request,
                                         const struct journal_entry *entry) = {
        [ERRAND_MOVE] = append_all_moves,
        [ERRAND_RESET] = append_method,
};

int append_answer(sd_bus_message *reply, const struct bus_request *request,
                  const struct journal_entry *entry) {
        return answers[request->wish.errand](reply, request, entry);
}
