/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What moved, as every answer and signal tells it. */

#include "dbus/service.h"

/* Appends an array a(sss) to MESSAGE: for each function that PLAN moves, and with ALL for those as well that
 * it holds where they are, its address, its old and its present driver. NULL: nothing moved. */
int append_moves(sd_bus_message *message, const struct model *model, const struct plan *plan, bool all);

/* Removes the object of operation ID and signals OperationFinished, with what PLAN has moved unless FAILURE
 * says that it has not. */
void emit_operation_finished(struct service *service, uint32_t id, uint32_t uid,
                             const struct failure *failure, const struct plan *plan);
