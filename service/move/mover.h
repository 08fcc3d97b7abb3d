/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All operations: who may start, what is locked, and what an earlier run of the service has left. The one door of this folder for
 * those above it. */

#include "service/move/observe.h"
#include "service/move/operation.h"

struct mover;

struct mover_config {
        sd_event *event;
        struct model *model;        /* scanned */
        const char *directory;      /* the run-time directory, /run/vfiobind */
        const char *worker_program;
        const char *default_backend; /* "auto" or a backend's name */
        uint64_t limit_usec;

        /* Told of files that were damaged and set aside, and of operations that are settled when nobody waits for them any more:
         * because an earlier run of the service had left them, or because they were stuck and their caller was told so. */
        void (*damaged)(const char *name, void *userdata);
        void (*settled_late)(const struct journal_entry *entry, const struct failure *failure, void *userdata);
        void *userdata;
};

/* Called once for each operation that was started: when the caller shall be answered. The entry's plan tells what moved. */
typedef void (*moved_t)(const struct journal_entry *entry, const struct failure *failure, void *userdata);

/* Opens the run-time directory and settles what it holds, in the background. CONFIG's pointers must outlive the mover. */
int mover_new(const struct mover_config *config, struct mover **ret);
struct mover *mover_free(struct mover *mover);

/* Observes the functions (see observe.h), so that a plan rests on what is true. */
int mover_observe(struct mover *mover, struct function *const *functions, size_t n, observed_t done, void *userdata,
                  struct observation **ret);

/* Makes a plan for FUNCTIONS as plan_make() does, with the records, the default backend and the usage looked up. */
int mover_plan(struct mover *mover, struct function *const *functions, size_t n, const char *word, struct plan **ret,
               struct failure *failure);

/* Fails with FAILURE_BUSY if an operation holds one of the functions or its group. */
int mover_check_busy(struct mover *mover, struct function *const *functions, size_t n, struct failure *failure);

/* Carries PLAN out, which it takes over in any case, on behalf of UID, at CALLER. A plan without movements is done at once, but DONE
 * is still called from the event loop. DONE is not called where this fails. */
int mover_start(struct mover *mover, struct plan *plan, const char *word, uint32_t uid, const char *caller, moved_t done,
                void *userdata, struct failure *failure);

/* The configured default backend, "auto" or a name. */
const char *mover_default_backend(const struct mover *mover);

/* F has changed: where it came from is forgotten if it is there again. */
void mover_review(struct mover *mover, struct function *f);

/* The function is about to be removed from the model, for good: another device may come to its address. */
void mover_forget(struct mover *mover, const struct function *f);
