/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Surveys, one pass at a time. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/workers/survey.h"

enum survey_state {
        SURVEY_WAITING, /* for the next pass */
        SURVEY_UNDER_WAY,
        SURVEY_DONE,
};

struct survey {
        struct surveyor *surveyor;
        struct survey *next;
        enum survey_state state;
        sd_event_source *deadline;
        struct pci_address *addresses;
        size_t n_addresses;
        surveyed_t done;
        void *userdata;
};

struct surveyor {
        sd_event *event;
        struct workers *workers;
        struct survey *surveys;
        sd_event_source *soon; /* begins a pass when the event loop comes round, so that those who ask at
                                  once go together */

        /* The pass. */
        struct worker *worker; /* NULL: none is under way */
        size_t n_owed;         /* reports to come */
        struct findings findings;
};

static int on_soon(sd_event_source *source, void *userdata);

int surveyor_new(sd_event *event, struct workers *workers, struct surveyor **ret) {
        struct surveyor *surveyor = malloc(sizeof(*surveyor));
        int r;

        if (!surveyor)
                return -ENOMEM;
        *surveyor = (struct surveyor){ .event = event, .workers = workers };

        r = sd_event_add_defer(event, &surveyor->soon, on_soon, surveyor);
        if (r >= 0)
                r = sd_event_source_set_enabled(surveyor->soon, SD_EVENT_OFF);
        if (r < 0) {
                surveyor_free(surveyor);
                return r;
        }

        *ret = surveyor;
        return 0;
}

static void end_pass(struct surveyor *surveyor) {
        surveyor->worker = workers_give_back(surveyor->workers, surveyor->worker);
        surveyor->n_owed = 0;
}

struct surveyor *surveyor_free(struct surveyor *surveyor) {
        if (!surveyor)
                return NULL;

        end_pass(surveyor);
        findings_clear(&surveyor->findings);
        sd_event_source_disable_unref(surveyor->soon);
        free(surveyor);
        return NULL;
}

static struct survey *find(const struct surveyor *surveyor, enum survey_state state) {
        struct survey *survey = surveyor->surveys;

        while (survey && survey->state != state)
                survey = survey->next;
        return survey;
}

/* This may free it. */
static void tell(struct survey *survey, int error, const struct findings *findings) {
        survey->state = SURVEY_DONE;
        (void) sd_event_source_set_enabled(survey->deadline, SD_EVENT_OFF);
        survey->done(error, findings, survey->userdata);
}

/* Each answer may free its survey, and others. */
static void answer(struct surveyor *surveyor, int error) {
        struct findings findings = surveyor->findings;
        struct survey *survey;

        surveyor->findings = (struct findings){};
        end_pass(surveyor);

        while ((survey = find(surveyor, SURVEY_UNDER_WAY)))
                tell(survey, error, &findings);
        findings_clear(&findings);

        if (find(surveyor, SURVEY_WAITING))
                sd_event_source_set_enabled(surveyor->soon, SD_EVENT_ONESHOT);
}

static void on_report(struct worker *worker, const struct report *report, void *userdata) {
        struct surveyor *surveyor = userdata;

        if (!report)
                answer(surveyor, -EPIPE);
        else if (report->error < 0)
                answer(surveyor, report->error);
        else if (--surveyor->n_owed == 0)
                answer(surveyor, 0);
}

/* Ends the pass if nobody waits for it any more. */
static void review_pass(struct surveyor *surveyor) {
        if (surveyor->worker && !find(surveyor, SURVEY_UNDER_WAY))
                answer(surveyor, -ECANCELED);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        struct survey *survey = userdata;
        struct surveyor *surveyor = survey->surveyor;
        static const struct findings none;

        tell(survey, -ETIMEDOUT, &none);
        review_pass(surveyor);
        return 0;
}

static int give_order(struct surveyor *surveyor, const struct order *order) {
        int r = worker_order(surveyor->worker, order);

        if (r >= 0)
                surveyor->n_owed++;
        return r;
}

/* As many addresses to an order as it holds. */
static int note(struct surveyor *surveyor, struct order *order, const struct pci_address *address) {
        size_t length = strlen(order->argument);
        int r = 0;

        if (length + PCI_ADDRESS_SIZE >= sizeof(order->argument)) {
                r = give_order(surveyor, order);
                length = 0;
        }

        if (length > 0)
                order->argument[length++] = ' ';
        strcpy(order->argument + length, PCI_ADDRESS_TEXT(address));
        return r;
}

static int compare(const void *a, const void *b) {
        return pci_address_compare(a, b);
}

/* The functions of everybody who waits, each once. */
static int collect(struct surveyor *surveyor, struct pci_address **ret, size_t *ret_n) {
        struct pci_address *all = NULL;
        size_t n = 0, n_different = 0;

        for (struct survey *survey = surveyor->surveys; survey; survey = survey->next) {
                if (survey->state != SURVEY_WAITING)
                        continue;

                for (size_t i = 0; i < survey->n_addresses; i++) {
                        struct pci_address *slot = array_append(&all, &n, sizeof(*slot));

                        if (!slot) {
                                free(all);
                                return -ENOMEM;
                        }
                        *slot = survey->addresses[i];
                }
                survey->state = SURVEY_UNDER_WAY;
        }

        if (n > 0)
                qsort(all, n, sizeof(*all), compare);
        for (size_t i = 0; i < n; i++)
                if (i == 0 || compare(&all[i], &all[n_different - 1]) != 0)
                        all[n_different++] = all[i];

        *ret = all;
        *ret_n = n_different;
        return 0;
}

static int begin(struct surveyor *surveyor) {
        _cleanup_free_ struct pci_address *addresses = NULL;
        struct order order = { .kind = STEP_NOTE };
        size_t n;
        int r;

        r = collect(surveyor, &addresses, &n);
        if (r >= 0)
                r = workers_take(surveyor->workers, on_report, surveyor, &surveyor->worker);
        if (r < 0)
                return r;
        worker_set_findings(surveyor->worker, &surveyor->findings);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = note(surveyor, &order, &addresses[i]);
        if (r >= 0)
                r = give_order(surveyor, &order);
        if (r < 0)
                return r;

        order = (struct order){ .kind = STEP_SURVEY };
        return give_order(surveyor, &order);
}

static int on_soon(sd_event_source *source, void *userdata) {
        struct surveyor *surveyor = userdata;
        int r;

        if (surveyor->worker || !find(surveyor, SURVEY_WAITING))
                return 0;

        r = begin(surveyor);
        if (r < 0) {
                for (struct survey *survey = surveyor->surveys; survey; survey = survey->next)
                        if (survey->state == SURVEY_WAITING)
                                survey->state = SURVEY_UNDER_WAY;
                answer(surveyor, r);
        }
        return 0;
}

int survey_start(struct surveyor *surveyor, const struct pci_address *addresses, size_t n,
                 uint64_t limit_usec, surveyed_t done, void *userdata, struct survey **ret) {
        struct survey *survey = malloc(sizeof(*survey)), **last = &surveyor->surveys;
        int r;

        if (!survey)
                return -ENOMEM;

        *survey = (struct survey){
                .surveyor = surveyor,
                .addresses = calloc(n + 1, sizeof(*addresses)),
                .n_addresses = n,
                .done = done,
                .userdata = userdata,
        };
        r = survey->addresses
                            ? sd_event_add_time_relative(surveyor->event, &survey->deadline, CLOCK_MONOTONIC,
                                                         limit_usec, 1000, on_deadline, survey)
                            : -ENOMEM;
        if (r < 0) {
                free(survey->addresses);
                free(survey);
                return r;
        }
        memcpy(survey->addresses, addresses, n * sizeof(*addresses));

        /* Whoever has asked first is answered first. */
        while (*last)
                last = &(*last)->next;
        *last = survey;

        sd_event_source_set_enabled(surveyor->soon, SD_EVENT_ONESHOT);
        *ret = survey;
        return 0;
}

struct survey *survey_free(struct survey *survey) {
        struct surveyor *surveyor;
        struct survey **link;

        if (!survey)
                return NULL;

        surveyor = survey->surveyor;
        link = &surveyor->surveys;
        while (*link != survey)
                link = &(*link)->next;
        *link = survey->next;

        sd_event_source_disable_unref(survey->deadline);
        free(survey->addresses);
        free(survey);
        review_pass(surveyor);
        return NULL;
}
