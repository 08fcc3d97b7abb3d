/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Carrying out one step: one write, and one look whether it came true. This runs in the worker, where it may
 * sleep for as long as the kernel likes. */

#include "service/host/root.h"
#include "service/move/steps/step.h"
#include "service/usage/finding.h"

struct performer;

/* Returns NULL where memory is short. ROOT must outlive it. When BREAK_FD hangs up, nobody wants
 * anything any more: nothing is begun or written after that (-ECANCELED), and what is waited for besides the
 * kernel is given up. */
struct performer *performer_new(const struct root *root, int break_fd);
struct performer *performer_free(struct performer *performer);

/* What the last survey has found, until the next order is performed. */
const struct findings *performer_findings(const struct performer *performer);

/* Hands out what the last order has opened, which the caller closes; negative: nothing. */
int performer_take_descriptor(struct performer *performer);

/* Does what ORDER says and fills REPORT. */
void perform(struct performer *performer, const struct order *order, struct report *report);
