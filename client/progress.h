/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A call that may take long, with a word to the person who waits. */

#include <systemd/sd-bus.h>

/* Calls as sd_bus_call() does, without a time-out of its own where `message` allows interaction. When there
 * is no answer after half a second and `words` is not NULL, it says them on standard error, but not while
 * somebody types a password at the terminal. */
int progress_call(sd_bus *bus, sd_bus_message *message, const char *words, sd_bus_error *ret_error,
                  sd_bus_message **ret_reply);
