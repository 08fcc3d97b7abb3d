/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The journal: what every operation under way is about and how to undo it, one file an operation, on disk
 * before the first write. The file's removal is what completes the operation, so that a service killed at
 * any instruction finds either an operation to settle or none. What has to be undone is not told by how far
 * the operation came but by where each function was before: the progress that is noted beside it is for
 * people and messages. */

#include "service/move/plan/plan.h"
#include "service/move/workers/worker.h"

struct journal;
struct json_object;

struct journal_entry {
        uint32_t id;
        uint64_t begun_usec; /* since when the caller has waited, by CLOCK_MONOTONIC; not on disk */
        uint32_t uid;        /* who asked for it */
        char *caller;        /* owned; the unique name on the bus */
        char *word;          /* owned; the target that was asked for, or the method of a reset */
        char *value; /* owned; what the last step to tell something has told, NULL for nothing; not on disk
                      */
        int descriptor;    /* owned; what was opened for the caller, negative: nothing; not on disk */
        struct plan *plan; /* its movements and steps; what it was while it ran is not needed afterwards */
        bool *done;        /* owned; for each step, whether it is finished */
        struct worker_identity *workers; /* owned; who may be in the midst of a write */
        size_t n_workers;
        struct json_object *json; /* owned; as it was last written, NULL before that. Movements and steps
                                     stay as they were with the first time */
};

/* Opens the journal below DIRECTORY. */
int journal_open(const char *directory, struct journal **ret);
struct journal *journal_free(struct journal *journal);

/* Puts ENTRY on disk in place of what was there under its id. */
int journal_write(struct journal *journal, struct journal_entry *entry);

/* Removes it: the operation is over. */
int journal_remove(struct journal *journal, uint32_t id);

/* Calls FUNCTION with each entry that an earlier run of the service has left. It takes the entry over,
 * whatever it returns; the first error is passed on once all were read. DAMAGED is told of files that cannot
 * be read and were set aside; it may be NULL. */
int journal_recover(struct journal *journal, int (*function)(struct journal_entry *entry, void *userdata),
                    void *userdata, void (*damaged)(const char *name, void *userdata),
                    void *damaged_userdata);

/* An entry of which nothing is known yet. NULL where memory is short. */
struct journal_entry *journal_entry_new(void);
struct journal_entry *journal_entry_free(struct journal_entry *entry);
