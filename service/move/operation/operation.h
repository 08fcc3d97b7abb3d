/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An operation: a plan being carried out. First the modules, then the lanes side by side; where one step
 * fails, the lanes stop and everything is brought back. The caller is answered at the end, or when the limit
 * has passed; then the operation goes on until the kernel has answered, and is settled. */

#include "service/host/failure.h"
#include "service/move/config.h"
#include "service/move/journal/journal.h"
#include "service/move/journal/record.h"
#include "service/move/lending/grants.h"
#include "service/move/operation/turns.h"

struct operation;

enum operation_state {
        OPERATION_RUNNING,
        OPERATION_UNDOING,
        OPERATION_STUCK,
};

struct operation_context {
        sd_event *event;
        struct model *model;
        struct records *records;
        struct grants *grants;
        struct journal *journal;
        struct workers *workers;
        struct turns *turns;
        const struct config *settings; /* its limit is the time from the start to the answer */

        /* The operation has changed its state or made a step. */
        void (*changed)(struct operation *operation, void *userdata);
        /* The caller is to be answered: FAILURE's kind is FAILURE_NONE for success. Once, and not at all for
         * an operation that an earlier run of the service has left. */
        void (*answer)(struct operation *operation, const struct failure *failure, void *userdata);
        /* It is over, and off the disk: of what is stranded only the record of its home remains (record.h).
         * After this the operation may be freed. */
        void (*settled)(struct operation *operation, const struct failure *failure, void *userdata);
        void *userdata;
};

/* Starts ENTRY, which it takes over unless it fails. CONTEXT must outlive the operation. Everything that the
 * plan needs, locks included, must be clear; nothing has been written where this fails. */
int operation_start(const struct operation_context *context, struct journal_entry *entry,
                    struct operation **ret);

/* Takes over an entry that an earlier run has left, in any case. */
int operation_recover(const struct operation_context *context, struct journal_entry *entry,
                      struct operation **ret);

/* Settles it: brings everything back, once its workers have ended. */
void operation_resume(struct operation *operation);

struct operation *operation_free(struct operation *operation);

/* What it is about. The plan's movements are in here. */
const struct journal_entry *operation_entry(const struct operation *operation);
enum operation_state operation_state(const struct operation *operation);

/* How many steps of how many are done. */
size_t operation_steps_done(const struct operation *operation);

/* A sentence about what it is doing. The caller frees it; NULL where memory is short. */
char *operation_message(const struct operation *operation);
