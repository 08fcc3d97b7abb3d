/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Watching processes that are not our children. */

#include <errno.h>

#include "service/host/macros.h"
#include "service/move/await.h"

struct awaited {
        int *pidfds;
        sd_event_source **sources;
        size_t n, n_left;
        void (*ended)(void *userdata);
        void *userdata;
};

struct awaited *awaited_free(struct awaited *awaited) {
        if (!awaited)
                return NULL;

        for (size_t i = 0; i < awaited->n; i++) {
                sd_event_source_disable_unref(awaited->sources[i]);
                close(awaited->pidfds[i]);
        }
        free(awaited->sources);
        free(awaited->pidfds);
        free(awaited);
        return NULL;
}

static void awaited_freep(struct awaited **awaited) {
        awaited_free(*awaited);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct awaited *awaited = userdata;

        sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (--awaited->n_left == 0)
                awaited->ended(awaited->userdata);
        return 0;
}

static int add(struct awaited *awaited, sd_event *event, const struct worker_identity *worker) {
        int pidfd, r;

        pidfd = worker_identity_open(worker);
        if (pidfd < 0)
                return pidfd == -ESRCH ? 0 : pidfd;

        r = sd_event_add_io(event, &awaited->sources[awaited->n], pidfd, EPOLLIN, on_end, awaited);
        if (r < 0) {
                close(pidfd);
                return r;
        }

        awaited->pidfds[awaited->n++] = pidfd;
        awaited->n_left++;
        return 0;
}

int await_workers(sd_event *event, const struct worker_identity *workers, size_t n,
                  void (*ended)(void *userdata), void *userdata, struct awaited **ret) {
        _cleanup_(awaited_freep) struct awaited *awaited = calloc(1, sizeof(*awaited));
        int r;

        if (!awaited)
                return -ENOMEM;
        awaited->ended = ended;
        awaited->userdata = userdata;
        awaited->pidfds = calloc(n + 1, sizeof(*awaited->pidfds));
        awaited->sources = calloc(n + 1, sizeof(sd_event_source *));
        if (!awaited->pidfds || !awaited->sources)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                r = add(awaited, event, &workers[i]);
                if (r < 0)
                        return r;
        }

        *ret = awaited->n > 0 ? TAKE_PTR(awaited) : NULL;
        return 0;
}
