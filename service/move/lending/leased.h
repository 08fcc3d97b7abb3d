/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What leases say about a move. */

#include "service/move/lending/leases.h"
#include "service/usage/finding.h"

/* Adds to FINDINGS what stands in the way of whoever has made REQUEST, for FUNCTIONS, to which that comes:
 * the leases of others; virtual functions of theirs that are leased, by whomsoever; and with ACCESS, or
 * where a function is to be opened, what other users have leased of the same groups. */
int leased_find(const struct leases *leases, const struct model *model, struct function *const *functions,
                size_t n, const struct request *request, struct findings *findings);
