/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long output through a pager. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

#include "cleanup.h"
#include "pager.h"

/* A pager can start a shell. Somebody who may run just this program with more rights than his own, by sudo
 * for example, shall not get that: then only less is started, without that ability. As in systemd, it is the
 * owner of the session who counts, and no session at all counts as a stranger's. */
static bool pager_must_be_secure(bool *ret_trust_environment) {
        static const char *const no[] = { "0", "no", "n", "false", "f", "off" };
        const char *value = getenv("SYSTEMD_PAGERSECURE");
        uid_t owner;

        *ret_trust_environment = true;
        for (size_t i = 0; value && i < ELEMENTSOF(no); i++)
                if (strcasecmp(value, no[i]) == 0)
                        return false;
        if (value)
                return true;

        if (sd_pid_get_owner_uid(0, &owner) >= 0 && owner == geteuid())
                return false;

        *ret_trust_environment = false;
        return true;
}

static const char *wanted_pager(void) {
        return getenv("SYSTEMD_PAGER") ?: getenv("PAGER");
}

static void execute_wanted(const char *command) {
        if (strpbrk(command, " \t\n|&;<>()$`\\\"'*?[]#~=%{}"))
                execl("/bin/sh", "sh", "-c", command, NULL);
        else
                execlp(command, command, NULL);
}

/* Last resort: what a pager would show, straight on. */
static void copy(void) {
        char buffer[4096];
        ssize_t n;

        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0)
                for (ssize_t done = 0, k; done < n; done += k) {
                        k = write(STDOUT_FILENO, buffer + done, (size_t) (n - done));
                        if (k < 0)
                                return;
                }
}

static void run_pager(pid_t parent, bool utf8) {
        static const char *const pagers[] = { "pager", "less", "more" };
        const char *wanted = wanted_pager(), *charset = getenv("SYSTEMD_LESSCHARSET");
        bool secure, trusted;

        /* The pager goes with the client, also where that went before the next line. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                return;

        setenv("LESS", getenv("SYSTEMD_LESS") ?: "FRSXMK", true);
        if (charset || utf8)
                setenv("LESSCHARSET", charset ?: "utf-8", true);
        secure = pager_must_be_secure(&trusted);
        if (secure)
                setenv("LESSSECURE", "1", true);
        else
                unsetenv("LESSSECURE");

        if (wanted && trusted)
                execute_wanted(wanted);
        for (size_t i = 0; i < ELEMENTSOF(pagers); i++)
                if (!secure || strcmp(pagers[i], "less") == 0)
                        execlp(pagers[i], pagers[i], NULL);
        copy();
}

void pager_open(Pager *pager, bool utf8) {
        const char *wanted = wanted_pager(), *term = getenv("TERM");
        pid_t parent = getpid(), pid;
        int pipes[2];

        if (pager->pid > 0 || (wanted && (!*wanted || strcmp(wanted, "cat") == 0)))
                return;
        if (!term || strcmp(term, "dumb") == 0)
                return;
        if (pipe2(pipes, O_CLOEXEC) < 0)
                return;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                dup2(pipes[0], STDIN_FILENO);
                close(pipes[1]);
                run_pager(parent, utf8);
                _exit(EXIT_SUCCESS);
        }
        if (pid > 0) {
                pager->pid = pid;
                dup2(pipes[1], STDOUT_FILENO);
                signal(SIGPIPE, SIG_IGN);
                signal(SIGINT, SIG_IGN);
        }
        close(pipes[0]);
        close(pipes[1]);
}

void pager_close(Pager *pager) {
        if (pager->pid <= 0)
                return;

        fflush(stdout);
        close(STDOUT_FILENO);
        while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager->pid = 0;
}
