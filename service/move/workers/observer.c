/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The observer: looks in the background, one observation after the other. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/workers/observe-rooms.h"
#include "service/move/workers/observer.h"

/* How long the observer waits for one function before it passes over it, in microseconds. A look takes some
 * ten. */
#define PATIENCE_USEC (250 * 1000ULL)

/* It waits twice as long each time that was too little, up to this, until something has answered: on a slow
 * host a worker may take longer to start than it should to look. */
#define PATIENCE_MAX_USEC (4 * 1000 * 1000ULL)

/* A function that was passed over, until whoever looks at it comes back. */
struct passed {
        struct passed *next;
        struct observer *observer;
        struct target_of_look target;
        int pidfd;
        sd_event_source *source;
};

struct observer {
        sd_event *event;
        struct model *model;
        struct workers *workers;
        struct target_of_look *waiting;
        size_t n_waiting;
        struct passed *passed;
        struct observation *current;
        uint64_t patience_usec;
        sd_event_source *soon; /* starts the next observation when the event loop comes round, so that crowds
                                  go together */
        void (*idle)(void *userdata);
        void *userdata;
};

static void on_observed(int error, const struct pci_address *stuck, void *userdata);

/* Looks at everything that waits. */
static int go_on(struct observer *observer) {
        struct target_of_look *targets = TAKE_PTR(observer->waiting);
        size_t n = observer->n_waiting;

        observer->n_waiting = 0;
        return observation_start_targets(observer->event, observer->model, observer->workers, targets, n,
                                         observer->patience_usec, on_observed, observer, &observer->current);
}

static int wait_again(struct observer *observer, const struct target_of_look *target) {
        struct target_of_look *slot = array_append(&observer->waiting, &observer->n_waiting, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = *target;
        return 0;
}

static void passed_free(struct passed *passed) {
        struct passed **link = &passed->observer->passed;

        while (*link != passed)
                link = &(*link)->next;
        *link = passed->next;

        sd_event_source_disable_unref(passed->source);
        closep(&passed->pidfd);
        free(passed);
}

/* The kernel has let the worker go: the function can be looked at. */
static int on_return(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct passed *passed = userdata;
        struct observer *observer = passed->observer;
        int r = wait_again(observer, &passed->target);

        passed_free(passed);
        return r < 0 ? 0 : sd_event_source_set_enabled(observer->soon, SD_EVENT_ONESHOT);
}

static void pass_over(struct observer *observer, const struct target_of_look *target,
                      const struct worker_identity *lost) {
        struct passed *passed = malloc(sizeof(*passed));

        if (!passed)
                return;
        *passed = (struct passed){
                .next = observer->passed, .observer = observer, .target = *target, .pidfd = -EBADF
        };
        observer->passed = passed;

        passed->pidfd = worker_identity_open(lost);
        /* It has come back already: the host is only slow. */
        if (passed->pidfd == -ESRCH)
                (void) wait_again(observer, target);
        if (passed->pidfd < 0 ||
            sd_event_add_io(observer->event, &passed->source, passed->pidfd, EPOLLIN, on_return, passed) < 0)
                passed_free(passed);
}

static void tell_idle(struct observer *observer) {
        if (observer->idle)
                observer->idle(observer->userdata);
}

static void on_observed(int error, const struct pci_address *stuck, void *userdata) {
        struct observer *observer = userdata;
        struct observation *seen = TAKE_PTR(observer->current);

        if (stuck)
                pass_over(observer, &seen->targets[seen->n_seen], &seen->lost);
        if (seen->n_seen > 0)
                observer->patience_usec = PATIENCE_USEC;
        else if (observer->patience_usec < PATIENCE_MAX_USEC)
                observer->patience_usec *= 2;

        for (size_t i = seen->n_seen + 1; i < seen->n_targets; i++)
                if (wait_again(observer, &seen->targets[i]) < 0)
                        break;
        observation_free(seen);

        if (observer->n_waiting == 0 || go_on(observer) < 0)
                tell_idle(observer);
}

static int on_soon(sd_event_source *source, void *userdata) {
        struct observer *observer = userdata;

        if (!observer->current && (observer->n_waiting == 0 || go_on(observer) < 0))
                tell_idle(observer);
        return 0;
}

int observer_new(sd_event *event, struct model *model, struct workers *workers, void (*idle)(void *userdata),
                 void *userdata, struct observer **ret) {
        struct observer *observer = malloc(sizeof(*observer));
        int r;

        if (!observer)
                return -ENOMEM;

        *observer = (struct observer){
                .event = event,
                .model = model,
                .workers = workers,
                .patience_usec = PATIENCE_USEC,
                .idle = idle,
                .userdata = userdata,
        };

        r = sd_event_add_defer(event, &observer->soon, on_soon, observer);
        if (r >= 0)
                r = sd_event_source_set_enabled(observer->soon, SD_EVENT_OFF);
        if (r < 0) {
                observer_free(observer);
                return r;
        }

        *ret = observer;
        return 0;
}

struct observer *observer_free(struct observer *observer) {
        if (!observer)
                return NULL;

        sd_event_source_disable_unref(observer->soon);
        observation_free(observer->current);
        while (observer->passed)
                passed_free(observer->passed);
        free(observer->waiting);
        free(observer);
        return NULL;
}

static bool waits_last(const struct observer *observer, const struct pci_address *address) {
        return observer->n_waiting > 0 &&
               pci_address_compare(&observer->waiting[observer->n_waiting - 1].address, address) == 0;
}

int observer_add(struct observer *observer, const struct function *f) {
        const struct target_of_look target = { f->address, f->identity };

        /* Whoever moves it looks at it; and events of one function come in rows. */
        if (!f->moving && !waits_last(observer, &f->address)) {
                int r = wait_again(observer, &target);

                if (r < 0)
                        return r;
        }

        return sd_event_source_set_enabled(observer->soon, SD_EVENT_ONESHOT);
}
