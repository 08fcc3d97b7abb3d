/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Observations: orders to look, sent ahead in a window, and what comes back. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/observe.h"

/* How many orders are under way at once: enough to keep the worker busy, little enough for the socket. */
#define WINDOW 32

/* How long the observer waits for one function before it passes over it, in microseconds. A look takes some
 * ten. */
#define PATIENCE_USEC (250 * 1000ULL)

/* It waits twice as long each time that was too little, up to this, until something has answered: on a slow
 * host a worker may take longer to start than it should to look. */
#define PATIENCE_MAX_USEC (4 * 1000 * 1000ULL)

struct target_of_look {
        struct pci_address address;
        uint64_t identity;
        unsigned n_turns; /* of the function, when the order was sent */
};

struct observation {
        sd_event *event;
        struct model *model;
        struct workers *workers;
        struct worker *worker;
        sd_event_source *timer;
        struct target_of_look *targets;
        size_t n_targets, n_sent, n_seen;
        uint64_t limit_usec;
        bool awaited; /* by somebody: the limit is for all of them, and whoever does not come back is noted;
                         else it is for each */
        struct worker_identity lost; /* who does not come back from the function that does not answer */
        observed_t done;
        void *userdata;
};

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

static int start_targets(sd_event *event, struct model *model, struct workers *workers,
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

        r = start_targets(event, model, workers, targets, n_functions, limit_usec, done, userdata, ret);
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
        return start_targets(observer->event, observer->model, observer->workers, targets, n,
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
