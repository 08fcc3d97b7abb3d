/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which steps, and in which order. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/move/plan/route.h"

void movement_clear(struct movement *m) {
        free(m->old_driver);
        free(m->old_override);
        free(m->old_reset_methods);
        free(m->offspring);
}

const struct target *movement_goal(const struct movement *m) {
        return m->offspring ?: &m->target;
}

int steps_add(struct step **steps, size_t *n_steps, enum step_kind kind, size_t movement,
              const char *argument) {
        struct step *step = array_append(steps, n_steps, sizeof(*step));

        if (!step)
                return -ENOMEM;

        *step = (struct step){ .kind = kind, .movement = movement };
        snprintf(step->argument, sizeof(step->argument), "%s", argument);
        return 0;
}

void steps_rename_driver(struct step *steps, size_t n_steps, size_t movement, const char *from,
                         const char *to) {
        for (size_t i = 0; i < n_steps; i++)
                if (steps[i].movement == movement &&
                    (steps[i].kind == STEP_OVERRIDE || steps[i].kind == STEP_BIND) &&
                    streq(steps[i].argument, from))
                        snprintf(steps[i].argument, sizeof(steps[i].argument), "%s", to);
}

int steps_add_virtual(struct step **steps, size_t *n_steps, enum step_kind kind, size_t movement,
                      unsigned virtual_function, const char *argument) {
        int r = steps_add(steps, n_steps, kind, movement, argument);

        if (r >= 0)
                (*steps)[*n_steps - 1].virtual_function = virtual_function;
        return r;
}

bool route_leaves_driver(const struct movement *m) {
        return *m->old_driver != '\0' && (m->target.pick || !streq(m->old_driver, m->target.driver));
}

static bool is_found(const struct findings *findings, const struct movement *m, enum finding_kind kind,
                     const char *subject) {
        for (size_t i = 0; i < findings->n; i++)
                if (findings->array[i].kind == kind &&
                    pci_address_compare(&findings->array[i].address, &m->address) == 0 &&
                    (!subject || streq(findings->array[i].subject, subject)))
                        return true;

        return false;
}

int route_release(struct movement *m, size_t index, const struct function *f,
                  const struct findings *findings, struct step **steps, size_t *n_steps) {
        const struct backend *backend = m->target.backend;
        int r = 0;

        if (!route_leaves_driver(m))
                return 0;

        if (f->n_virtual_functions > 0) {
                m->old_virtual_functions = (unsigned) f->n_virtual_functions;
                r = steps_add(steps, n_steps, STEP_VIRTUAL_FUNCTIONS, index, "0");
        }
        if (r >= 0 && is_found(findings, m, FINDING_DISPLAY, SUBJECT_CONSOLE)) {
                m->shows_console = true;
                r = steps_add(steps, n_steps, STEP_RELEASE_CONSOLE, index, CONSOLE_KERNEL);
        }

        /* vfio-pci throws it off itself; a stub would leave it drawing into memory that a guest has. */
        if (r >= 0 && backend && backend->kind != DRIVER_VFIO &&
            is_found(findings, m, FINDING_FRAMEBUFFER, NULL))
                r = steps_add(steps, n_steps, STEP_RELEASE_CONSOLE, index, CONSOLE_FIRMWARE);
        return r;
}

/* Whether pciback may have its address from this movement. */
static bool may_have_slot(const struct movement *m) {
        return driver_kind(m->target.driver) == DRIVER_XEN && driver_kind(m->old_driver) != DRIVER_XEN;
}

bool route_is_complete(const struct movement *m) {
        return !may_have_slot(m) && m->old_virtual_functions == 0 && !m->sets_virtual_functions &&
               !m->shows_console && !m->old_reset_methods && !m->grantee.somebody &&
               !m->old_grantee.somebody;
}

int steps_add_for_user(struct step **steps, size_t *n_steps, enum step_kind kind, size_t movement,
                       const struct grantee *grantee) {
        char uid[16];

        if (!grantee->somebody)
                return 0;

        snprintf(uid, sizeof(uid), "%" PRIu32, grantee->uid);
        return steps_add(steps, n_steps, kind, movement, uid);
}

int route_retreat(const struct movement *m, size_t index, struct step **steps, size_t *n_steps) {
        return steps_add_for_user(steps, n_steps, STEP_WITHDRAW_ACCESS, index, &m->grantee);
}

int route_complete(const struct movement *m, size_t index, struct step **steps, size_t *n_steps) {
        char number[16];
        int r = route_retreat(m, index, steps, n_steps);

        /* Whoever was at it may have been killed between the unbind and this. */
        if (r >= 0 && may_have_slot(m))
                r = steps_add(steps, n_steps, STEP_REMOVE_SLOT, index, m->target.driver);
        /* First, since those that come back are probed as they were. */
        if (r >= 0 && m->sets_autoprobe)
                r = steps_add(steps, n_steps, STEP_AUTOPROBE, index, m->old_autoprobe ? "1" : "0");
        if (r >= 0 && (m->old_virtual_functions > 0 || m->sets_virtual_functions)) {
                snprintf(number, sizeof(number), "%u", m->old_virtual_functions);
                r = steps_add(steps, n_steps, STEP_VIRTUAL_FUNCTIONS, index, number);
        }
        if (r >= 0 && m->shows_console)
                r = steps_add(steps, n_steps, STEP_RETURN_CONSOLE, index, CONSOLE_KERNEL);
        if (r >= 0 && m->old_reset_methods)
                r = steps_add(steps, n_steps, STEP_RESET_METHODS, index, m->old_reset_methods);
        if (r >= 0)
                r = steps_add_for_user(steps, n_steps, STEP_ACCESS, index, &m->old_grantee);
        return r;
}

/* All of them first with their override, so that whoever probes them finds the one driver. */
static int add_overrides(size_t index, unsigned count, const char *override, struct step **steps,
                         size_t *n_steps) {
        int r = 0;

        for (unsigned i = 1; r >= 0 && *override != '\0' && i <= count; i++)
                r = steps_add_virtual(steps, n_steps, STEP_OVERRIDE, index, i, override);
        return r;
}

static int add_binds(size_t index, unsigned count, const struct target *target, struct step **steps,
                     size_t *n_steps) {
        int r = 0;

        for (unsigned i = 1; r >= 0 && i <= count; i++) {
                r = steps_add_virtual(steps, n_steps, STEP_BIND, index, i, target->driver);
                if (r >= 0 && target->backend && target->backend->kind == DRIVER_VFIO)
                        r = steps_add_virtual(steps, n_steps, STEP_WAIT_NODE, index, i, "");
        }
        return r;
}

int route_virtual_functions(struct movement *m, size_t index, unsigned from, unsigned count, bool autoprobe,
                            struct step **steps, size_t *n_steps) {
        const struct target *target = m->offspring;
        bool kept = target && !target->pick, binds = kept && *target->driver != '\0';
        char number[16];
        int r = 0;

        m->sets_virtual_functions = true;
        m->old_virtual_functions = from;
        m->sets_autoprobe = kept;
        m->old_autoprobe = autoprobe;

        snprintf(number, sizeof(number), "%u", count);
        if (kept && autoprobe)
                r = steps_add(steps, n_steps, STEP_AUTOPROBE, index, "0");
        if (r >= 0)
                r = steps_add(steps, n_steps, STEP_VIRTUAL_FUNCTIONS, index, number);
        if (r >= 0 && kept)
                r = add_overrides(index, count, target->override, steps, n_steps);

        /* While it is off the kernel refuses every bind of a virtual function (pci_device_can_probe() in
         * drivers/pci/pci-driver.c). */
        if (r >= 0 && (binds || (kept && autoprobe)))
                r = steps_add(steps, n_steps, STEP_AUTOPROBE, index, "1");
        if (r >= 0 && binds)
                r = add_binds(index, count, target, steps, n_steps);
        if (r >= 0 && binds && !autoprobe)
                r = steps_add(steps, n_steps, STEP_AUTOPROBE, index, "0");
        return r;
}

/* Whether the kernel would refuse to bind the target's driver under the target's override. */
static bool override_excludes_driver(const struct target *target) {
        return *target->driver != '\0' && *target->override != '\0' &&
               !streq(target->override, target->driver);
}

int route(const char *from_driver, const char *from_override, const struct target *target, int group,
          size_t movement, struct step **steps, size_t *n_steps) {
        bool leaves = target->pick || !streq(from_driver, target->driver);
        bool late_override = leaves && override_excludes_driver(target);
        const char *early = late_override ? "" : target->override;
        char number[16];
        int r = 0;

        /* The override comes first, so that no probe of somebody else's can catch the function between two
         * drivers. */
        if (!streq(from_override, early))
                r = steps_add(steps, n_steps, STEP_OVERRIDE, movement, early);
        if (r >= 0 && leaves && *from_driver != '\0')
                r = steps_add(steps, n_steps, STEP_UNBIND, movement, from_driver);
        if (r >= 0 && leaves && driver_kind(from_driver) == DRIVER_XEN)
                r = steps_add(steps, n_steps, STEP_REMOVE_SLOT, movement, from_driver);
        if (r >= 0 && target->pick)
                r = steps_add(steps, n_steps, STEP_PROBE, movement, target->modules);
        else if (r >= 0 && leaves && *target->driver != '\0')
                r = steps_add(steps, n_steps, STEP_BIND, movement, target->driver);
        if (r >= 0 && late_override)
                r = steps_add(steps, n_steps, STEP_OVERRIDE, movement, target->override);

        if (r >= 0 && leaves && target->backend && target->backend->kind == DRIVER_VFIO && group >= 0) {
                snprintf(number, sizeof(number), "%d", group);
                r = steps_add(steps, n_steps, STEP_WAIT_NODE, movement, number);
        }
        return r;
}
