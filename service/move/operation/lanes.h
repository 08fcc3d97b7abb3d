/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The lanes that a plan is carried out on. */

#include "service/move/operation/lane.h"

/* Makes the lanes of CONTEXT's plan, with their steps and movements: the first is that of the modules, which
 * the others need; then one for each IOMMU group, and for each function without one. The caller frees them
 * with lanes_free(). */
int lanes_new(const struct lane_context *context, struct lane ***ret, size_t *ret_n);
void lanes_free(struct lane **lanes, size_t n);

/* Of a variant of VFIO only the module's name was known when PLAN was made. Now that it is loaded it tells
 * its driver's, which the plan and the lanes' steps bear from here on. */
void lanes_name_drivers(struct plan *plan, const struct model *model, struct lane **lanes, size_t n);
