/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans as lines of text, to be compared: each begins with its kind, the address of the function and the
 * word that tells best what the line is about. Texts from outside come last, where they can do no harm. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/move/plan/basis.h"

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

/* A line as it was printed. Overrides may hold anything but a newline, and come last: they are not compared
 * by themselves. */
struct line {
        char kind[16], address[PCI_ADDRESS_SIZE], word[NAME_MAX + 1];
        uint64_t identity;
};

static int parse_line(const char *text, struct line *ret) {
        _Static_assert(PCI_ADDRESS_SIZE == 17 && NAME_MAX == 255, "The widths below are theirs.");

        *ret = (struct line){};
        return sscanf(text, "%15s %16s %255s %" SCNu64, ret->kind, ret->address, ret->word,
                      &ret->identity) >= 3
                               ? 0
                               : -EINVAL;
}

static bool is_movement(const struct line *line) {
        return streq(line->kind, LINE_MOVE) || streq(line->kind, LINE_STAY);
}

/* What TEXT says of where the function at ADDRESS is. */
static bool find_movement(const char *text, const char *address, struct line *ret) {
        for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
                if (parse_line(line, ret) >= 0 && is_movement(ret) && streq(ret->address, address))
                        return true;

        return false;
}

static int word_movement(const char *address, const char *now, const char *before, struct failure *failure) {
        struct line is, was;

        if (!find_movement(before, address, &was))
                return fail(failure, FAILURE_STATE_CHANGED,
                            "Since the plan was made, %s has become part of what is to be moved: plan again",
                            address);
        if (!find_movement(now, address, &is))
                return fail(failure, FAILURE_STATE_CHANGED,
                            "Since the plan was made, %s is no longer part of what is to be moved: plan again",
                            address);
        if (is.identity != was.identity)
                return fail(failure, FAILURE_STATE_CHANGED,
                            "Since the plan was made, another device has come to %s: plan again", address);
        if (!streq(is.word, was.word))
                return fail(failure, FAILURE_STATE_CHANGED,
                            "Since the plan was made, %s has changed its driver from %s to %s: plan again",
                            address, was.word, is.word);

        return fail(failure, FAILURE_STATE_CHANGED,
                    "Since the plan was made, the target of %s or its driver override has changed: plan again",
                    address);
}

static int word_difference(const char *text, const char *now, const char *before, bool is_new,
                           struct failure *failure) {
        struct line line;

        if (parse_line(text, &line) < 0)
                return fail_internal(failure, -EINVAL);

        if (streq(line.kind, LINE_FINDING))
                return fail(failure, FAILURE_STATE_CHANGED,
                            is_new ? "Since the plan was made, %s is found to be in use otherwise (%s): plan again"
                                   : "Since the plan was made, %s is no longer in use as it was (%s): plan again",
                            line.address, line.word);
        if (streq(line.kind, LINE_STEP))
                return fail(failure, FAILURE_STATE_CHANGED,
                            "Since the plan was made, the steps for %s have changed (%s): plan again",
                            line.address, line.word);

        return word_movement(line.address, now, before, failure);
}

int plan_check_basis(const struct plan *plan, const char *basis, struct failure *failure) {
        _cleanup_free_ char *now = plan_basis(plan), *line = NULL;

        if (!now)
                return fail_internal(failure, -ENOMEM);
        if (streq(now, basis))
                return 0;

        line = first_missing(now, basis);
        if (line)
                return word_difference(line, now, basis, true, failure);

        line = first_missing(basis, now);
        return line ? word_difference(line, now, basis, false, failure)
                    : fail(failure, FAILURE_STATE_CHANGED,
                           "Since the plan was made, the order of its steps has changed: plan again");
}
