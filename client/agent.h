/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The terminal's polkit agent, which asks for a password where no graphical session does: pkttyagent, for as
 * long as a request is open that polkit may want one for. */

#include <sys/types.h>

typedef struct Agent {
        pid_t pid; /* 0: none */
} Agent;

/* Starts the agent for this process and waits until polkit knows it. Without pkttyagent nothing happens:
 * then polkit has nobody to ask. Fails only for want of resources. */
int agent_open(Agent *agent);

/* Ends it; does nothing if there is none. */
void agent_close(Agent *agent);

static inline void cleanup_agent(Agent *agent) {
        agent_close(agent);
}

#define _cleanup_agent_ __attribute__((cleanup(cleanup_agent)))
