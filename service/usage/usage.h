/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who uses a function: asks everything in this folder. */

#include "service/host/function.h"
#include "service/usage/finding.h"

/* The functions that are looked at together, so that one pass serves them all. */
struct usage_query {
        const struct root *root;
        struct function *const *functions;
        size_t n_functions;
};

/* Adds what is found about any of the functions. This may block, opens the nodes of VFIO groups and starts
 * threads for the while, so it is for the worker, which has the capabilities that it takes (CAP_SYS_PTRACE,
 * CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE). Returns 0, or a negative errno where something could not be looked
 * at: then nobody may conclude that a function is idle, and nothing is added. */
int usage_look(const struct usage_query *query, struct findings *findings);
