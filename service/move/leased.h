/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What leases say about a move. */

#include "service/move/leases.h"
#include "service/usage/finding.h"

/* Adds to FINDINGS what stands in the way of HOLDER, who may be nobody, NULL, in moving FUNCTIONS: the
 * leases of others, and virtual functions of theirs that are leased, by whomsoever. */
int leased_find(const struct leases *leases, const struct model *model, struct function *const *functions,
                size_t n, const struct holder *holder, struct findings *findings);
