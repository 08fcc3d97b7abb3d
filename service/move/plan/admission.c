/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Admitting one user to groups, and another one no longer. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/move/plan/admission.h"

static bool is_wanted(const struct draft *draft) {
        return draft->request->flags & PLAN_ACCESS;
}

static struct grantee holder_of(const struct draft *draft, int group) {
        if (group < 0 || !draft->memory->grantee)
                return (struct grantee){};

        return draft->memory->grantee(group, draft->memory->grants);
}

static bool is_asker(const struct draft *draft, const struct grantee *grantee) {
        return grantee->somebody && grantee->uid == draft->request->uid;
}

static bool is_lease(const struct draft *draft) {
        return draft->request->errand == ERRAND_LEASE;
}

/* Whether whoever asks has access already, and for long enough. */
static bool is_served(const struct draft *draft, const struct grantee *holder) {
        return is_asker(draft, holder) && (!holder->leased || is_lease(draft));
}

bool admission_is_due(const struct draft *draft, const struct function *f) {
        struct grantee holder = holder_of(draft, f->group);

        return is_wanted(draft) && f->group >= 0 && !is_served(draft, &holder);
}

/* What can be known. */

static const char *word_target(const struct target *target) {
        if (target->pick)
                return "its host driver";
        return *target->driver ? target->driver : "no driver";
}

static bool contains(const struct movement *array, size_t n, const struct function *f, size_t *ret) {
        for (size_t i = 0; i < n; i++)
                if (pci_address_compare(&array[i].address, &f->address) == 0) {
                        *ret = i;
                        return true;
                }

        return false;
}

/* A group that is not viable afterwards cannot be opened by anybody. */
static int check_group(const struct draft *draft, const struct movement *m, struct failure *failure) {
        const struct group *g = model_group(draft->model, m->group);

        for (size_t i = 0; g && i < g->n_members; i++) {
                const struct function *f = g->members[i];

                if (!plan_moves(draft->plan, &f->address) && function_blocks_group(f))
                        return fail(failure, FAILURE_NOT_VIABLE,
                                    "Access to %s cannot be given, since its IOMMU group %d cannot be opened while %s is on %s: %s",
                                    PCI_ADDRESS_TEXT(&m->address), m->group, PCI_ADDRESS_TEXT(&f->address),
                                    f->driver, blocker_remedy(f));
        }

        return 0;
}

static int check(const struct draft *draft, const struct movement *m, bool stays, struct failure *failure) {
        const struct backend *backend = m->target.backend;

        if (!backend || backend->kind != DRIVER_VFIO)
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "Access can be given to what goes to VFIO only, and %s is to go to %s",
                            PCI_ADDRESS_TEXT(&m->address), word_target(&m->target));

        /* Of a function that would have to move, a finding says so. */
        if (m->group < 0 && stays)
                return fail(failure, FAILURE_NOT_VIABLE,
                            "Access to %s cannot be given, since it belongs to no IOMMU group",
                            PCI_ADDRESS_TEXT(&m->address));

        return check_group(draft, m, failure);
}

/* Where no movement of the group comes before this one. */
static bool is_first_of_group(const struct plan *plan, size_t movement) {
        for (size_t i = 0; i < movement; i++)
                if (plan->movements[i].group == plan->movements[movement].group)
                        return false;

        return true;
}

static bool is_last_of_group(const struct plan *plan, size_t movement) {
        for (size_t i = movement + 1; i < plan->n_movements; i++)
                if (plan->movements[i].group == plan->movements[movement].group)
                        return false;

        return true;
}

static int permit_endpoint(struct plan *plan, const struct function *f) {
        struct target target;
        size_t i;
        int r;

        if (contains(plan->movements, plan->n_movements, f, &i))
                return plan_add_permission(plan, "access", false, i);

        if (!contains(plan->staying, plan->n_staying, f, &i)) {
                i = plan->n_staying;
                target_here(f, &target);
                r = movement_add(&plan->staying, &plan->n_staying, f, &target);
                if (r < 0)
                        return r;
        }
        return plan_add_permission(plan, "access", true, i);
}

static int permit_group(const struct draft *draft, int group) {
        const struct group *g = model_group(draft->model, group);
        int r = 0;

        for (size_t i = 0; r >= 0 && g && i < g->n_members; i++)
                if (!function_is_bridge(g->members[i]))
                        r = permit_endpoint(draft->plan, g->members[i]);
        return r;
}

/* Each group once: of those that have movements, and of those where all functions stay. */
static int permit_all(const struct draft *draft) {
        struct plan *plan = draft->plan;
        size_t n_staying = plan->n_staying; /* more are added */
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++)
                if (is_first_of_group(plan, i))
                        r = permit_group(draft, plan->movements[i].group);

        for (size_t i = 0; r >= 0 && i < n_staying; i++) {
                int group = plan->staying[i].group;
                bool done = false;

                for (size_t j = 0; j < plan->n_movements && !done; j++)
                        done = plan->movements[j].group == group;
                for (size_t j = 0; j < i && !done; j++)
                        done = plan->staying[j].group == group;
                if (!done)
                        r = permit_group(draft, group);
        }

        return r;
}

int admission_check(const struct draft *draft, struct failure *failure) {
        const struct plan *plan = draft->plan;
        int r = 0;

        if (!is_wanted(draft) && plan->errand != ERRAND_OPEN)
                return 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++)
                r = check(draft, &plan->movements[i], plan->movements[i].target.here, failure);
        for (size_t i = 0; r >= 0 && i < plan->n_staying; i++)
                r = check(draft, &plan->staying[i], true, failure);
        if (r < 0)
                return r;

        r = permit_all(draft);
        return r < 0 ? fail_internal(failure, r) : 0;
}

int admission_find(const struct draft *draft, const struct movement *m) {
        struct grantee holder = holder_of(draft, m->group);
        char uid[16];

        if (!holder.somebody || is_asker(draft, &holder))
                return 0;

        snprintf(uid, sizeof(uid), "%" PRIu32, holder.uid);
        return findings_add(
                        &draft->plan->findings, FINDING_ACCESS, SEVERITY_FORCE, &m->address, uid,
                        "%s belongs to the IOMMU group %d, which the user %s has been given access to: let that user restore it first",
                        PCI_ADDRESS_TEXT(&m->address), m->group, uid);
}

/* What is done. */

/* Whether a member of the group leaves a VFIO driver, so that access ends. */
static bool is_left(const struct draft *draft, int group) {
        const struct plan *plan = draft->plan;

        for (size_t i = 0; i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];
                const struct function *f = model_function(draft->model, &m->address);

                if (m->group == group && f && f->kind == DRIVER_VFIO && !m->target.here &&
                    route_leaves_driver(m))
                        return true;
        }

        return false;
}

/* Whether access of HOLDER's, whether the group is left or not, is over: a group serves one user, so not
 * only whoever asks for access is in need of that, but also whoever leases a member. */
static bool is_ousted(const struct draft *draft, const struct grantee *holder) {
        return (is_wanted(draft) || is_lease(draft)) && !is_asker(draft, holder);
}

int admission_withdraw(const struct draft *draft) {
        struct plan *plan = draft->plan;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++) {
                struct movement *m = &plan->movements[i];
                struct grantee holder = holder_of(draft, m->group);

                if (!holder.somebody || !is_first_of_group(plan, i) ||
                    (!is_left(draft, m->group) && !is_ousted(draft, &holder)))
                        continue;
                m->old_grantee = holder;
                r = steps_add_for_user(&plan->steps, &plan->n_steps, STEP_WITHDRAW_ACCESS, i, &holder);
        }

        return r;
}

int admission_grant(const struct draft *draft) {
        const struct grantee asker = { true, draft->request->uid, is_lease(draft) };
        struct plan *plan = draft->plan;
        int r = 0;

        for (size_t i = 0; r >= 0 && is_wanted(draft) && i < plan->n_movements; i++) {
                struct movement *m = &plan->movements[i];
                struct grantee holder = holder_of(draft, m->group);

                if (m->group < 0 || !is_last_of_group(plan, i) ||
                    (is_served(draft, &holder) && !is_left(draft, m->group)))
                        continue;
                m->grantee = asker;
                r = steps_add_for_user(&plan->steps, &plan->n_steps, STEP_ACCESS, i, &asker);
        }

        return r;
}
