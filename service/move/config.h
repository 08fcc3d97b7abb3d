/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The configuration file: what an administrator may set, and the defaults. */

#include <stdbool.h>
#include <stdint.h>

struct config {
        char default_backend[16]; /* "auto" or a backend's name */
        uint64_t limit_usec;      /* OperationTimeoutSec */
        bool reset_after_lease;   /* ResetAfterLease */
};

/* Sets the defaults. */
void config_init(struct config *config);

/* Reads the file at PATH over what CONFIG holds. A line that cannot be understood is passed over, and its
 * number is the answer (the first, where there are several); 0 for a good file or none at all; a negative
 * errno for one that cannot be read. */
int config_read(struct config *config, const char *path);

/* Parses a time span as systemd.time(7) has it: "20s", "500ms", "1min 30s"; a number alone counts seconds.
 * Returns 0 or -EINVAL. */
int time_span_parse(const char *text, uint64_t *ret_usec);
