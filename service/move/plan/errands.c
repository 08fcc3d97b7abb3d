/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The errands, and their table. */

#include <errno.h>
#include <stdio.h>

#include "service/move/plan/admission.h"
#include "service/move/plan/errands.h"
#include "service/move/steps/reset.h"

/* To move functions to another driver. */

static bool reset_is_due(const struct draft *draft, const struct function *f) {
        return draft->request->flags & PLAN_RESET && driver_kind_is_passthrough(f->kind) &&
               *f->reset_methods != '\0';
}

static int note_reset_methods(struct movement *m, const struct function *f) {
        m->old_reset_methods = strdup(f->reset_methods);
        return m->old_reset_methods ? 0 : -ENOMEM;
}

/* The way home is not barred by a device that cannot be reset. A reset that is cut short leaves the list of
 * methods to the second step. */
static int add_reset_on_leaving(const struct draft *draft, size_t index) {
        struct plan *plan = draft->plan;
        const struct function *f = model_function(draft->model, &plan->movements[index].address);
        int r;

        if (!reset_is_due(draft, f))
                return 0;

        r = note_reset_methods(&plan->movements[index], f);
        if (r >= 0)
                r = steps_add(&plan->steps, &plan->n_steps, STEP_RESET, index, "");
        if (r < 0)
                return r;
        plan->steps[plan->n_steps - 1].optional = true;

        r = steps_add(&plan->steps, &plan->n_steps, STEP_RESET_METHODS, index, f->reset_methods);
        if (r >= 0)
                plan->steps[plan->n_steps - 1].optional = true;
        return r;
}

static int resolve_move(const struct draft *draft, const struct function *f, struct target *ret,
                        struct target **ret_offspring, struct failure *failure) {
        const struct memory *memory = draft->memory;
        int r;

        r = target_resolve(draft->model, f, draft->request->word, draft->configured,
                           memory->home(f, memory->homes), ret, failure);
        if (r >= 0)
                ret->here = target_is_reached(ret, f) &&
                            (admission_is_due(draft, f) || reset_is_due(draft, f));
        return r;
}

/* One that stays is held for something that has an action of its own. */
static void permit_move(const struct target *target, const struct target *offspring,
                        const char *actions[static ERRAND_ACTIONS_MAX]) {
        if (!target->here)
                actions[0] = target->home ? "restore" : "bind";
}

static int add_move_steps(const struct draft *draft, size_t index) {
        struct plan *plan = draft->plan;
        struct movement *m = &plan->movements[index];
        int r;

        r = add_reset_on_leaving(draft, index);
        if (r < 0 || m->target.here)
                return r;

        r = route_release(m, index, model_function(draft->model, &m->address), draft->findings, &plan->steps,
                          &plan->n_steps);
        if (r >= 0)
                r = route(m->old_driver, m->old_override, &m->target, m->group, index, &plan->steps,
                          &plan->n_steps);
        if (r >= 0 && m->target.returns_console)
                r = steps_add(&plan->steps, &plan->n_steps, STEP_RETURN_CONSOLE, index, CONSOLE_KERNEL);
        return r;
}

/* To lease them. One that is where it shall go is held all the same, and takes the same permission: it is
 * the caller's from then on. */

static int resolve_lease(const struct draft *draft, const struct function *f, struct target *ret,
                         struct target **ret_offspring, struct failure *failure) {
        int r = resolve_move(draft, f, ret, ret_offspring, failure);

        if (r >= 0)
                ret->here = target_is_reached(ret, f);
        return r;
}

static void permit_lease(const struct target *target, const struct target *offspring,
                         const char *actions[static ERRAND_ACTIONS_MAX]) {
        actions[0] = target->home ? "restore" : "bind";
}

/* To reset them where they are. */

static int resolve_reset(const struct draft *draft, const struct function *f, struct target *ret,
                         struct target **ret_offspring, struct failure *failure) {
        const char *method = draft->request->word, *address = PCI_ADDRESS_TEXT(&f->address);

        if (*method != '\0' && !reset_method_is_name(method))
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "%s cannot be reset by the method asked for: none can have that name", address);
        if (*f->reset_methods == '\0' && !f->resets_unlisted)
                return fail(failure, FAILURE_NOT_SUPPORTED,
                            "%s cannot be reset: the kernel has no method for it", address);
        if (*method != '\0' && !reset_methods_have(f->reset_methods, method))
                return fail(failure, FAILURE_NOT_SUPPORTED,
                            "%s cannot be reset by %s: the kernel's methods for it are %s", address, method,
                            *f->reset_methods ? f->reset_methods : "not told");

        target_here(f, ret);
        return 0;
}

static void permit_reset(const struct target *target, const struct target *offspring,
                         const char *actions[static ERRAND_ACTIONS_MAX]) {
        actions[0] = "reset";
}

static int add_reset_steps(const struct draft *draft, size_t index) {
        struct plan *plan = draft->plan;
        struct movement *m = &plan->movements[index];
        const struct function *f = model_function(draft->model, &m->address);

        int r = f->resets_unlisted ? 0 : note_reset_methods(m, f);

        return r < 0 ? r : steps_add(&plan->steps, &plan->n_steps, STEP_RESET, index, draft->request->word);
}

/* To open one through VFIO, for whoever asks. */

static int resolve_open(const struct draft *draft, const struct function *f, struct target *ret,
                        struct target **ret_offspring, struct failure *failure) {
        if (f->kind != DRIVER_VFIO)
                return fail(failure, FAILURE_NOT_VIABLE,
                            "%s cannot be opened through VFIO while it is on %s: %s",
                            PCI_ADDRESS_TEXT(&f->address), *f->driver ? f->driver : "no driver",
                            function_is_bridge(f) ? "bridges are never moved" : "bind it first");

        target_here(f, ret);
        return 0;
}

/* What it takes is asked for the whole group (admission.h). */
static void permit_open(const struct target *target, const struct target *offspring,
                        const char *actions[static ERRAND_ACTIONS_MAX]) {
}

static int add_open_steps(const struct draft *draft, size_t index) {
        return steps_add(&draft->plan->steps, &draft->plan->n_steps, STEP_OPEN, index, "");
}

/* Whoever has one function of a group open may open the next. */
static bool open_minds(const struct draft *draft, const struct finding *finding) {
        return finding->kind != FINDING_VFIO || finding->privacy.owner != draft->request->uid;
}

/* To give physical functions another number of virtual ones. */

static int check_count(const struct function *f, unsigned count, bool kept, struct failure *failure) {
        const char *address = PCI_ADDRESS_TEXT(&f->address);

        if (f->max_virtual_functions == 0)
                return fail(failure, FAILURE_NOT_SUPPORTED, "%s cannot have virtual functions%s", address,
                            f->is_virtual ? ": it is one itself" : "");
        if (count > f->max_virtual_functions)
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "%s can have %u virtual function%s at most, and not %u", address,
                            f->max_virtual_functions, f->max_virtual_functions == 1 ? "" : "s", count);
        if (kept && count > PLAN_FUNCTIONS_MAX)
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "%s cannot have %u virtual functions led to a driver at once: a request may come to %d",
                            address, count, PLAN_FUNCTIONS_MAX);
        return 0;
}

/* Where those that come shall go, found out before they are there: their ids are known. Whether it is true
 * of them, the kernel says when they are bound. */
static int resolve_offspring(const struct draft *draft, const struct function *f, struct target *ret,
                             struct failure *failure) {
        struct function child = *f;

        if (streq(draft->request->word, "host")) {
                *ret = (struct target){ .home = true, .pick = true };
                return 0;
        }

        child.device = f->virtual_device;
        child.driver = child.override = (char[]){ "" };
        child.kind = DRIVER_NONE;
        child.is_virtual = true;
        return target_resolve(draft->model, &child, draft->request->word, draft->configured, NULL, ret,
                              failure);
}

static int resolve_virtual_functions(const struct draft *draft, const struct function *f, struct target *ret,
                                     struct target **ret_offspring, struct failure *failure) {
        unsigned count = draft->request->count;
        int r;

        r = check_count(f, count, !streq(draft->request->word, "host"), failure);
        if (r < 0)
                return r;

        /* It stays on its driver in any case; with as many as it has there is nothing to do. */
        target_here(f, ret);
        ret->here = count != f->n_virtual_functions;
        if (count == 0 || !ret->here)
                return 0;

        *ret_offspring = malloc(sizeof(**ret_offspring));
        if (!*ret_offspring)
                return fail_internal(failure, -ENOMEM);
        return resolve_offspring(draft, f, *ret_offspring, failure);
}

static void permit_virtual_functions(const struct target *target, const struct target *offspring,
                                     const char *actions[static ERRAND_ACTIONS_MAX]) {
        actions[0] = "virtual-functions";
        if (offspring && !offspring->home)
                actions[1] = "bind";
}

static int add_virtual_functions_steps(const struct draft *draft, size_t index) {
        struct plan *plan = draft->plan;
        struct movement *m = &plan->movements[index];
        const struct function *f = model_function(draft->model, &m->address);

        return route_virtual_functions(m, index, (unsigned) f->n_virtual_functions, draft->request->count,
                                       f->autoprobe, &plan->steps, &plan->n_steps);
}

/* That it has virtual functions is what this is about, but they must not be with a guest. */
static bool virtual_functions_mind(const struct draft *draft, const struct finding *finding) {
        return finding->kind == FINDING_VIRTUAL_FUNCTIONS && finding->severity == SEVERITY_REFUSE;
}

const struct errand_rules *errand_rules(enum errand errand) {
        static const struct errand_rules rules[_ERRAND_MAX] = {
                [ERRAND_MOVE] = { resolve_move, permit_move, add_move_steps },
                [ERRAND_LEASE] = { resolve_lease, permit_lease, add_move_steps },
                [ERRAND_RESET] = { resolve_reset, permit_reset, add_reset_steps },
                [ERRAND_OPEN] = { resolve_open, permit_open, add_open_steps, open_minds },
                [ERRAND_VIRTUAL_FUNCTIONS] = { resolve_virtual_functions, permit_virtual_functions,
                                               add_virtual_functions_steps, virtual_functions_mind, true },
        };

        return &rules[errand];
}
