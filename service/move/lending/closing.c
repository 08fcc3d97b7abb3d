/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Waiting until functions that are open through VFIO are closed. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "service/host/array.h"
#include "service/host/macros.h"
#include "service/host/root.h"
#include "service/move/lending/closing.h"

/* On a node that functions are opened through. Whoever looks at a group that nobody uses opens and closes it
 * as well: only of one that is in use it counts. */
struct watch {
        struct closing *closing;
        int group;
        bool in_use;
        bool closed;
        sd_event_source *source;
};

struct closing {
        sd_event *event;
        const struct root *root;
        uint64_t again_usec;
        void (*on_stir)(void *userdata);
        void *userdata;

        struct watch **watches;
        size_t n_watches;
        sd_event_source **ends; /* of the programs that were seen */
        size_t n_ends;
        sd_event_source *again;
};

static void forget(struct closing *closing) {
        for (size_t i = 0; i < closing->n_watches; i++) {
                sd_event_source_disable_unref(closing->watches[i]->source);
                free(closing->watches[i]);
        }
        free(TAKE_PTR(closing->watches));
        closing->n_watches = 0;

        for (size_t i = 0; i < closing->n_ends; i++)
                sd_event_source_disable_unref(closing->ends[i]);
        free(TAKE_PTR(closing->ends));
        closing->n_ends = 0;

        closing->again = sd_event_source_disable_unref(closing->again);
}

int closing_new(sd_event *event, const struct root *root, uint64_t again_usec,
                void (*on_stir)(void *userdata), void *userdata, struct closing **ret) {
        struct closing *closing = malloc(sizeof(*closing));

        if (!closing)
                return -ENOMEM;

        *closing = (struct closing){
                .event = event,
                .root = root,
                .again_usec = again_usec,
                .on_stir = on_stir,
                .userdata = userdata,
        };
        *ret = closing;
        return 0;
}

struct closing *closing_free(struct closing *closing) {
        if (closing)
                forget(closing);
        free(closing);
        return NULL;
}

/* The nodes. */

static int on_node(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        struct watch *watch = userdata;

        watch->closed = true;
        if (watch->in_use)
                watch->closing->on_stir(watch->closing->userdata);
        return 0;
}

static int watch_node(struct closing *closing, int group, const char *node) {
        _cleanup_free_ char *path = root_path(closing->root, node);
        _cleanup_free_ struct watch *watch = malloc(sizeof(*watch));
        int r;

        if (!path || !watch)
                return -ENOMEM;
        *watch = (struct watch){ .closing = closing, .group = group };

        /* What cannot be watched, for the user has watches enough, is left to the time. */
        r = sd_event_add_inotify(closing->event, &watch->source, path, IN_CLOSE, on_node, watch);
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        r = array_insert(&closing->watches, &closing->n_watches, 0, watch);
        if (r < 0)
                sd_event_source_disable_unref(watch->source);
        else
                watch = NULL;
        return r;
}

/* As long as a guest has one of its devices, it has the group or the device's own node open, even where it
 * has closed the descriptor (vfio_device_open() in drivers/vfio/vfio_main.c). */
int closing_watch(struct closing *closing, struct function *const *functions, size_t n) {
        static const char *const prefixes[] = { "", "noiommu-" };
        int r = 0;

        forget(closing);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const struct function *f = functions[i];

                for (size_t j = 0; r >= 0 && f->group >= 0 && j < ELEMENTSOF(prefixes); j++) {
                        char node[64];

                        snprintf(node, sizeof(node), "/dev/vfio/%s%d", prefixes[j], f->group);
                        r = watch_node(closing, f->group, node);
                }
                if (r >= 0 && *f->vfio_node)
                        r = watch_node(closing, f->group, f->vfio_node);
        }

        return r;
}

/* The programs, and the time. */

static int on_end(sd_event_source *source, int descriptor, uint32_t events, void *userdata) {
        struct closing *closing = userdata;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        closing->on_stir(closing->userdata);
        return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        struct closing *closing = userdata;

        closing->on_stir(closing->userdata);
        return 0;
}

/* Whether it has ended already. Where it cannot be watched there is the time. */
static bool await_end(struct closing *closing, pid_t pid) {
        sd_event_source *source = NULL;
        int fd;

        fd = pidfd_open(pid, 0);
        if (fd < 0)
                return errno == ESRCH;
        if (sd_event_add_io(closing->event, &source, fd, EPOLLIN, on_end, closing) < 0) {
                close(fd);
                return false;
        }

        (void) sd_event_source_set_io_fd_own(source, true);
        if (array_insert(&closing->ends, &closing->n_ends, closing->n_ends, source) < 0)
                sd_event_source_disable_unref(source);
        return false;
}

/* A program in a mount namespace of its own, as libvirt's machines and those in containers are, opens nodes
 * of its own, and no watch on ours tells that these are closed. Its end is seen at once; that it has let go
 * of them and lives on, only by looking. */
void closing_look_again(struct closing *closing) {
        if (!closing->again)
                (void) sd_event_add_time_relative(closing->event, &closing->again, CLOCK_MONOTONIC,
                                                  closing->again_usec, 0, on_again, closing);
}

bool closing_await(struct closing *closing, const struct function *f, const char *pid) {
        bool ended = *pid && await_end(closing, (pid_t) strtol(pid, NULL, 10));

        for (size_t i = 0; i < closing->n_watches; i++) {
                struct watch *watch = closing->watches[i];

                if (watch->group == f->group) {
                        watch->in_use = true;
                        ended |= watch->closed;
                }
        }

        closing_look_again(closing);
        return ended;
}
