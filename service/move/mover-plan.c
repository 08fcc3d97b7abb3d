/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What comes before a move: looking, and making plans out of all that is known. */

#include <errno.h>

#include "service/move/lending/leased.h"
#include "service/move/mover-rooms.h"
#include "service/move/plan/errands.h"
#include "service/move/workers/limit.h"

static uint64_t left(const struct mover *mover, uint64_t begun_usec) {
        return limit_left(mover->config.settings, mover->config.event, begun_usec);
}

int mover_observe(struct mover *mover, struct function *const *functions, size_t n, uint64_t begun_usec,
                  observed_t done, void *userdata, struct observation **ret) {
        return observation_start(mover->config.event, mover->config.model, mover->config.workers, functions,
                                 n, left(mover, begun_usec), done, userdata, ret);
}

int mover_survey(struct mover *mover, struct function *const *functions, size_t n, enum errand errand,
                 uint64_t begun_usec, surveyed_t done, void *userdata, struct survey **ret) {
        bool and_virtual = errand_rules(errand)->minds_virtual;
        _cleanup_free_ struct pci_address *addresses = NULL;
        size_t total = n, next = 0;

        for (size_t i = 0; and_virtual && i < n; i++)
                total += functions[i]->n_virtual_functions;
        addresses = calloc(total + 1, sizeof(*addresses));
        if (!addresses)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                addresses[next++] = functions[i]->address;
                for (size_t v = 0; and_virtual && v < functions[i]->n_virtual_functions; v++)
                        addresses[next++] = functions[i]->virtual_functions[v];
        }

        return survey_start(mover->surveyor, addresses, total, left(mover, begun_usec), done, userdata, ret);
}

static struct memory memory_of(struct mover *mover, home_lookup_t home, void *homes) {
        return (struct memory){
                .home = home,
                .homes = homes,
                .grantee = grants_holder,
                .grants = mover->grants,
        };
}

int mover_plan(struct mover *mover, struct function *const *functions, size_t n,
               const struct request *request, const struct findings *findings, struct plan **ret,
               struct failure *failure) {
        const struct memory memory = memory_of(mover, records_home, mover->records);
        _cleanup_findings_ struct findings all = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < findings->n; i++)
                r = findings_add_copy(&all, &findings->array[i]);
        if (r >= 0)
                r = leased_find(mover->leases, mover->config.model, functions, n, request, &all);
        if (r < 0)
                return fail_internal(failure, r);

        aliases_refresh(model_aliases(mover->config.model));
        return plan_make(mover->config.model, functions, n, request, mover_default_backend(mover), &memory,
                         &all, ret, failure);
}

int mover_plan_return(struct mover *mover, struct function *const *functions, size_t n,
                      const struct lease *lease, const struct findings *findings, struct plan **ret,
                      struct failure *failure) {
        const struct request request = {
                .word = "host",
                .flags = PLAN_FORCE | (mover->config.settings->reset_after_lease ? PLAN_RESET : 0u),
                .uid = lease->holder.uid,
        };
        const struct memory memory = memory_of(mover, lease_home, (void *) lease);

        aliases_refresh(model_aliases(mover->config.model));
        return plan_make(mover->config.model, functions, n, &request, mover_default_backend(mover), &memory,
                         findings, ret, failure);
}

/* Whether the user has a lease of a member of the group. */
static bool has_lease_in_group(const struct mover *mover, int group, uint32_t uid) {
        const struct group *g = model_group(mover->config.model, group);

        for (size_t i = 0; g && i < g->n_members; i++) {
                const struct lease *lease = leases_lease_of(mover->leases, g->members[i]);

                if (lease && !lease->ended && lease->holder.uid == uid)
                        return true;
        }

        return false;
}

void mover_end_access(struct mover *mover, struct function *const *functions, size_t n, uint32_t uid) {
        for (size_t i = 0; i < n; i++)
                if (!has_lease_in_group(mover, functions[i]->group, uid))
                        grants_end_leased(mover->grants, functions[i]->group, uid);
}
