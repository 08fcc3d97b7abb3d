/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Operations that an earlier run of the service has left: once whoever was at work for it has ended,
 * everything is brought back. */

#include <errno.h>

#include "service/move/operation/operation-rooms.h"

static void on_workers_ended(void *userdata) {
        struct operation *operation = userdata;

        operation->awaited = awaited_free(operation->awaited);
        turns_leave(operation->context->turns, &operation->turn);
        if (operation->resumed)
                operation_undo(operation);
}

static void on_turn(void *userdata) {
}

/* They need no turn to go on with, but everybody else has to wait for them. */
static void hold_turn(struct operation *operation) {
        const struct plan *plan = operation->entry->plan;

        operation->turn.begins = on_turn;
        for (size_t i = 0; i < plan->n_movements; i++)
                if (plan->movements[i].sets_virtual_functions ||
                    plan->movements[i].old_virtual_functions > 0) {
                        turns_enter(operation->context->turns, &operation->turn);
                        return;
                }
}

int operation_recover(const struct operation_context *context, struct journal_entry *entry,
                      struct operation **ret) {
        struct operation *operation = operation_new(context, entry);
        int r;

        if (!operation) {
                journal_entry_free(entry);
                return -ENOMEM;
        }

        operation->answered = true;
        fail(&operation->failure, FAILURE_MOVE_FAILED,
             "%s: the service was interrupted in the midst of the operation",
             entry->plan->n_movements > 0 ? PCI_ADDRESS_TEXT(&entry->plan->movements[0].address)
                                          : "No device");

        r = operation_prepare(operation);
        if (r >= 0)
                r = await_workers(context->event, entry->workers, entry->n_workers, on_workers_ended,
                                  operation, &operation->awaited);
        if (r < 0) {
                operation_free(operation);
                return r;
        }

        if (operation->awaited)
                hold_turn(operation);

        /* A worker that outlives its service is in the kernel's hands: without a service it makes no further
         * write. */
        operation->state = operation->awaited ? OPERATION_STUCK : OPERATION_UNDOING;
        *ret = operation;
        return 0;
}

void operation_resume(struct operation *operation) {
        operation->resumed = true;
        if (!operation->awaited)
                operation_undo(operation);
}
