/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All operations: who may start, what is locked, and what an earlier run of the service has left. The one
 * door of this folder for those above it. Behind it, each knowing only those before it:
 *
 * - steps/: what moves are made of, and the worker's hands, which carry it out;
 * - plan/: what a request comes to;
 * - workers/: the processes that look and write in the service's place;
 * - journal/: what is on disk before the first write, and how things were;
 * - lending/: leases, and who may open what;
 * - operation/: a plan being carried out, or undone. */

#include "service/move/config.h"
#include "service/move/lending/leases.h"
#include "service/move/operation/operation.h"
#include "service/move/workers/observe.h"
#include "service/move/workers/survey.h"

struct mover;

struct mover_config {
        sd_event *event;
        struct model *model;   /* scanned */
        const char *directory; /* the run-time directory, /run/vfiobind */
        struct workers *workers;
        const struct config *
                        settings; /* read each time it is needed: a change counts from the next request on */

        /* Told of files that were damaged and set aside; may be NULL. */
        void (*damaged)(const char *name, void *userdata);
        void *userdata;
};

/* Told of every operation: when it begins, when it has made a step or changed its state, and when it is
 * settled. Of one that is settled, LATE says that nobody waits for it any more: an earlier run of the
 * service had left it, or it was stuck and its caller was told so. */
struct mover_listener {
        void (*began)(const struct operation *operation, void *userdata);
        void (*changed)(const struct operation *operation, void *userdata);
        void (*settled)(const struct operation *operation, const struct failure *failure, bool late,
                        void *userdata);
};

/* Called once for each operation that was started: when the caller shall be answered. The entry's plan tells
 * what moved. */
typedef void (*moved_t)(const struct journal_entry *entry, const struct failure *failure, void *userdata);

/* Opens the run-time directory. What an earlier run has left there is locked from now on. CONFIG's pointers
 * must outlive the mover. */
int mover_new(const struct mover_config *config, struct mover **ret);

/* Begins to settle it, in the background; once there is somebody to tell. */
void mover_resume(struct mover *mover);
struct mover *mover_free(struct mover *mover);

/* Observes the functions (see observe.h), so that a plan rests on what is true, for somebody who has waited
 * since BEGUN_USEC (see limit.h). */
int mover_observe(struct mover *mover, struct function *const *functions, size_t n, uint64_t begun_usec,
                  observed_t done, void *userdata, struct observation **ret);

/* The same to find out who uses the functions, as far as ERRAND minds (see survey.h). */
int mover_survey(struct mover *mover, struct function *const *functions, size_t n, enum errand errand,
                 uint64_t begun_usec, surveyed_t done, void *userdata, struct survey **ret);

/* Makes a plan for FUNCTIONS as plan_make() does, with the records, the leases and the default backend. */
int mover_plan(struct mover *mover, struct function *const *functions, size_t n,
               const struct request *request, const struct findings *findings, struct plan **ret,
               struct failure *failure);

/* The same for bringing FUNCTIONS back to where they were before LEASE, over everything but what refuses. */
int mover_plan_return(struct mover *mover, struct function *const *functions, size_t n,
                      const struct lease *lease, const struct findings *findings, struct plan **ret,
                      struct failure *failure);

/* Fails with FAILURE_BUSY if an operation holds one of the functions or its group. */
int mover_check_busy(struct mover *mover, struct function *const *functions, size_t n,
                     struct failure *failure);

/* Who listens, from now on. */
void mover_set_listener(struct mover *mover, const struct mover_listener *listener, void *userdata);

/* A number for an operation that is yet to begin. */
uint32_t mover_next_id(struct mover *mover);

/* The operation with this number that is not settled; NULL if there is none. */
const struct operation *mover_operation(const struct mover *mover, uint32_t id);

/* Calls FUNCTION for every operation that is not settled, until it returns other than 0, which is passed on.
 */
int mover_foreach(const struct mover *mover,
                  int (*function)(const struct operation *operation, void *userdata), void *userdata);

/* Who wants something moved, and since when. */
struct asker {
        uint32_t uid;
        uint32_t pid;        /* 0: unknown */
        const char *caller;  /* the unique name on the bus */
        const char *word;    /* the target, as asked for */
        uint64_t begun_usec; /* by CLOCK_MONOTONIC: what has been spent on looking counts towards the limit.
                                0: nothing */
};

/* Carries PLAN, which it takes over in any case, out as operation ID. A plan without movements is done at
 * once, but DONE, which may be NULL, is still called from the event loop. DONE is not called where this
 * fails. Where PLAN
 * is for a lease, leases_hand_over() has its descriptor when the operation is done. */
int mover_start(struct mover *mover, uint32_t id, struct plan *plan, const struct asker *asker, moved_t done,
                void *userdata, struct failure *failure);

/* PLAN, in which nothing moves, has been asked for: what stays where it is may leave a lease of ASKER's all
 * the same. */
void mover_note(struct mover *mover, const struct plan *plan, const struct asker *asker);

/* All leases. */
struct leases *mover_leases(const struct mover *mover);

/* The configured default backend, "auto" or a name. */
const char *mover_default_backend(const struct mover *mover);

/* F has changed: where it came from is forgotten if it is there again. */
void mover_review(struct mover *mover, struct function *f);

/* The user UID has no lease of FUNCTIONS any more: access that came with one is withdrawn at once, so that
 * nobody opens anew what is waited for. */
void mover_end_access(struct mover *mover, struct function *const *functions, size_t n, uint32_t uid);

/* The members of an IOMMU group, or their drivers, have changed: whoever has access to it may lose that. */
void mover_review_group(struct mover *mover, int group);

/* The function is about to be removed from the model, for good: another device may come to its address. */
void mover_forget(struct mover *mover, const struct function *f);
