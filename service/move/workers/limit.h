/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The time from a request to its answer, OperationTimeoutSec: looking, moving and undoing share it. */

#include <systemd/sd-event.h>

#include "service/move/config.h"

/* What is left of it, in microseconds, for whoever has waited since BEGUN_USEC, by CLOCK_MONOTONIC; all of
 * it where that is 0. */
uint64_t limit_left(const struct config *settings, sd_event *event, uint64_t begun_usec);
