/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Failures as D-Bus errors. */

#include <systemd/sd-bus.h>

#include "service/host/failure.h"

/* The error name that stands for a kind. */
const char *error_name(enum failure_kind kind);

/* The message as everybody may hear it, with its full stop. The caller frees it; NULL where memory is short.
 */
char *error_message_for_all(const struct failure *failure);

/* Answers the call MESSAGE with the failure. */
int reply_failure(sd_bus_message *message, const struct failure *failure);

/* Fills ERROR, and returns what a method handler returns then. */
int set_error(sd_bus_error *error, const struct failure *failure);
