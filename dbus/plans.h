/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A plan in a message, as the method Plan answers with it. */

#include <systemd/sd-bus.h>

#include "service/move/plan/plan.h"

/* Appends TOKEN, steps, findings as VIEWER may read them, and the polkit actions: sa(sss)a(sssss)as. */
int append_plan(sd_bus_message *message, const char *token, const struct plan *plan, struct viewer *viewer);
