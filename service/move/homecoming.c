/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Ended leases on their way home. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/homecoming.h"
#include "service/move/lending/closing.h"

/* One lease. Between two attempts nothing but the watches is there. */
struct homecoming {
        struct homecoming *next;
        struct homecomings *all;
        struct lease *lease;

        bool due;     /* for an attempt, when the event loop comes round */
        bool stirred; /* something has happened since the attempt began */
        bool told;    /* that it has to wait */
        bool failed;  /* the last operation has: the next attempt only looks whether somebody has come to use
                         what it was about */

        /* The attempt. */
        struct observation *observation;
        struct survey *survey;
        uint32_t operation;

        struct closing *closing; /* of what is open */
};

struct homecomings {
        struct homecomings_config config;
        struct homecoming *list;
        sd_event_source *soon;
};

static void set_due(struct homecoming *homecoming) {
        homecoming->due = true;
        (void) sd_event_source_set_enabled(homecoming->all->soon, SD_EVENT_ONESHOT);
}

static bool is_under_way(const struct homecoming *homecoming) {
        return homecoming->observation || homecoming->survey || homecoming->operation != 0;
}

/* What the last attempt rests on may be so no more. */
static void stir(void *userdata) {
        struct homecoming *homecoming = userdata;

        if (is_under_way(homecoming)) {
                homecoming->stirred = true;
                return;
        }

        homecoming->failed = false;
        set_due(homecoming);
}

/* The attempt is over, and something is left to bring back. */
static void wait_on(struct homecoming *homecoming) {
        if (homecoming->stirred)
                set_due(homecoming);
        else
                closing_look_again(homecoming->closing);
}

/* Something of it has to wait. */
static void tell(struct homecoming *homecoming, const struct failure *failure) {
        if (homecoming->told || homecoming->stirred)
                return;

        homecoming->told = true;
        if (homecoming->all->config.delayed)
                homecoming->all->config.delayed(homecoming->lease, failure);
}

/* The attempt. */

static int find_functions(const struct homecoming *homecoming, struct function ***ret, size_t *ret_n) {
        const struct lease *lease = homecoming->lease;
        _cleanup_free_ struct function **functions = calloc(lease->n_members + 1, sizeof(*functions));
        size_t n = 0;

        if (!functions)
                return -ENOMEM;
        for (size_t i = 0; i < lease->n_members; i++) {
                struct function *f =
                                model_function(homecoming->all->config.model, &lease->members[i].address);

                if (f && f->identity == lease->members[i].identity)
                        functions[n++] = f;
        }

        *ret = TAKE_PTR(functions);
        *ret_n = n;
        return 0;
}

static const struct finding *find_use(const struct findings *findings, const struct function *f) {
        for (size_t i = 0; i < findings->n; i++)
                if (findings->array[i].kind == FINDING_VFIO &&
                    pci_address_compare(&findings->array[i].address, &f->address) == 0)
                        return &findings->array[i];

        return NULL;
}

/* Leaves those out that are still open through VFIO, and says so of the first. */
static size_t keep_unused(struct homecoming *homecoming, struct function **functions, size_t n,
                          const struct findings *findings, struct failure *failure) {
        size_t n_kept = 0;

        for (size_t i = 0; i < n; i++) {
                const struct finding *use = find_use(findings, functions[i]);

                if (!use) {
                        functions[n_kept++] = functions[i];
                        continue;
                }

                homecoming->stirred |= closing_await(homecoming->closing, functions[i], use->subject);
                fail(failure, FAILURE_IN_USE, "%s", use->message);
        }

        return n_kept;
}

static int start(struct homecoming *homecoming, struct plan *plan, struct failure *failure) {
        const struct holder *holder = &homecoming->lease->holder;
        const struct asker asker = { .uid = holder->uid, .caller = holder->name, .word = "host" };
        struct mover *mover = homecoming->all->config.mover;
        int r;

        /* What is there already leaves the lease at once, and the lease goes with the last of it. */
        if (plan->n_movements == 0) {
                mover_note(mover, plan, &asker);
                plan_free(plan);
                return 0;
        }

        homecoming->operation = mover_next_id(mover);
        r = mover_start(mover, homecoming->operation, plan, &asker, NULL, NULL, failure);
        if (r < 0)
                homecoming->operation = 0;
        return r;
}

/* Brings back what can be. Where that is not everything, or nothing, FAILURE says why. Where nothing is left
 * of the lease, HOMECOMING is gone. */
static int bring_back(struct homecoming *homecoming, const struct findings *findings,
                      struct failure *failure) {
        _cleanup_(plan_freep) struct plan *plan = NULL;
        _cleanup_free_ struct function **functions = NULL;
        struct mover *mover = homecoming->all->config.mover;
        bool failed = homecoming->failed;
        size_t n;
        int r;

        homecoming->failed = false;
        r = find_functions(homecoming, &functions, &n);
        if (r < 0)
                return fail_internal(failure, r);

        n = keep_unused(homecoming, functions, n, findings, failure);
        if (n == 0 || failed)
                return -EBUSY;

        r = mover_check_busy(mover, functions, n, failure);
        if (r >= 0)
                r = mover_plan_return(mover, functions, n, homecoming->lease, findings, &plan, failure);
        if (r >= 0)
                r = plan_check_findings(plan, NULL, failure);
        return r < 0 ? r : start(homecoming, TAKE_PTR(plan), failure);
}

static void on_surveyed(int error, const struct findings *findings, void *userdata) {
        struct homecoming *homecoming = userdata;
        _cleanup_failure_ struct failure failure = {};
        bool refused = homecoming->failed;
        int r;

        homecoming->survey = survey_free(homecoming->survey);

        if (error < 0)
                r = fail(&failure, FAILURE_STUCK, "Who uses %s could not be found out: %s",
                         PCI_ADDRESS_TEXT(&homecoming->lease->members[0].address), strerror(-error));
        else
                r = bring_back(homecoming, findings, &failure);
        if (r >= 0 && failure.kind == FAILURE_NONE)
                return;

        if (failure.kind != FAILURE_NONE)
                tell(homecoming, &failure);

        /* What the kernel has refused once it would refuse again. */
        if (homecoming->operation == 0 && (!refused || homecoming->stirred))
                wait_on(homecoming);
}

static int survey(struct homecoming *homecoming) {
        _cleanup_free_ struct function **functions = NULL;
        size_t n;
        int r;

        r = find_functions(homecoming, &functions, &n);
        return r < 0 ? r
                     : mover_survey(homecoming->all->config.mover, functions, n, ERRAND_MOVE, 0, on_surveyed,
                                    homecoming, &homecoming->survey);
}

static void on_observed(int error, const struct pci_address *stuck, void *userdata) {
        struct homecoming *homecoming = userdata;
        _cleanup_failure_ struct failure failure = {};

        if (stuck)
                fail(&failure, FAILURE_STUCK, "%s does not answer", PCI_ADDRESS_TEXT(stuck));
        homecoming->observation = observation_free(homecoming->observation);

        if (error >= 0)
                error = survey(homecoming);
        if (error >= 0)
                return;

        fail_internal(&failure, error);
        tell(homecoming, &failure);
        wait_on(homecoming);
}

/* The watches come before the look, so that nothing is missed in between; and so does the end of access that
 * came with the lease. */
static int attempt(struct homecoming *homecoming) {
        _cleanup_free_ struct function **functions = NULL;
        struct mover *mover = homecoming->all->config.mover;
        size_t n;
        int r;

        homecoming->stirred = false;
        r = find_functions(homecoming, &functions, &n);
        if (r >= 0)
                r = closing_watch(homecoming->closing, functions, n);
        if (r < 0)
                return r;

        mover_end_access(mover, functions, n, homecoming->lease->holder.uid);
        return mover_observe(mover, functions, n, 0, on_observed, homecoming, &homecoming->observation);
}

/* Not everything that may have been changed while they were leased is told of by a uevent. By address, since
 * what has gone by now takes its lease along. */
static void refresh_due(const struct homecomings *homecomings) {
        _cleanup_free_ struct pci_address *addresses = NULL;
        size_t n = 0;

        for (const struct homecoming *h = homecomings->list; h; h = h->next)
                for (size_t i = 0; h->due && i < h->lease->n_members; i++) {
                        struct pci_address *slot = array_append(&addresses, &n, sizeof(*slot));

                        if (slot)
                                *slot = h->lease->members[i].address;
                }

        for (size_t i = 0; i < n; i++)
                (void) model_update(homecomings->config.model, &addresses[i], MOVED_BY_KERNEL);
}

static int on_soon(sd_event_source *source, void *userdata) {
        struct homecomings *homecomings = userdata;

        refresh_due(homecomings);
        for (struct homecoming *homecoming = homecomings->list; homecoming; homecoming = homecoming->next) {
                _cleanup_failure_ struct failure failure = {};
                int r;

                if (!homecoming->due)
                        continue;

                homecoming->due = false;
                r = attempt(homecoming);
                if (r < 0) {
                        fail_internal(&failure, r);
                        tell(homecoming, &failure);
                        wait_on(homecoming);
                }
        }

        return 0;
}

/* Leases. */

static struct homecoming *find(const struct homecomings *homecomings, const struct lease *lease) {
        struct homecoming *homecoming = homecomings->list;

        while (homecoming && homecoming->lease != lease)
                homecoming = homecoming->next;
        return homecoming;
}

static void lease_ended(struct lease *lease, void *userdata) {
        struct homecomings *homecomings = userdata;
        struct homecoming *homecoming = malloc(sizeof(*homecoming));
        const struct homecomings_config *config = &homecomings->config;

        /* Without memory it waits for the next start. */
        if (!homecoming)
                return;

        *homecoming = (struct homecoming){ .next = homecomings->list, .all = homecomings, .lease = lease };
        if (closing_new(config->event, model_root(config->model), config->again_usec, stir, homecoming,
                        &homecoming->closing) < 0) {
                free(homecoming);
                return;
        }
        homecomings->list = homecoming;
        set_due(homecoming);
}

static void lease_settled(struct lease *lease, uint32_t operation, bool held, bool done, void *userdata) {
        struct homecoming *homecoming = find(userdata, lease);

        if (!homecoming)
                return;

        if (operation != homecoming->operation) {
                if (held)
                        stir(homecoming);
                return;
        }

        homecoming->operation = 0;
        homecoming->failed = !done;
        if (homecoming->failed || homecoming->stirred)
                set_due(homecoming);
}

static struct homecoming *homecoming_free(struct homecoming *homecoming) {
        observation_free(homecoming->observation);
        survey_free(homecoming->survey);
        closing_free(homecoming->closing);
        free(homecoming);
        return NULL;
}

static void lease_gone(struct lease *lease, void *userdata) {
        struct homecomings *homecomings = userdata;
        struct homecoming *homecoming = find(homecomings, lease), **link = &homecomings->list;

        if (!homecoming)
                return;

        while (*link != homecoming)
                link = &(*link)->next;
        *link = homecoming->next;
        homecoming_free(homecoming);
}

void homecomings_note_moved(struct homecomings *homecomings, const struct function *f) {
        for (struct homecoming *homecoming = homecomings->list; homecoming; homecoming = homecoming->next)
                if (lease_member(homecoming->lease, &f->address))
                        stir(homecoming);
}

static const struct leases_listener listener = { lease_ended, lease_settled, lease_gone };

int homecomings_new(const struct homecomings_config *config, struct homecomings **ret) {
        struct homecomings *homecomings = calloc(1, sizeof(*homecomings));
        int r;

        if (!homecomings)
                return -ENOMEM;
        homecomings->config = *config;

        r = sd_event_add_defer(config->event, &homecomings->soon, on_soon, homecomings);
        if (r >= 0)
                r = sd_event_source_set_enabled(homecomings->soon, SD_EVENT_OFF);
        if (r < 0) {
                sd_event_source_disable_unref(homecomings->soon);
                free(homecomings);
                return r;
        }

        leases_set_listener(mover_leases(config->mover), &listener, homecomings);
        *ret = homecomings;
        return 0;
}

struct homecomings *homecomings_free(struct homecomings *homecomings) {
        if (!homecomings)
                return NULL;

        leases_set_listener(mover_leases(homecomings->config.mover), NULL, NULL);
        while (homecomings->list) {
                struct homecoming *homecoming = homecomings->list;

                homecomings->list = homecoming->next;
                homecoming_free(homecoming);
        }
        sd_event_source_disable_unref(homecomings->soon);
        free(homecomings);
        return NULL;
}
