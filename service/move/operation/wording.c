/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From errnos to sentences. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/move/operation/wording.h"

/* What the worker says of a reset: see reset.h. Returns whether it is one of its own errors. */
static bool word_reset(const struct movement *m, const struct step *step, int error,
                       struct failure *failure) {
        const char *address = PCI_ADDRESS_TEXT(&m->address), *methods = strempty(m->old_reset_methods);

        switch (error) {
        case -EOPNOTSUPP:
                fail(failure, FAILURE_NOT_SUPPORTED, "%s cannot be reset%s%s: the kernel does not offer it",
                     address, *step->argument ? " by " : "", step->argument);
                return true;
        case -ENOTTY:
                fail(failure, FAILURE_NOT_SUPPORTED,
                     "%s cannot be reset: none of these methods of the kernel's works for it as it is now: %s",
                     address, *step->argument ? step->argument : methods);
                return true;
        case -EUCLEAN:
                fail(failure, FAILURE_NOT_SUPPORTED,
                     "%s cannot be reset by %s without losing its list of methods (%s), one of which does not work any more: "
                     "take that one out of its reset_method first",
                     address, step->argument, methods);
                return true;
        default:
                return false;
        }
}

/* The same for the number of virtual functions. */
static bool word_virtual_functions(const struct movement *m, int error, struct failure *failure) {
        const char *address = PCI_ADDRESS_TEXT(&m->address);

        switch (error) {
        case -ENOENT:
                fail(failure, FAILURE_NOT_SUPPORTED, "%s cannot have virtual functions on %s%s", address,
                     *m->old_driver ? "the driver " : "no driver", m->old_driver);
                return true;
        case -ETXTBSY:
                fail(failure, FAILURE_IN_USE,
                     "%s has a virtual function that is open through VFIO: shut the guest down first",
                     address);
                return true;
        case -EAGAIN:
                fail(failure, FAILURE_BUSY,
                     "%s has to wait, for virtual functions are made and removed one after the other on the whole host, "
                     "and another operation has not come to its end: try again later",
                     address);
                return true;
        default:
                return false;
        }
}

void word_failure(const struct movement *m, const struct step *step, const struct report *report, bool gone,
                  struct failure *failure) {
        const char *address = PCI_ADDRESS_TEXT(&m->address);
        _cleanup_free_ char *doing =
                        step_describe(step->kind, &m->address, step->virtual_function, step->argument);

        if (!doing) {
                fail_internal(failure, -ENOMEM);
                return;
        }
        if ((step->kind == STEP_RESET && word_reset(m, step, report->error, failure)) ||
            (step->kind == STEP_VIRTUAL_FUNCTIONS && word_virtual_functions(m, report->error, failure)))
                return;
        if (step->kind == STEP_LOAD_MODULE)
                fail(failure, FAILURE_MODULE_UNAVAILABLE, "%s cannot be moved, since loading %s failed: %s",
                     address, step->argument,
                     report->error == -EPERM ? "modprobe.d or the kernel forbids it"
                                             : strerror(-report->error));
        else if (gone)
                fail(failure, FAILURE_NO_SUCH_DEVICE, "%s has disappeared", address);
        else if (step->kind == STEP_BIND && report->error == -ENODEV &&
                 movement_goal(m)->bind_with_own_override)
                fail(failure, FAILURE_NO_SUCH_DRIVER,
                     "%s cannot go to %s: the driver does not support this device", address, step->argument);
        else if (step->kind == STEP_BIND && report->error == -ENOENT)
                fail(failure, FAILURE_NO_SUCH_DRIVER,
                     "%s cannot go to %s: no PCI driver of that name is registered", address,
                     step->argument);
        else if (step->kind == STEP_WITHDRAW_ACCESS && report->error == -EBUSY)
                fail(failure, FAILURE_IN_USE,
                     "%s or a member of its IOMMU group has just been opened through VFIO: shut the guest down first",
                     address);
        else if (step->kind == STEP_OPEN && report->error == -EBUSY)
                fail(failure, FAILURE_IN_USE,
                     "%s or a member of its IOMMU group is open through VFIO already: whoever has it open has to end first",
                     address);
        else if (report->error == -EPIPE)
                fail(failure, FAILURE_MOVE_FAILED, "The worker was killed while %s", doing);
        else
                fail(failure, FAILURE_MOVE_FAILED, "%c%s failed: %s", toupper((unsigned char) *doing),
                     doing + 1, strerror(-report->error));
}

static const struct function *function_of(const struct movement *m, const struct model *model) {
        const struct function *f = model_function(model, &m->address);

        return f && f->identity == m->identity ? f : NULL;
}

static const char *driver_or_none(const char *driver) {
        return *driver ? driver : "no driver";
}

/* What is wrong with a function that is not as it was: its driver, or else only its override. NULL where
 * memory is short. */
static char *word_stranded(const struct movement *m, const struct function *f) {
        const char *address = PCI_ADDRESS_TEXT(&m->address);
        char *text;
        int r;

        if (!streq(f->driver, m->old_driver))
                r = asprintf(&text, "%s is on %s (was on %s)", address, driver_or_none(f->driver),
                             driver_or_none(m->old_driver));
        else
                r = asprintf(&text, "%s has the driver override \"%s\" (had \"%s\")", address, f->override,
                             m->old_override);
        return r < 0 ? NULL : text;
}

/* Where the functions are that are not where they were. */
static char *list_stranded(const struct plan *plan, const struct model *model) {
        char *list = NULL;

        for (size_t i = 0; i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];
                const struct function *f = function_of(m, model);
                _cleanup_free_ char *text = NULL;
                char *longer;

                if (!f || (streq(f->driver, m->old_driver) && streq(f->override, m->old_override)))
                        continue;
                text = word_stranded(m, f);
                if (!text || asprintf(&longer, "%s%s%s", strempty(list), list ? ", " : "", text) < 0)
                        continue;
                free(list);
                list = longer;
        }

        return list;
}

/* Of what has gone nobody can say that it is back. */
static const char *word_back(const struct plan *plan, const struct model *model) {
        size_t gone = 0;

        if (plan->errand == ERRAND_OPEN)
                return "";

        for (size_t i = 0; i < plan->n_movements; i++)
                gone += !function_of(&plan->movements[i], model);

        if (gone == 0)
                return "; everything is back where it was";
        return gone < plan->n_movements ? "; everything that is left is back where it was" : "";
}

void word_outcome(const struct plan *plan, const struct model *model, bool stranded,
                  struct failure *failure) {
        struct failure before = *failure;
        _cleanup_free_ char *list = NULL;

        *failure = (struct failure){};
        if (stranded) {
                list = list_stranded(plan, model);
                fail(failure, FAILURE_UNDO_FAILED, "%s; it could not be undone: %s",
                     strempty(before.message),
                     list
                                     ?: "drivers and driver overrides are as before, but the console or virtual functions that were taken away "
                                        "have not come back, or the kernel would not confirm it");
        } else
                fail(failure, before.kind, "%s%s", strempty(before.message), word_back(plan, model));

        failure_clear(&before);
}

/* The end of a sentence about a worker that sleeps. */
static char *where_it_sleeps(const struct worker_identity *worker, char *buffer, size_t size) {
        char function[128];

        worker_where(worker, function, sizeof(function));
        snprintf(buffer, size, "%s%s", *function ? ", which sleeps in " : "", function);
        return buffer;
}

char *word_stuck(const struct movement *m, const struct step *step, const struct worker_identity *worker) {
        _cleanup_free_ char *doing =
                        step_describe(step->kind, &m->address, step->virtual_function, step->argument);
        char where[160], *text;

        if (!doing || asprintf(&text,
                               "The kernel has not answered in time while %s (worker %" PRIu64
                               "%s); the operation goes on when it "
                               "does, and until then a reboot or suspend may wait as well",
                               doing, worker->pid, where_it_sleeps(worker, where, sizeof(where))) < 0)
                return NULL;

        return text;
}

char *word_awaited(const struct worker_identity *worker) {
        char where[160], *text;

        if (asprintf(&text,
                     "The kernel has not let go of worker %" PRIu64
                     " of an earlier run of the service%s; everything is brought back "
                     "when it does, and until then a reboot or suspend may wait as well",
                     worker->pid, where_it_sleeps(worker, where, sizeof(where))) < 0)
                return NULL;

        return text;
}
