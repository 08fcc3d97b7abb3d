/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The dry run: what a move would do, what stands in its way, and how to carry it out. */

#include "client.h"

/* Shows the plan that moves what the operands name to `target`, as text or JSON. The exit status, which is
 * STATUS_DONE as well where something stands in the way. */
Status plan_show(Client *client, const char *target);

/* Below the line with `message`, why a move to `target` was refused: writes to standard error what stands in
 * the way, and the command that would go on anyway if there is one. Nothing where that cannot be told. */
void plan_explain_refusal(Client *client, const char *target, const char *message);
