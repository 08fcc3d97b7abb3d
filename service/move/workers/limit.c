/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is left of the time limit. */

#include "service/move/workers/limit.h"

uint64_t limit_left(const struct config *settings, sd_event *event, uint64_t begun_usec) {
        uint64_t limit = settings->limit_usec, now, spent;

        if (begun_usec == 0 || sd_event_now(event, CLOCK_MONOTONIC, &now) < 0)
                return limit;

        spent = now - begun_usec;
        return spent < limit ? limit - spent : 0;
}
