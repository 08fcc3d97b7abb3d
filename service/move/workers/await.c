/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Watching processes that are not our children. */

#include <errno.h>

#include "service/host/macros.h"
#include "service/move/workers/await.h"

struct awaited {
        struct watched *watched;
        size_t n, n_left;
        void (*ended)(void *userdata);
        void *userdata;
};

struct watched {
        struct awaited *awaited;
        struct worker_identity worker;
        sd_event_source *source; /* owns the pidfd; NULL once it has ended */
};

struct awaited *awaited_free(struct awaited *awaited) {
        if (!awaited)
                return NULL;

        for (size_t i = 0; i < awaited->n; i++)
                sd_event_source_disable_unref(awaited->watched[i].source);
        free(awaited->watched);
        free(awaited);
        return NULL;
}

static void awaited_freep(struct awaited **awaited) {
        awaited_free(*awaited);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct watched *watched = userdata;
        struct awaited *awaited = watched->awaited;

        watched->source = sd_event_source_disable_unref(watched->source);
        if (--awaited->n_left == 0)
                awaited->ended(awaited->userdata);
        return 0;
}

static int add(struct awaited *awaited, sd_event *event, const struct worker_identity *worker) {
        struct watched *watched = &awaited->watched[awaited->n];
        int pidfd, r;

        pidfd = worker_identity_open(worker);
        if (pidfd < 0)
                return pidfd == -ESRCH ? 0 : pidfd;

        *watched = (struct watched){ .awaited = awaited, .worker = *worker };
        r = sd_event_add_io(event, &watched->source, pidfd, EPOLLIN, on_end, watched);
        if (r < 0) {
                close(pidfd);
                return r;
        }

        (void) sd_event_source_set_io_fd_own(watched->source, true);
        awaited->n++;
        awaited->n_left++;
        return 0;
}

const struct worker_identity *awaited_worker(const struct awaited *awaited) {
        size_t i = 0;

        while (!awaited->watched[i].source)
                i++;
        return &awaited->watched[i].worker;
}

int await_workers(sd_event *event, const struct worker_identity *workers, size_t n,
                  void (*ended)(void *userdata), void *userdata, struct awaited **ret) {
        _cleanup_(awaited_freep) struct awaited *awaited = calloc(1, sizeof(*awaited));
        int r;

        if (!awaited)
                return -ENOMEM;
        awaited->ended = ended;
        awaited->userdata = userdata;
        awaited->watched = calloc(n + 1, sizeof(*awaited->watched));
        if (!awaited->watched)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                r = add(awaited, event, &workers[i]);
                if (r < 0)
                        return r;
        }

        *ret = awaited->n > 0 ? TAKE_PTR(awaited) : NULL;
        return 0;
}
