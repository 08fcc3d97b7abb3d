/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The list of leases: making, breaking and ending them. */

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "service/host/array.h"
#include "service/move/lending/leases-list.h"

/* Finding one. */

static struct lease *find_by_operation(const struct leases *leases, uint32_t operation) {
        for (size_t i = 0; i < leases->n; i++)
                if (operation != 0 && leases->array[i]->operation == operation)
                        return leases->array[i];

        return NULL;
}

struct lease *leases_find_other(const struct leases *leases, const struct lease *this,
                                const struct pci_address *address, uint64_t identity) {
        for (size_t i = 0; i < leases->n; i++) {
                struct lease *lease = leases->array[i];
                const struct lease_member *member = lease_member(lease, address);

                if (lease != this && lease->made && member && member->identity == identity)
                        return lease;
        }

        return NULL;
}

const struct lease *leases_lease_of(const struct leases *leases, const struct function *f) {
        return leases_find_other(leases, NULL, &f->address, f->identity);
}

int leases_foreach(const struct leases *leases, int (*function)(const struct lease *lease, void *userdata),
                   void *userdata) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < leases->n; i++)
                if (leases->array[i]->made)
                        r = function(leases->array[i], userdata);

        return r;
}

/* Showing and keeping. */

static void show(struct leases *leases, const struct pci_address *address) {
        struct function *f = model_function(leases->config.model, address);
        const struct lease *lease = f ? leases_lease_of(leases, f) : NULL;

        if (f)
                (void) model_set_lease(leases->config.model, f, lease ? lease->holder.name : "",
                                       lease && lease->ended);
}

void leases_show_members(struct leases *leases, const struct lease *lease) {
        for (size_t i = 0; i < lease->n_members; i++)
                show(leases, &lease->members[i].address);
}

int leases_add(struct leases *leases, struct lease *lease) {
        struct lease **slot = array_append(&leases->array, &leases->n, sizeof(*slot));

        if (!slot) {
                lease_free(lease);
                return -ENOMEM;
        }

        *slot = lease;
        return 0;
}

/* Its members are nobody's any more. */
void leases_drop(struct leases *leases, struct lease *lease) {
        size_t at = 0;

        if (lease->ended && leases->listener)
                leases->listener->gone(lease, leases->listener_userdata);

        while (leases->array[at] != lease)
                at++;
        array_remove(leases->array, &leases->n, at);
        leases_show_members(leases, lease);
        lease_files_remove(leases->files, lease);
        lease_free(lease);
}

/* Nobody holds it any more. */
static void end(struct leases *leases, struct lease *lease) {
        if (lease->ended || !lease->made)
                return;

        lease->ended = true;
        lease->hang_up = sd_event_source_disable_unref(lease->hang_up);
        closep(&lease->read_end);
        lease->read_end = -EBADF;
        lease_files_remove_pipe(leases->files, lease);

        leases_show_members(leases, lease);
        if (leases->listener)
                leases->listener->ended(lease, leases->listener_userdata);
}

static int on_hang_up(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct lease *lease = userdata;

        end(lease->owner, lease);
        return 0;
}

/* Asking for nothing but the hang-up: what a holder writes stays where it is. */
int leases_watch(struct leases *leases, struct lease *lease) {
        lease->owner = leases;
        return sd_event_add_io(leases->config.event, &lease->hang_up, lease->read_end, EPOLLHUP, on_hang_up,
                               lease);
}

int leases_new(const struct leases_config *config, struct leases **ret) {
        struct leases *leases = calloc(1, sizeof(*leases));
        int r;

        if (!leases)
                return -ENOMEM;
        leases->config = *config;

        r = leases_recover(leases);
        if (r < 0) {
                leases_free(leases);
                return r;
        }

        *ret = leases;
        return 0;
}

struct leases *leases_free(struct leases *leases) {
        if (!leases)
                return NULL;

        for (size_t i = 0; i < leases->n; i++)
                lease_free(leases->array[i]);
        free(leases->array);
        lease_files_free(leases->files);
        free(leases);
        return NULL;
}

void leases_set_listener(struct leases *leases, const struct leases_listener *listener, void *userdata) {
        leases->listener = listener;
        leases->listener_userdata = userdata;
        for (size_t i = 0; listener && i < leases->n; i++)
                if (leases->array[i]->ended)
                        listener->ended(leases->array[i], userdata);
}

/* Making one. */

int leases_check_room(const struct leases *leases, uint32_t uid, struct failure *failure) {
        unsigned n_of_user = 0, n = 0;

        for (size_t i = 0; i < leases->n; i++) {
                n_of_user += leases->array[i]->holder.uid == uid;
                n += leases->array[i]->holder.uid != 0;
        }

        if (n_of_user >= LEASES_PER_USER_MAX)
                return fail(failure, FAILURE_LIMIT_EXCEEDED,
                            "The user has %u leases, and more are not allowed: let one of them end first",
                            n_of_user);
        if (n >= LEASES_MAX && uid != 0)
                return fail(failure, FAILURE_LIMIT_EXCEEDED,
                            "There are %u leases, and more are not allowed: try again later", n);
        return 0;
}

static int add_members(struct leases *leases, struct lease *lease, const struct plan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];
                const struct lease *other = leases_find_other(leases, lease, &m->address, m->identity);
                struct home before = { .console = m->shows_console };

                if (other)
                        before = lease_member(other, &m->address)->before;
                else {
                        snprintf(before.driver, sizeof(before.driver), "%s", m->old_driver);
                        snprintf(before.override, sizeof(before.override), "%s", m->old_override);
                }
                r = lease_add(lease, &m->address, m->identity, &before);
        }

        return r;
}

int leases_make(struct leases *leases, uint32_t operation, const struct plan *plan,
                const struct holder *holder, struct failure *failure) {
        struct lease *lease;
        int r;

        r = leases_check_room(leases, holder->uid, failure);
        if (r < 0)
                return r;

        lease = lease_new(++leases->last_id, holder);
        r = lease ? leases_add(leases, lease) : -ENOMEM;
        if (r < 0)
                return fail_internal(failure, r);
        lease->operation = operation;

        r = add_members(leases, lease, plan);
        if (r >= 0)
                r = lease_files_create(leases->files, lease);
        if (r >= 0)
                r = leases_watch(leases, lease);
        if (r < 0) {
                leases_drop(leases, lease);
                return fail_internal(failure, r);
        }

        return 0;
}

void leases_abandon(struct leases *leases, uint32_t operation) {
        struct lease *lease = find_by_operation(leases, operation);

        if (lease)
                leases_drop(leases, lease);
}

int leases_hand_over(struct leases *leases, uint32_t operation) {
        struct lease *lease = find_by_operation(leases, operation);

        return lease && lease->write_end >= 0 ? TAKE_FD(lease->write_end) : -ENOENT;
}

/* Its own end of the pipe hangs up then. */
void leases_disown(struct leases *leases, uint32_t operation) {
        int fd = leases_hand_over(leases, operation);

        closep(&fd);
}

/* What operations do to them. */

/* What somebody does with a function that is leased. */
enum deed {
        DEED_MOVE,  /* takes it somewhere */
        DEED_STAY,  /* wants it where it is */
        DEED_LEASE, /* has leased it */
        DEED_OTHER, /* something that leaves the lease alone */
};

static enum deed deed_of(const struct plan *plan) {
        switch (plan->errand) {
        case ERRAND_MOVE:
                return DEED_MOVE;
        case ERRAND_LEASE:
                return DEED_LEASE;
        default:
                return DEED_OTHER;
        }
}

/* Whether that takes it out of the lease, which may be one's OWN. HOME: it is, or goes, home. */
static bool ends_lease(enum deed deed, bool own, bool home) {
        return deed == DEED_LEASE || (own ? deed != DEED_OTHER && home : deed == DEED_MOVE);
}

static void take_out(struct leases *leases, const struct movement *movements, size_t n, enum deed deed,
                     const struct lease *made, const struct holder *holder) {
        for (size_t i = 0; i < n; i++) {
                const struct movement *m = &movements[i];
                struct lease *lease = leases_find_other(leases, made, &m->address, m->identity);
                bool own = lease && lease_is_held_by(lease, holder);

                if (!lease || !ends_lease(deed, own, m->target.home))
                        continue;

                lease_take_out(lease, lease_member(lease, &m->address));
                lease->disturbed = true;
                lease->broken |= !own;
                show(leases, &m->address);
        }
}

/* What was disturbed is kept, or brought back, or gone. */
static void tidy(struct leases *leases) {
        for (size_t i = leases->n; i > 0; i--) {
                struct lease *lease = leases->array[i - 1];
                bool broken = lease->broken;

                if (!lease->disturbed)
                        continue;

                lease->disturbed = lease->broken = false;
                if (lease->n_members == 0) {
                        leases_drop(leases, lease);
                        continue;
                }
                (void) lease_files_save(leases->files, lease);
                if (broken)
                        end(leases, lease);
        }
}

void leases_note(struct leases *leases, uint32_t operation, const struct plan *plan,
                 const struct holder *holder) {
        struct lease *made = find_by_operation(leases, operation);

        take_out(leases, plan->movements, plan->n_movements, deed_of(plan), made, holder);
        if (plan->errand == ERRAND_MOVE)
                take_out(leases, plan->staying, plan->n_staying, DEED_STAY, made, holder);
        tidy(leases);

        if (!made)
                return;

        made->made = true;
        if (made->n_members == 0) /* they have all vanished since */
                leases_drop(leases, made);
        else
                leases_show_members(leases, made);
}

static bool holds_member(const struct leases *leases, const struct lease *lease, const struct plan *plan) {
        for (size_t i = 0; i < lease->n_members; i++) {
                const struct function *f = model_function(leases->config.model, &lease->members[i].address);

                if (f && plan_holds(plan, f))
                        return true;
        }

        return false;
}

void leases_settle(struct leases *leases, uint32_t operation, const struct plan *plan, bool done) {
        if (!done)
                leases_abandon(leases, operation);

        for (size_t i = 0; leases->listener && i < leases->n; i++) {
                struct lease *lease = leases->array[i];

                if (lease->ended)
                        leases->listener->settled(lease, operation, holds_member(leases, lease, plan), done,
                                                  leases->listener_userdata);
        }
}

void leases_forget(struct leases *leases, const struct function *f) {
        for (size_t i = leases->n; i > 0; i--) {
                struct lease *lease = leases->array[i - 1];
                struct lease_member *member = lease_member(lease, &f->address);

                if (!member)
                        continue;

                lease_take_out(lease, member);
                lease->disturbed = lease->made;
        }
        tidy(leases);
}
