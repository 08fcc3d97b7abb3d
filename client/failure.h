/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How the client ends, and what it says where that is not well: one line on standard error, with what to do
 * next where there is something to do. */

#include <systemd/sd-bus.h>

#include "terminal.h"

typedef enum Status {
        STATUS_DONE = 0,
        STATUS_FAILED = 1,
        STATUS_USAGE = 2,
        STATUS_NOT_AUTHORIZED = 3,
        STATUS_IN_THE_WAY = 4,
        STATUS_NO_SUCH = 5,

        /* Where a command is run, its own exit status takes the place of those above, and as with env(1) */
        STATUS_NOT_STARTED = 125,
        STATUS_NOT_EXECUTABLE = 126,
        STATUS_NOT_FOUND = 127,
        STATUS_SIGNALLED = 128, /* and the number of the signal that has ended it */
} Status;

/* Writes "vfiobindctl: SENTENCE. HINT." to standard error; `hint` may be NULL. */
void failure_print(const Terminal *terminal, const char *sentence, const char *hint);

/* Says why the client could not do `what` ("list the devices"), from the error that the bus answered with
 * or, where that is not set, the negative errno `r`; `actions` names the polkit actions that it takes, or is
 * NULL. Returns the exit status for it. */
Status failure_report(const Terminal *terminal, const char *what, const char *actions,
                      const sd_bus_error *error, int r);

/* Says that there is no connection to the bus of `host` (NULL: this machine) and returns the exit status. */
Status failure_report_connection(const Terminal *terminal, const char *host, int r);
