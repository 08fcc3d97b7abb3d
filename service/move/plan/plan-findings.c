/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What stands in the way of a plan. */

#include <errno.h>
#include <stdio.h>

#include "service/move/plan/admission.h"
#include "service/move/plan/errands.h"

/* A finding about a virtual function of one of the plan's, as one about that. */
static int take_virtual(const struct draft *draft, const struct finding *finding) {
        const struct function *f = model_function(draft->model, &finding->address);
        struct finding copy = *finding;

        if (!f || !f->is_virtual || !plan_moves(draft->plan, &f->physical))
                return 0;

        copy.address = f->physical;
        return findings_add_copy(&draft->plan->findings, &copy);
}

/* Takes what is said about functions that move; what disturbs nobody is nobody's business. */
static int take_findings(const struct draft *draft) {
        const struct errand_rules *rules = errand_rules(draft->plan->errand);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->findings->n; i++) {
                const struct finding *f = &draft->findings->array[i];

                if (plan_moves(draft->plan, &f->address)) {
                        if (!rules->minds || rules->minds(draft, f))
                                r = findings_add_copy(&draft->plan->findings, f);
                } else if (rules->minds_virtual)
                        r = take_virtual(draft, f);
        }

        return r;
}

const char *blocker_remedy(const struct function *f) {
        return function_is_bridge(f) ? "that one is a bridge, and bridges are never moved"
                                     : "move that one as well";
}

/* Whoever stays in the group on a driver that keeps VFIO out. */
static int find_blockers(struct plan *plan, const struct model *model, const struct movement *movement) {
        const struct group *g = model_group(model, movement->group);
        int r = 0;

        for (size_t i = 0; r >= 0 && g && i < g->n_members; i++) {
                const struct function *f = g->members[i];
                char address[PCI_ADDRESS_SIZE];

                if (plan_moves(plan, &f->address) || !function_blocks_group(f))
                        continue;

                pci_address_format(&f->address, address);
                r = findings_add(
                                &plan->findings, FINDING_GROUP, SEVERITY_WARN, &movement->address, address,
                                "%s cannot be used through VFIO while %s of the same IOMMU group is on %s: %s",
                                PCI_ADDRESS_TEXT(&movement->address), address, f->driver, blocker_remedy(f));
        }

        return r;
}

static int find_in_topology(struct plan *plan, const struct model *model, const struct function *f,
                            const struct movement *movement) {
        if (function_is_bridge(f))
                return findings_add(
                                &plan->findings, FINDING_BRIDGE, SEVERITY_REFUSE, &f->address, f->class_name,
                                "%s is a bridge, and bridges are never moved: name the endpoints behind it",
                                PCI_ADDRESS_TEXT(&f->address));

        if (movement->target.here || !movement->target.backend ||
            movement->target.backend->kind != DRIVER_VFIO)
                return 0;

        if (f->group < 0)
                return findings_add(&plan->findings, FINDING_IOMMU, SEVERITY_REFUSE, &f->address,
                                    "IOMMU group", "%s belongs to no IOMMU group, so VFIO cannot isolate it",
                                    PCI_ADDRESS_TEXT(&f->address));

        return find_blockers(plan, model, movement);
}

/* Virtual functions that go take the right to open their groups along. */
static int find_admitted_virtual(const struct draft *draft, const struct function *f) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < f->n_virtual_functions; i++) {
                const struct function *v = model_function(draft->model, &f->virtual_functions[i]);

                if (v)
                        r = admission_find(draft, &(struct movement){
                                                                  .address = v->address,
                                                                  .group = v->group,
                                                  });
        }

        return r;
}

static int find_for_movement(const struct draft *draft, const struct movement *m) {
        const struct function *f = model_function(draft->model, &m->address);
        int r;

        r = find_in_topology(draft->plan, draft->model, f, m);
        if (r >= 0)
                r = admission_find(draft, m);
        if (r >= 0 && errand_rules(draft->plan->errand)->minds_virtual)
                r = find_admitted_virtual(draft, f);
        return r;
}

int plan_find(const struct draft *draft) {
        const struct plan *plan = draft->plan;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++)
                r = find_for_movement(draft, &plan->movements[i]);
        return r < 0 ? r : take_findings(draft);
}

/* In words that VIEWER may read; the caller frees it. */
static char *word_findings(const struct finding *first, size_t n, struct viewer *viewer) {
        const char *message = viewer_message(viewer, first);
        char *text;
        int r = n > 1 ? asprintf(&text, "%s (and %zu more)", message, n - 1)
                      : asprintf(&text, "%s", message);

        return r < 0 ? NULL : text;
}

int plan_check_findings(const struct plan *plan, struct viewer *viewer, struct failure *failure) {
        enum severity allowed = plan->flags & PLAN_FORCE ? SEVERITY_FORCE : SEVERITY_WARN;
        _cleanup_free_ char *message = NULL;
        const struct finding *first = NULL;
        size_t n = 0;

        for (size_t i = 0; i < plan->findings.n; i++) {
                const struct finding *finding = &plan->findings.array[i];

                if (finding->severity <= allowed)
                        continue;
                if (!first)
                        first = finding;
                n++;
        }
        if (!first)
                return 0;

        message = word_findings(first, n, viewer);
        if (failure && first->discreet)
                failure->discreet = word_findings(first, n, viewer_nobody());
        return fail(failure, FAILURE_IN_USE, "%s", strempty(message));
}
