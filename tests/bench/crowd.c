/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A crowd of sleeping processes with ten descriptors each, as they are on a host with many services: files, a pipe, a
 * socket, /dev/null. Says "ready" when all are there, and ends with its standard input. The first of them has NODE
 * open as well.
 *
 *   bench-crowd COUNT NODE / */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS 10

static void sleep_for_good(void) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
                pause();
}

int main(int argc, char *argv[]) {
        static const char *const files[] = { "/dev/null", "/etc/passwd", "/etc/hosts" };
        int pipe_ends[2], sockets[2], n = STDERR_FILENO + 1;
        char byte;

        if (argc != 3 || pipe(pipe_ends) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
                return EXIT_FAILURE;
        for (n += 4; n < DESCRIPTORS; n++)
                if (open(files[n % 3], O_RDONLY) < 0)
                        return EXIT_FAILURE;

        for (int i = 0; i < atoi(argv[1]); i++) {
                pid_t pid = fork();

                if (pid < 0)
                        return EXIT_FAILURE;
                if (pid > 0)
                        continue;

                if (i == 0 && open(argv[2], O_RDONLY) < 0)
                        return EXIT_FAILURE;
                sleep_for_good();
        }

        puts("ready");
        fflush(stdout);
        return read(STDIN_FILENO, &byte, 1) < 0;
}
