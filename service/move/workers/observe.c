/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Observations: orders to look, sent ahead in a window, and what comes back. */

#include <errno.h>

#include "service/move/workers/observe-rooms.h"

/* How many orders are under way at once: enough to keep the worker busy, little enough for the socket. */
#define WINDOW 32

static int finish(struct observation *o, int error) {
        const struct pci_address *stuck = error == -ETIMEDOUT ? &o->targets[o->n_seen].address : NULL;

        if (stuck && o->worker) {
                o->lost = worker_identity(o->worker);
                /* A lock that is held for as long as the observer's patience is nothing special: any probe
                 * takes longer. */
                if (o->awaited)
                        (void) workers_note_asleep(o->workers, o->worker, stuck);
        }
        o->worker = workers_give_back(o->workers, o->worker);
        sd_event_source_set_enabled(o->timer, SD_EVENT_OFF);
        o->done(error, stuck, o->userdata); /* may free it */
        return 0;
}

static int send_orders(struct observation *o) {
        int r = 0;

        while (r >= 0 && o->n_sent < o->n_targets && o->n_sent - o->n_seen < WINDOW) {
                struct target_of_look *target = &o->targets[o->n_sent];
                const struct function *f = model_function(o->model, &target->address);
                struct order order = {
                        .kind = STEP_LOOK,
                        .address = target->address,
                        .identity = target->identity,
                };

                target->n_turns = f ? f->n_turns : 0;
                r = worker_order(o->worker, &order);
                if (r >= 0)
                        o->n_sent++;
        }

        /* A worker that has ended has perhaps said something before, and says itself that it has ended. */
        return r == -EPIPE ? 0 : r;
}

/* Whoever moves a function tells of it. What was ordered before that and comes after it may have been seen
 * in the midst of it. */
static bool is_news(const struct target_of_look *target, const struct function *f) {
        return f && f->identity == target->identity && !f->moving && f->n_turns == target->n_turns;
}

/* That a function has gone is no error: whoever asked will notice. */
static int take_in(struct observation *o, const struct target_of_look *target, const struct report *report) {
        struct function *f = model_function(o->model, &target->address);

        if (!report->has_state)
                return report->error == -ENODEV || report->error == -ESTALE ? 0 : report->error;

        return is_news(target, f) ? model_set_override(o->model, f, report->override) : 0;
}

static void on_report(struct worker *worker, const struct report *report, void *userdata) {
        struct observation *o = userdata;
        int r;

        r = report ? take_in(o, &o->targets[o->n_seen], report) : -EPIPE;
        if (r < 0) {
                finish(o, r);
                return;
        }

        if (++o->n_seen == o->n_targets) {
                finish(o, 0);
                return;
        }

        r = send_orders(o);
        if (r >= 0 && !o->awaited)
                r = sd_event_source_set_time_relative(o->timer, o->limit_usec);
        if (r < 0)
                finish(o, r);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        return finish(userdata, -ETIMEDOUT);
}

static int on_nothing_to_do(sd_event_source *source, uint64_t usec, void *userdata) {
        return finish(userdata, 0);
}

/* If somebody who looks at one of the functions already does not come back: puts that one first, where it is
 * taken for the one that does not answer. */
static bool find_asleep(struct observation *o) {
        struct target_of_look first;
        size_t i = 0;

        while (i < o->n_targets && !workers_are_asleep(o->workers, &o->targets[i].address, &o->lost))
                i++;
        if (i == o->n_targets)
                return false;

        first = o->targets[i];
        o->targets[i] = o->targets[0];
        o->targets[0] = first;
        return true;
}

static int start(struct observation *o) {
        bool wanted = o->n_targets > 0 && !find_asleep(o);
        int r;

        r = sd_event_add_time_relative(o->event, &o->timer, CLOCK_MONOTONIC, wanted ? o->limit_usec : 0,
                                       1000, o->n_targets > 0 ? on_timer : on_nothing_to_do, o);
        if (r < 0 || !wanted)
                return r;

        r = workers_take(o->workers, on_report, o, &o->worker);
        if (r < 0)
                return r;
        return send_orders(o);
}

int observation_start_targets(sd_event *event, struct model *model, struct workers *workers,
                              struct target_of_look *targets, size_t n_targets, uint64_t limit_usec,
                              observed_t done, void *userdata, struct observation **ret) {
        struct observation *o;
        int r;

        o = malloc(sizeof(*o));
        if (!o) {
                free(targets);
                return -ENOMEM;
        }

        *o = (struct observation){
                .event = event,
                .model = model,
                .workers = workers,
                .targets = targets,
                .n_targets = n_targets,
                .limit_usec = limit_usec,
                .done = done,
                .userdata = userdata,
        };

        r = start(o);
        if (r < 0) {
                observation_free(o);
                return r;
        }

        *ret = o;
        return 0;
}

int observation_start(sd_event *event, struct model *model, struct workers *workers,
                      struct function *const *functions, size_t n_functions, uint64_t limit_usec,
                      observed_t done, void *userdata, struct observation **ret) {
        struct target_of_look *targets = calloc(n_functions + 1, sizeof(*targets));
        int r;

        if (!targets)
                return -ENOMEM;
        for (size_t i = 0; i < n_functions; i++)
                targets[i] = (struct target_of_look){ functions[i]->address, functions[i]->identity };

        r = observation_start_targets(event, model, workers, targets, n_functions, limit_usec, done,
                                      userdata, ret);
        if (r >= 0)
                (*ret)->awaited = true;
        return r;
}

struct observation *observation_free(struct observation *o) {
        if (!o)
                return NULL;

        workers_give_back(o->workers, o->worker);
        sd_event_source_disable_unref(o->timer);
        free(o->targets);
        free(o);
        return NULL;
}
