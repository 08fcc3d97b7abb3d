/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simhost TOPOLOGY STANDARD-DIRECTORY MOUNT-POINT SOCKET: serves the simulated host until it is killed. Run
 * as the first process of a PID namespace it also reaps. "simhost TOPOLOGY STANDARD-DIRECTORY" lists the
 * modules that the topology has.
 */

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pci.h"

static void init(struct sim *s, const char *topology, const char *standard) {
        pthread_condattr_t attributes;
        _cleanup_free_ char *copy = must_dup(topology);

        pthread_mutex_init(&s->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&s->changed, &attributes);

        s->directory = must_dup(dirname(copy));
        s->standard = standard;
        s->uevent_fd = -1;
        s->iommu = s->autoprobe = true;
        /* A number that no driver of the real kernel has, so that opening a node answers ENXIO. */
        s->node_major = 511;
        tree_init(&s->tree);
        bus_init(s);
        s->devices = tree_permanent(&s->tree, "devices");
        s->groups_dir = tree_permanent(&s->tree, "kernel/iommu_groups");
        s->modules_dir = tree_permanent(&s->tree, "module");
        tree_permanent(&s->tree, "class");
        tree_permanent(&s->tree, "dev/block");
        tree_permanent(&s->tree, "dev/char");
        tree_permanent(&s->tree, "devices/virtual");
        tree_permanent(&s->tree, "fs/cgroup");
}

/* Everything is plugged in; now the drivers are there, and take what they can. */
static void start(struct sim *s) {
        if (s->iommu) {
                struct node *parent = tree_permanent(&s->tree, "devices/virtual/iommu"), *unit;

                unit = class_device_add(s, parent, "iommu", "dmar0", NULL, 0, 0, 0);
                tree_directory(&s->tree, unit, "devices");
        }
        for (struct module *m = s->modules; m; m = m->next)
                module_start(s, m);
        for (struct driver *d = s->drivers; d; d = d->next)
                if (!d->module)
                        driver_register(s, d);
        for (struct function *f = s->functions; f; f = f->next)
                function_hand_out(s, f);
        s->started = true;
}

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 64) < 0)
                return -errno;
        return fd;
}

static void reap_thread(struct sim *s, void *data) {
        sigset_t set;
        int signal;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        while (sigwait(&set, &signal) == 0)
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        ;
}

static void block_signals(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigaddset(&set, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
}

struct readiness {
        struct sim *sim;
        int listener;
};

static void ready(void *data) {
        const struct readiness *r = data;

        control_serve(r->sim, r->listener);
        puts("ready");
        fclose(stdout);
}

int main(int argc, char **argv) {
        struct sim s = {};
        struct readiness readiness = { .sim = &s };
        _cleanup_free_ char *error = NULL;
        int r;

        if (argc != 3 && argc != 5) {
                fprintf(stderr, "usage: %s TOPOLOGY STANDARD-DIRECTORY [MOUNT-POINT SOCKET]\n", argv[0]);
                return EXIT_FAILURE;
        }
        block_signals();
        init(&s, argv[1], argv[2]);
        r = topology_file(&s, argv[1], &error);
        if (r < 0) {
                fprintf(stderr, "%s\n", error);
                return EXIT_FAILURE;
        }
        if (argc == 3) {
                module_dump(&s, stdout);
                return EXIT_SUCCESS;
        }

        readiness.listener = listen_at(argv[4]);
        r = readiness.listener < 0 ? readiness.listener : uevent_open(&s);
        if (r < 0) {
                fprintf(stderr, "cannot start: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        start(&s);
        if (getpid() == 1)
                sim_thread(&s, reap_thread, NULL);
        return fs_serve(&s, argv[3], ready, &readiness) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
