/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What moved and what is gone, as every answer and signal tells it. */

#include "dbus/service.h"

/* Appends an array a(sss) to MESSAGE: for each function that PLAN moves, and with ALL for those as well that
 * it holds where they are, its address, its old and its present driver. NULL: nothing moved. */
int append_moves(sd_bus_message *message, const struct model *model, const struct plan *plan, bool all);

/* Signals that the object at PATH, whose interface was INTERFACE, is no longer there. */
void emit_object_gone(struct service *service, const char *path, const char *interface);

/* Removes the object of operation ID and signals OperationFinished, with what PLAN has moved unless FAILURE
 * says that it has not. */
void emit_operation_finished(struct service *service, uint32_t id, uint32_t uid,
                             const struct failure *failure, const struct plan *plan);
