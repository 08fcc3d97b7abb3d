/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What moved, as every answer and signal tells it. */

#include <systemd/sd-bus.h>

#include "service/move/plan.h"

/* Appends an array a(sss) to MESSAGE: for each function of PLAN its address, its old and its present driver. NULL: nothing moved. */
int append_moves(sd_bus_message *message, const struct model *model, const struct plan *plan);
