/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Findings about leases. One that has ended is held by nobody any more, and stands in nobody's way. */

#include <stdio.h>

#include "service/move/lending/leased.h"

static const struct lease *lease_held(const struct leases *leases, const struct function *f) {
        const struct lease *lease = leases_lease_of(leases, f);

        return lease && !lease->ended ? lease : NULL;
}

static int find_lease(const struct leases *leases, const struct function *f, const struct holder *holder,
                      struct findings *findings) {
        const struct lease *lease = lease_held(leases, f);

        if (!lease || lease_is_held_by(lease, holder))
                return 0;

        return findings_add(findings, FINDING_LEASE, SEVERITY_FORCE, &f->address, lease->holder.name,
                            "%s is leased to %s (uid %u): let that lease end first",
                            PCI_ADDRESS_TEXT(&f->address), lease->holder.name, lease->holder.uid);
}

static int find_virtual(const struct leases *leases, const struct model *model, const struct function *f,
                        struct findings *findings) {
        char number[32];

        for (size_t i = 0; i < f->n_virtual_functions; i++) {
                const struct function *v = model_function(model, &f->virtual_functions[i]);
                const struct lease *lease = v ? lease_held(leases, v) : NULL;

                if (!lease)
                        continue;

                snprintf(number, sizeof(number), "%zu", f->n_virtual_functions);
                return findings_add(
                                findings, FINDING_VIRTUAL_FUNCTIONS, SEVERITY_REFUSE, &f->address, number,
                                "%s has virtual functions enabled (%s), and one is leased to %s (uid %u): let that lease end first",
                                PCI_ADDRESS_TEXT(&f->address), number, lease->holder.name,
                                lease->holder.uid);
        }

        return 0;
}

static bool contains(struct function *const *functions, size_t n, const struct function *f) {
        for (size_t i = 0; i < n; i++)
                if (functions[i] == f)
                        return true;

        return false;
}

/* A group serves one user: not even FORCE lets somebody open what another one goes on to lease. */
static int find_in_group(const struct leases *leases, const struct model *model,
                         struct function *const *functions, size_t n, const struct function *f,
                         const struct request *request, struct findings *findings) {
        const struct group *g = model_group(model, f->group);
        int r = 0;

        for (size_t i = 0; r >= 0 && g && i < g->n_members; i++) {
                const struct lease *lease = lease_held(leases, g->members[i]);
                char address[PCI_ADDRESS_SIZE];

                if (!lease || lease->holder.uid == request->uid || contains(functions, n, g->members[i]))
                        continue;

                pci_address_format(&g->members[i]->address, address);
                r = findings_add(
                                findings, FINDING_LEASE, SEVERITY_REFUSE, &f->address, lease->holder.name,
                                "Access to %s cannot be given while %s of the same IOMMU group is leased to %s (uid %u): let that lease end first",
                                PCI_ADDRESS_TEXT(&f->address), address, lease->holder.name,
                                lease->holder.uid);
        }

        return r;
}

int leased_find(const struct leases *leases, const struct model *model, struct function *const *functions,
                size_t n, const struct request *request, struct findings *findings) {
        const struct holder caller = { .name = request->caller, .uid = request->uid };
        bool opens = request->errand == ERRAND_OPEN;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                /* Opening takes nothing away from whoever has the lease: it is a matter of users. */
                r = opens ? find_in_group(leases, model, NULL, 0, functions[i], request, findings)
                          : find_lease(leases, functions[i], &caller, findings);
                if (r >= 0)
                        r = find_virtual(leases, model, functions[i], findings);
                if (r >= 0 && request->flags & PLAN_ACCESS)
                        r = find_in_group(leases, model, functions, n, functions[i], request, findings);
        }

        return r;
}
