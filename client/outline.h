/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A plan in words: the steps as numbered sentences, what was found with a mark by severity, and what to do
 * next. */

#include "client.h"

/* Writes the whole plan to standard output. `plan` is the answer to Plan() as --json shows it, `target` what
 * was asked for. -ENOMEM. */
int outline_print(const Client *client, json_object *plan, const char *target);

/* Writes what was found to standard error, below the error line with `message`, which may have told it all;
 * and the command that goes on anyway, if one does. -ENOMEM. */
int outline_print_refusal(const Client *client, json_object *plan, const char *target, const char *message);
