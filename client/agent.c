/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal's polkit agent. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent.h"
#include "cleanup.h"

static void run_agent(pid_t parent, int ready) {
        int descriptor = dup(ready); /* the duplicate stays open across the exec */
        char number[16];

        if (descriptor < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                return;

        snprintf(number, sizeof(number), "%d", descriptor);
        /* --fallback: an agent that the session has already, a graphical one for example, goes first. */
        execlp("pkttyagent", "pkttyagent", "--notify-fd", number, "--fallback", NULL);
}

int agent_open(Agent *agent) {
        _cleanup_close_ int ready = -1;
        pid_t parent = getpid(), pid;
        int pipes[2];

        if (pipe2(pipes, O_CLOEXEC) < 0)
                return -errno;
        ready = pipes[0];

        pid = fork();
        if (pid == 0) {
                run_agent(parent, pipes[1]);
                _exit(EXIT_FAILURE);
        }
        close(pipes[1]);
        if (pid < 0)
                return -errno;
        agent->pid = pid;

        /* It closes its end when polkit knows it, or when it ends. */
        while (poll(&(struct pollfd){ .fd = ready }, 1, -1) < 0 && errno == EINTR)
                ;
        return 0;
}

void agent_close(Agent *agent) {
        if (agent->pid <= 0)
                return;

        kill(agent->pid, SIGTERM);
        kill(agent->pid, SIGCONT);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
