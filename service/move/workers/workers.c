/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Keeping idle workers, for a moment. */

#include <errno.h>
#include <stdlib.h>

#include "service/host/array.h"
#include "service/host/macros.h"
#include "service/move/workers/workers.h"

/* How many wait at the most: one for whoever asks, and one for the observer, who looks at the same time. */
#define WAITING_MAX 2

/* How long they wait, in microseconds: longer than a move takes from one need of a worker to the next, and
 * than a program takes between two calls. An idle host has no worker. */
#define WAITING_USEC (300 * 1000ULL)

/* A worker that was dismissed in its sleep. */
struct sleeper {
        struct pci_address address; /* of the function */
        struct worker_identity identity;
};

struct workers {
        sd_event *event;
        const char *program;
        sd_event_source *timer;
        struct worker *waiting[WAITING_MAX];
        size_t n_waiting;
        struct sleeper *sleepers;
        size_t n_sleepers;
};

static void dismiss_waiting(struct workers *workers) {
        while (workers->n_waiting > 0)
                worker_dismiss(workers->waiting[--workers->n_waiting]);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        dismiss_waiting(userdata);
        return 0;
}

int workers_new(sd_event *event, const char *program, struct workers **ret) {
        struct workers *workers = malloc(sizeof(*workers));
        int r;

        if (!workers)
                return -ENOMEM;
        *workers = (struct workers){ .event = event, .program = program };

        r = sd_event_add_time_relative(event, &workers->timer, CLOCK_MONOTONIC, WAITING_USEC, 0, on_timer,
                                       workers);
        if (r < 0) {
                workers_free(workers);
                return r;
        }

        *ret = workers;
        return 0;
}

struct workers *workers_free(struct workers *workers) {
        if (!workers)
                return NULL;

        dismiss_waiting(workers);
        sd_event_source_disable_unref(workers->timer);
        free(workers->sleepers);
        free(workers);
        return NULL;
}

int workers_take(struct workers *workers, worker_report_t report, void *userdata, struct worker **ret) {
        while (workers->n_waiting > 0) {
                struct worker *worker = workers->waiting[--workers->n_waiting];

                if (worker_is_idle(worker)) {
                        worker_set_report(worker, report, userdata);
                        *ret = worker;
                        return 0;
                }
                worker_dismiss(worker);
        }

        return worker_start(workers->event, workers->program, report, userdata, ret);
}

/* One that waits has ended, killed by somebody. */
static void on_end_while_waiting(struct worker *worker, const struct report *report, void *userdata) {
        struct workers *workers = userdata;
        size_t i = 0;

        while (workers->waiting[i] != worker)
                i++;
        workers->waiting[i] = workers->waiting[--workers->n_waiting];
        worker_dismiss(worker);
}

struct worker *workers_give_back(struct workers *workers, struct worker *worker) {
        if (!worker)
                return NULL;

        if (workers->n_waiting >= WAITING_MAX || !worker_is_idle(worker) ||
            sd_event_source_set_time_relative(workers->timer, WAITING_USEC) < 0 ||
            sd_event_source_set_enabled(workers->timer, SD_EVENT_ONESHOT) < 0)
                return worker_dismiss(worker);

        worker_set_report(worker, on_end_while_waiting, workers);
        workers->waiting[workers->n_waiting++] = worker;
        return NULL;
}

int workers_note_asleep(struct workers *workers, const struct worker *worker,
                        const struct pci_address *address) {
        struct sleeper *sleeper = array_append(&workers->sleepers, &workers->n_sleepers, sizeof(*sleeper));

        if (!sleeper)
                return -ENOMEM;

        *sleeper = (struct sleeper){ *address, worker_identity(worker) };
        return 0;
}

static bool is_there(const struct sleeper *sleeper) {
        _cleanup_close_ int fd = worker_identity_open(&sleeper->identity);

        return fd >= 0;
}

bool workers_are_asleep(struct workers *workers, const struct pci_address *address,
                        struct worker_identity *ret) {
        for (size_t i = workers->n_sleepers; i-- > 0;) {
                struct sleeper *sleeper = &workers->sleepers[i];

                if (pci_address_compare(&sleeper->address, address) != 0)
                        continue;
                if (is_there(sleeper)) {
                        *ret = sleeper->identity;
                        return true;
                }
                *sleeper = workers->sleepers[--workers->n_sleepers];
        }

        return false;
}
