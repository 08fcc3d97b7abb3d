/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command that runs in the place of this process. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "launch.h"

/* What people send to a program that they want to end, to reload or to report. */
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

#define N_SIGNALS ELEMENTSOF(signals)

/* What the kernel sends because of a key or a hang-up went to the whole process group. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        const Launch *launch = userdata;

        if (info->ssi_code != SI_KERNEL)
                kill(launch->pid, (int) info->ssi_signo);
        return 0;
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *userdata) {
        Launch *launch = userdata;

        launch->status = (Status) info->si_status;
        if (info->si_code != CLD_EXITED)
                launch->status += STATUS_SIGNALLED;
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int block_signals(sigset_t *ret_before) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        for (size_t i = 0; i < N_SIGNALS; i++)
                sigaddset(&set, signals[i]);
        return sigprocmask(SIG_BLOCK, &set, ret_before) < 0 ? -errno : 0;
}

/* It waits for the word to go, which comes when its end can be seen; or for the end of whoever would give
 * it. */
__attribute__((noreturn)) static void execute(const Launch *launch, int gate, char *const *command,
                                              const Terminal *terminal) {
        _cleanup_free_ char *sentence = NULL;
        char word;
        int r;

        if (read(gate, &word, sizeof(word)) != sizeof(word))
                _exit(STATUS_NOT_STARTED);

        signal(SIGCHLD, launch->on_orphans);
        sigprocmask(SIG_SETMASK, &launch->mask, NULL);
        execvp(command[0], command);
        r = errno;

        if (asprintf(&sentence, "Cannot run '%s': %s", command[0], strerror(r)) < 0)
                sentence = NULL;
        failure_print(terminal, sentence ?: "Out of memory", NULL);
        _exit(r == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static int watch(Launch *launch, sd_event *loop) {
        int r;

        r = sd_event_add_child(loop, NULL, launch->pid, WEXITED, on_end, launch);
        for (size_t i = 0; r >= 0 && i < N_SIGNALS; i++)
                r = sd_event_add_signal(loop, NULL, signals[i], on_signal, launch);
        return r;
}

int launch_start(Launch *launch, sd_event *loop, char *const *command, const Terminal *terminal) {
        _cleanup_close_ int gate = -1, word = -1;
        int pipes[2], r;

        r = block_signals(&launch->mask);
        if (r < 0)
                return r;
        if (pipe2(pipes, O_CLOEXEC) < 0)
                return -errno;
        gate = pipes[0];
        word = pipes[1];

        /* Where the children of a process that ignores it end, nobody learns how. */
        launch->on_orphans = signal(SIGCHLD, SIG_DFL);
        launch->pid = fork();
        if (launch->pid < 0)
                return -errno;
        if (launch->pid == 0) {
                close(word);
                execute(launch, gate, command, terminal);
        }

        /* A reader of standard error that goes away is no reason to give up what the command works with. */
        signal(SIGPIPE, SIG_IGN);

        r = watch(launch, loop);
        if (r >= 0 && write(word, "", 1) < 0)
                r = -errno;
        return r;
}

void launch_finish(Launch *launch) {
        sigprocmask(SIG_SETMASK, &launch->mask, NULL);
}
