/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What polkit is asked about a plan: one check for each function and action, with the details that a rule
 * can look up. Details are taken from the kernel and from the PCI id database: nothing that a caller or a
 * plugged-in device can word. */

#include "service/host/model.h"
#include "service/move/plan/plan.h"

/* The ids of actions begin with this. */
#define POLKIT_ACTION_PREFIX "org.vfiobind."

struct check {
        char *action;   /* owned; the id of the action */
        char **details; /* owned; keys and values in turn, NULL at the end */
};

/* Zero-initialized: none. */
struct checks {
        struct check *array;
        size_t n;
};

/* The checks that carrying out PLAN needs, in the order of its permissions. The caller clears them with
 * checks_clear(). */
int checks_from_plan(const struct model *model, const struct plan *plan, struct checks *ret);

/* The one check that stands for several where a person is to be asked: `together`, with the devices, actions
 * and findings of all, and with what the person allows in words. */
int checks_combine(const struct checks *checks, struct checks *ret);

/* Whether both ask the same: actions and details, one by one. */
bool checks_equal(const struct checks *a, const struct checks *b);

/* The value of the detail KEY, "" if CHECK has none. */
const char *check_detail(const struct check *check, const char *key);

void checks_clear(struct checks *checks);

#define _cleanup_checks_ _cleanup_(checks_clear)
