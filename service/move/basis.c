/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans as lines of text, to be compared: each begins with its kind, the address of the function and the
 * word that tells best what the line is about. Texts from outside come last, where they can do no harm. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/move/basis.h"

#define LINE_MOVE "move"
#define LINE_STAY "stay"
#define LINE_FINDING "finding"
#define LINE_STEP "step"

static const char *driver_word(const char *driver) {
        return *driver ? driver : "none";
}

static void print_movements(FILE *file, const char *kind, const struct movement *movements, size_t n) {
        for (size_t i = 0; i < n; i++)
                fprintf(file, "%s %s %s %" PRIu64 " %s %s %s\n", kind,
                        PCI_ADDRESS_TEXT(&movements[i].address), driver_word(movements[i].old_driver),
                        movements[i].identity, movements[i].target.driver, movements[i].target.override,
                        movements[i].old_override);
}

char *plan_basis(const struct plan *plan) {
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;

        print_movements(file, LINE_MOVE, plan->movements, plan->n_movements);
        print_movements(file, LINE_STAY, plan->staying, plan->n_staying);
        for (size_t i = 0; i < plan->findings.n; i++) {
                const struct finding *f = &plan->findings.array[i];

                fprintf(file, LINE_FINDING " %s %s %s %s\n", PCI_ADDRESS_TEXT(&f->address),
                        finding_kind_name(f->kind), severity_name(f->severity), f->subject);
        }
        for (size_t i = 0; i < plan->n_steps; i++)
                fprintf(file, LINE_STEP " %s %s %s\n",
                        PCI_ADDRESS_TEXT(&plan->movements[plan->steps[i].movement].address),
                        step_kind_name(plan->steps[i].kind), plan->steps[i].argument);

        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* The first line of TEXT that OTHER has not; NULL if it has them all. The caller frees it. */
static char *first_missing(const char *text, const char *other) {
        for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
                size_t length = strcspn(line, "\n") + 1;
                bool found = false;

                for (const char *o = other; *o && !found; o += strcspn(o, "\n") + 1)
                        found = strncmp(o, line, length) == 0;
                if (!found)
                        return strndup(line, length - 1);
        }

        return NULL;
}

static int word_difference(const char *line, bool is_new, struct failure *failure) {
        char kind[16], address[PCI_ADDRESS_SIZE], word[NAME_MAX + 1];

        _Static_assert(PCI_ADDRESS_SIZE == 17 && NAME_MAX == 255, "The widths below are theirs.");
        if (sscanf(line, "%15s %16s %255s", kind, address, word) != 3)
                return fail_internal(failure, -EINVAL);

        if (streq(kind, LINE_FINDING))
                return fail(failure, FAILURE_STATE_CHANGED,
                            is_new ? "Since the plan was made, %s is found to be in use otherwise (%s): plan again"
                                   : "Since the plan was made, %s is no longer in use as it was (%s): plan again",
                            address, word);
        if (streq(kind, LINE_STEP))
                return fail(failure, FAILURE_STATE_CHANGED,
                            "Since the plan was made, the steps for %s have changed (%s): plan again",
                            address, word);

        return fail(failure, FAILURE_STATE_CHANGED,
                    "Since the plan was made, %s has changed: it is another device, on another driver (%s) or has another target",
                    address, word);
}

int plan_check_basis(const struct plan *plan, const char *basis, struct failure *failure) {
        _cleanup_free_ char *now = plan_basis(plan), *line = NULL;

        if (!now)
                return fail_internal(failure, -ENOMEM);
        if (streq(now, basis))
                return 0;

        line = first_missing(now, basis);
        if (line)
                return word_difference(line, true, failure);

        line = first_missing(basis, now);
        return line ? word_difference(line, false, failure)
                    : fail(failure, FAILURE_STATE_CHANGED,
                           "Since the plan was made, the order of its steps has changed: plan again");
}
