/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Making plans. */

#include <errno.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/move/plan/admission.h"
#include "service/move/plan/errands.h"

static bool contains(struct function *const *functions, size_t n, const struct function *f) {
        for (size_t i = 0; i < n; i++)
                if (functions[i] == f)
                        return true;

        return false;
}

static int add_function(struct function ***functions, size_t *n, struct function *f,
                        struct failure *failure) {
        struct function **slot;

        if (*n >= PLAN_FUNCTIONS_MAX)
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "%s is one too many: a request may come to %d functions",
                            PCI_ADDRESS_TEXT(&f->address), PLAN_FUNCTIONS_MAX);

        slot = array_append(functions, n, sizeof(*slot));
        if (!slot)
                return fail_internal(failure, -ENOMEM);

        *slot = f;
        return 0;
}

static int widen(const struct model *model, struct function ***functions, size_t *n,
                 struct failure *failure) {
        size_t n_named = *n;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_named; i++) {
                const struct group *g = model_group(model, (*functions)[i]->group);

                for (size_t j = 0; r >= 0 && g && j < g->n_members; j++)
                        if (!function_is_bridge(g->members[j]) && !contains(*functions, *n, g->members[j]))
                                r = add_function(functions, n, g->members[j], failure);
        }

        return r;
}

int plan_functions(const struct model *model, const struct request *request, struct function ***ret,
                   size_t *ret_n, struct failure *failure) {
        _cleanup_free_ struct function **functions = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < request->n_addresses; i++) {
                struct function *f = model_function(model, &request->addresses[i]);

                if (!f)
                        return fail(failure, FAILURE_NO_SUCH_DEVICE,
                                    "%s is not the address of a PCI function on this host",
                                    PCI_ADDRESS_TEXT(&request->addresses[i]));
                if (contains(functions, n, f))
                        return fail(failure, FAILURE_INVALID_ARGUMENT, "%s is named twice",
                                    PCI_ADDRESS_TEXT(&f->address));

                r = add_function(&functions, &n, f, failure);
                if (r < 0)
                        return r;
        }

        if (request->flags & PLAN_GROUP) {
                r = widen(model, &functions, &n, failure);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(functions);
        *ret_n = n;
        return 0;
}

/* Modules come before everything else, each once: nothing has happened yet where one is missing. */
static int add_load_steps(struct plan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++) {
                const char *load = movement_goal(&plan->movements[i])->load;
                bool known = *load == '\0';

                for (size_t j = 0; !known && j < plan->n_steps; j++)
                        known = streq(plan->steps[j].argument, load);
                if (!known)
                        r = steps_add(&plan->steps, &plan->n_steps, STEP_LOAD_MODULE, i, load);
        }

        return r;
}

int plan_add_permission(struct plan *plan, const char *action, bool stays, size_t movement) {
        struct permission *permission =
                        array_append(&plan->permissions, &plan->n_permissions, sizeof(*permission));

        if (!permission)
                return -ENOMEM;

        *permission = (struct permission){ .action = action, .stays = stays, .movement = movement };
        return 0;
}

/* A flag is authorized also where the function stays where it is, and nothing else is needed for that. */
static int add_permissions(struct plan *plan, const struct target *target, const struct target *offspring,
                           bool stays) {
        size_t movement = stays ? plan->n_staying : plan->n_movements;
        const char *actions[ERRAND_ACTIONS_MAX] = {};
        int r = 0;

        if (!stays)
                errand_rules(plan->errand)->permit(target, offspring, actions);
        for (size_t i = 0; r >= 0 && actions[i]; i++)
                r = plan_add_permission(plan, actions[i], stays, movement);
        if (r >= 0 && plan->flags & PLAN_FORCE)
                r = plan_add_permission(plan, "force", stays, movement);
        return r;
}

int movement_add(struct movement **movements, size_t *n, const struct function *f,
                 const struct target *target) {
        struct movement *movement = array_append(movements, n, sizeof(*movement));

        if (!movement)
                return -ENOMEM;

        movement->address = f->address;
        movement->identity = f->identity;
        movement->group = f->group;
        movement->target = *target;
        movement->old_driver = strdup(f->driver);
        movement->old_override = strdup(f->override);
        return movement->old_driver && movement->old_override ? 0 : -ENOMEM;
}

static int add_movement(const struct draft *draft, const struct function *f, struct failure *failure) {
        struct plan *plan = draft->plan;
        _cleanup_(target_freep) struct target *offspring = NULL;
        struct target target;
        bool stays;
        int r;

        r = errand_rules(plan->errand)->resolve(draft, f, &target, &offspring, failure);
        if (r < 0)
                return r;

        stays = !target.here && target_is_reached(&target, f);
        r = add_permissions(plan, &target, offspring, stays);
        if (r >= 0)
                r = stays ? movement_add(&plan->staying, &plan->n_staying, f, &target)
                          : movement_add(&plan->movements, &plan->n_movements, f, &target);
        if (r < 0)
                return fail_internal(failure, r);

        if (!stays)
                plan->movements[plan->n_movements - 1].offspring = TAKE_PTR(offspring);
        return 0;
}

bool plan_moves(const struct plan *plan, const struct pci_address *address) {
        for (size_t i = 0; i < plan->n_movements; i++)
                if (pci_address_compare(&plan->movements[i].address, address) == 0)
                        return true;

        return false;
}

static int add_steps(const struct draft *draft) {
        struct plan *plan = draft->plan;
        int r;

        r = add_load_steps(plan);
        if (r >= 0)
                r = admission_withdraw(draft);
        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++)
                r = errand_rules(plan->errand)->add_steps(draft, i);
        return r < 0 ? r : admission_grant(draft);
}

int plan_make(const struct model *model, struct function *const *functions, size_t n_functions,
              const struct request *request, const char *configured, const struct memory *memory,
              const struct findings *findings, struct plan **ret, struct failure *failure) {
        _cleanup_(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
        const struct draft draft = { plan, model, request, configured, memory, findings };
        int r = 0;

        if (!plan)
                return fail_internal(failure, -ENOMEM);
        plan->errand = request->errand;
        plan->flags = request->flags;

        for (size_t i = 0; r >= 0 && i < n_functions; i++)
                r = add_movement(&draft, functions[i], failure);
        if (r >= 0)
                r = admission_check(&draft, failure);
        if (r < 0)
                return r;

        r = add_steps(&draft);
        if (r >= 0)
                r = plan_find(&draft);
        if (r < 0)
                return fail_internal(failure, r);

        *ret = TAKE_PTR(plan);
        return 0;
}

static bool is_function_of(const struct function *physical, const struct pci_address *address) {
        for (size_t i = 0; physical && i < physical->n_virtual_functions; i++)
                if (pci_address_compare(&physical->virtual_functions[i], address) == 0)
                        return true;

        return false;
}

static bool movement_holds(const struct movement *m, const struct function *f) {
        return pci_address_compare(&m->address, &f->address) == 0 ||
               (f->group >= 0 && m->group == f->group) ||
               (f->is_virtual && pci_address_compare(&m->address, &f->physical) == 0) ||
               is_function_of(f, &m->address);
}

bool plan_holds(const struct plan *plan, const struct function *f) {
        for (size_t i = 0; i < plan->n_movements; i++)
                if (movement_holds(&plan->movements[i], f))
                        return true;

        return false;
}

const struct movement *plan_permission_subject(const struct plan *plan,
                                               const struct permission *permission) {
        return permission->stays ? &plan->staying[permission->movement]
                                 : &plan->movements[permission->movement];
}

static void free_movements(struct movement *movements, size_t n) {
        for (size_t i = 0; i < n; i++)
                movement_clear(&movements[i]);
        free(movements);
}

struct plan *plan_free(struct plan *plan) {
        if (!plan)
                return NULL;

        free_movements(plan->movements, plan->n_movements);
        free_movements(plan->staying, plan->n_staying);
        free(plan->steps);
        free(plan->permissions);
        findings_clear(&plan->findings);
        free(plan);
        return NULL;
}
