/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A command that runs in the place of this process as far as anybody can tell: in its process group, so with
 * its terminal; with the signals that are sent to it; and what comes of the command is what comes of it. */

#include <signal.h>
#include <systemd/sd-event.h>

#include "failure.h"

typedef struct Launch {
        pid_t pid;
        sigset_t mask;           /* signals that were blocked before */
        sighandler_t on_orphans; /* what SIGCHLD did before */
        Status status;           /* once it has ended: its own, or one that says how it came to that */
} Launch;

/* Starts `command`, a list that ends with NULL, and ends `loop` when it has ended. Descriptors that close on
 * exec are not for it. Until launch_finish() this process does not die of what the terminal sends to both
 * (Ctrl+C, Ctrl+\, a hang-up), and what somebody sends to this process alone goes to the command. A command
 * that cannot be run is told on standard error and has ended with the status for that. Fails only for want
 * of resources, and then the command has not been started. */
int launch_start(Launch *launch, sd_event *loop, char *const *command, const Terminal *terminal);

/* Signals do again what they did before. */
void launch_finish(Launch *launch);
