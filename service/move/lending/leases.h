/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All leases, in memory and on disk (lease-files.h). File and pipe of a lease are there before anything of
 * it has been moved, and until everything of it is back: so a service that is killed at any instruction
 * finds out at its next start who still holds what. A pipe without a writer, or no pipe, is a lease that has
 * ended: also the one whose descriptor had not been handed over yet.
 *
 * A function is in one lease at most, but while an operation is under way that makes another: the new lease
 * takes it over, together with where it goes back to, when that operation is done. Ended leases are brought
 * back by homecoming.h. */

#include "service/host/failure.h"
#include "service/move/journal/journal.h"
#include "service/move/lending/lease.h"

/* How many there may be at once, those that are being made or brought back included: each takes a descriptor
 * of the service. The first is for all users but root. */
#define LEASES_MAX 256
#define LEASES_PER_USER_MAX 64

struct leases;

struct leases_config {
        sd_event *event;
        struct model *model; /* scanned */
        const char *directory;
        /* Told of files that were damaged and set aside; may be NULL. */
        void (*damaged)(const char *name, void *userdata);
        void *userdata;
};

/* Told of those that have ended: that one has; that an operation is settled, which HELD one of what are its
 * members now or not, and was DONE or has failed; that nothing is left of it, before it is freed. */
struct leases_listener {
        void (*ended)(struct lease *lease, void *userdata);
        void (*settled)(struct lease *lease, uint32_t operation, bool held, bool done, void *userdata);
        void (*gone)(struct lease *lease, void *userdata);
};

/* Opens what is below the directory. CONFIG's pointers must outlive the leases. */
int leases_new(const struct leases_config *config, struct leases **ret);

/* What is on disk stays, and so do the pipes: a holder sees an error on its descriptor until the service is
 * there again. */
struct leases *leases_free(struct leases *leases);

/* Who listens, from now on. Those that have ended before are told of at once. */
void leases_set_listener(struct leases *leases, const struct leases_listener *listener, void *userdata);

/* Fails with FAILURE_LIMIT_EXCEEDED where the user may have no more of them. */
int leases_check_room(const struct leases *leases, uint32_t uid, struct failure *failure);

/* Makes a lease of all functions of PLAN, moving and staying, which holds from the end of OPERATION. */
int leases_make(struct leases *leases, uint32_t operation, const struct plan *plan,
                const struct holder *holder, struct failure *failure);

/* OPERATION, which should have made one, has not begun. */
void leases_abandon(struct leases *leases, uint32_t operation);

/* What PLAN says has been done for HOLDER by OPERATION, 0 if nothing had to move; before anybody is told. A
 * lease that it makes holds. Members that it moved are out of the leases of others, which are broken; and
 * out of the holder's own where the holder has restored them or has made another lease. */
void leases_note(struct leases *leases, uint32_t operation, const struct plan *plan,
                 const struct holder *holder);

/* OPERATION holds nothing any more, and everything of PLAN is back where it was unless it was DONE. */
void leases_settle(struct leases *leases, uint32_t operation, const struct plan *plan, bool done);

/* The descriptor of the lease that OPERATION has made: the holder's end, which the caller closes. -ENOENT
 * where nothing is left of it. */
int leases_hand_over(struct leases *leases, uint32_t operation);

/* Whoever asked for the lease that OPERATION has made, if it has, waits no more: it ends at once. */
void leases_disown(struct leases *leases, uint32_t operation);

/* The function is about to be removed from the model, for good. */
void leases_forget(struct leases *leases, const struct function *f);

/* The lease that F is in, held or returning; NULL if in none. */
const struct lease *leases_lease_of(const struct leases *leases, const struct function *f);

/* Calls FUNCTION for every lease that is made, until it returns other than 0, which is passed on. */
int leases_foreach(const struct leases *leases, int (*function)(const struct lease *lease, void *userdata),
                   void *userdata);
