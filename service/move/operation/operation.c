/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Carrying out a plan and undoing it. */

#include <errno.h>
#include <stdio.h>

#include "service/move/operation/lanes.h"
#include "service/move/operation/operation-rooms.h"
#include "service/move/operation/refresh.h"
#include "service/move/operation/wording.h"
#include "service/move/workers/limit.h"

/* What remains of the limit for undoing when a worker has waited in vain for something besides the kernel.
 */
#define WAIT_SHARE 2

const struct journal_entry *operation_entry(const struct operation *operation) {
        return operation->entry;
}

enum operation_state operation_state(const struct operation *operation) {
        return operation->state;
}

size_t operation_steps_done(const struct operation *operation) {
        return operation->n_done;
}

static const struct plan *plan_of(const struct operation *operation) {
        return operation->entry->plan;
}

static void tell_changed(struct operation *operation) {
        if (operation->context->changed)
                operation->context->changed(operation, operation->context->userdata);
}

static struct function *function_of(const struct operation *operation, const struct movement *m) {
        return refresh_find(operation->context->model, m);
}

/* The step that is under way; of several, the first. */
static const struct step *current_step(const struct operation *operation,
                                       struct worker_identity *ret_worker) {
        for (size_t i = 0; i < operation->n_lanes; i++) {
                const struct step *step = lane_current(operation->lanes[i]);

                if (step && lane_worker(operation->lanes[i], ret_worker))
                        return step;
        }

        return NULL;
}

char *operation_message(const struct operation *operation) {
        struct worker_identity worker = {};
        const struct step *step = current_step(operation, &worker);
        const struct movement *m = plan_of(operation)->movements;
        char *text;

        if (operation->awaited)
                return word_awaited(awaited_worker(operation->awaited));
        if (!step)
                return asprintf(&text, "%s is between two steps",
                                m ? PCI_ADDRESS_TEXT(&m->address) : "Nothing") < 0
                                       ? NULL
                                       : text;

        m += step->movement;
        return operation->state == OPERATION_STUCK ? word_stuck(m, step, &worker)
                                                   : step_describe(step->kind, &m->address,
                                                                   step->virtual_function, step->argument);
}

/* The end. */

static void refresh(struct operation *operation) {
        refresh_moved(operation->context->model, plan_of(operation));
}

static void review_records(struct operation *operation) {
        const struct plan *plan = plan_of(operation);

        for (size_t i = 0; i < plan->n_movements; i++) {
                struct function *f = function_of(operation, &plan->movements[i]);

                if (f)
                        records_review(operation->context->records, f);
                else
                        records_forget(operation->context->records, &plan->movements[i].address);
        }
}

static void answer(struct operation *operation) {
        if (operation->answered)
                return;

        operation->answered = true;
        operation->context->answer(operation, &operation->failure, operation->context->userdata);
}

static void settle(struct operation *operation) {
        size_t stranded = 0;

        for (size_t i = 0; i < operation->n_lanes; i++)
                stranded += lane_stranded(operation->lanes[i]);

        sd_event_source_set_enabled(operation->deadline, SD_EVENT_OFF);
        refresh(operation);
        if (operation->failure.kind != FAILURE_NONE)
                word_outcome(plan_of(operation), operation->context->model, stranded > 0,
                             &operation->failure);

        /* A record that is no longer needed and survives a crash is found to be so at the next start. Where
         * something is stranded the record remains, so that one restore brings it home. */
        review_records(operation);
        grants_end(operation->context->grants, plan_of(operation), operation->failure.kind == FAILURE_NONE);

        operation->context->settled(operation, &operation->failure, operation->context->userdata);
}

/* The lanes. */

static int record_workers(struct operation *operation) {
        struct journal_entry *entry = operation->entry;
        struct worker_identity *workers = calloc(operation->n_lanes + 1, sizeof(*workers));

        if (!workers)
                return -ENOMEM;

        free(entry->workers);
        entry->workers = workers;
        entry->n_workers = 0;
        for (size_t i = 0; i < operation->n_lanes; i++)
                if (lane_worker(operation->lanes[i], &workers[entry->n_workers]))
                        entry->n_workers++;
        return 0;
}

/* Half of what is left of the limit, so that nobody is told `Stuck` for it; and where somebody has been
 * already, as long as it could have taken on the way there. */
static uint64_t patience_for_nodes(const struct operation *operation) {
        uint64_t now = 0, end = 0;

        if (operation->state == OPERATION_STUCK)
                return operation->lane_context.limit_msec * 1000ULL;

        (void) sd_event_now(operation->context->event, CLOCK_MONOTONIC, &now);
        (void) sd_event_source_get_time(operation->deadline, &end);
        return now < end ? (end - now) / WAIT_SHARE : 0;
}

void operation_undo(struct operation *operation) {
        uint64_t patience = patience_for_nodes(operation);

        operation->undoing = true;
        if (operation->state != OPERATION_STUCK)
                operation->state = OPERATION_UNDOING;
        tell_changed(operation);

        operation->n_busy = operation->n_lanes;
        for (size_t i = 0; i < operation->n_lanes; i++)
                lane_undo(operation->lanes[i], patience);
}

/* It is over as soon as its entry is gone: one that stayed would have the next start bring everything back,
 * so that is done now. */
static void complete(struct operation *operation) {
        int r = journal_remove(operation->context->journal, operation->entry->id);

        if (r < 0) {
                fail(&operation->failure, FAILURE_MOVE_FAILED, "The end could not be put on record: %s",
                     strerror(-r));
                operation_undo(operation);
                return;
        }

        settle(operation);
        answer(operation);
}

static void run_lanes(struct operation *operation, size_t from, size_t to) {
        operation->n_busy = to - from;
        for (size_t i = from; i < to; i++)
                lane_run(operation->lanes[i]);
}

static void lane_ended(struct operation *operation) {
        if (--operation->n_busy > 0)
                return;

        if (operation->undoing) {
                (void) journal_remove(operation->context->journal, operation->entry->id);
                settle(operation);
                answer(operation);
        } else if (operation->failure.kind != FAILURE_NONE)
                operation_undo(operation);
        else if (operation->loading && operation->n_lanes > 1) {
                operation->loading = false;
                lanes_name_drivers(operation->entry->plan, operation->context->model, operation->lanes,
                                   operation->n_lanes);
                run_lanes(operation, 1, operation->n_lanes);
        } else
                complete(operation);
}

static void on_lane_done(struct lane *lane, void *userdata) {
        lane_ended(userdata);
}

static void on_lane_undone(struct lane *lane, void *userdata) {
        lane_ended(userdata);
}

static int note_progress(struct operation *operation) {
        int r = record_workers(operation);

        return r < 0 ? r : journal_write(operation->context->journal, operation->entry);
}

/* On disk before its first write, so that a service that is started anew knows whom to wait for. Where that
 * cannot be, nothing is begun, but what was begun is brought back all the same. */
static int on_worker_started(struct lane *lane, void *userdata) {
        struct operation *operation = userdata;
        int r = note_progress(operation);

        return operation->undoing ? 0 : r;
}

static void on_step_done(struct lane *lane, const struct step *step, const struct report *report,
                         void *userdata) {
        struct operation *operation = userdata;
        const struct plan *plan = plan_of(operation);

        if (*report->value)
                (void) free_and_copy(&operation->entry->value, report->value);
        if (step->kind == STEP_OPEN)
                operation->entry->descriptor = lane_take_descriptor(lane);

        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].kind == step->kind && plan->steps[i].movement == step->movement &&
                    plan->steps[i].virtual_function == step->virtual_function &&
                    streq(plan->steps[i].argument, step->argument))
                        operation->entry->done[i] = true;
        operation->n_done++;

        (void) note_progress(operation);
        tell_changed(operation);
}

/* What the worker was answered may come from a driver as well. */
static bool has_gone(const struct operation *operation, const struct movement *m) {
        const struct function *f = function_of(operation, m);

        return !f || !function_exists(model_root(operation->context->model), f);
}

static void on_lane_failed(struct lane *lane, const struct step *step, const struct report *report,
                           void *userdata) {
        struct operation *operation = userdata;
        const struct movement *m = &plan_of(operation)->movements[step->movement];

        word_failure(m, step, report, has_gone(operation, m), &operation->failure);
        for (size_t i = 0; i < operation->n_lanes; i++)
                lane_stop(operation->lanes[i]);
        lane_ended(operation);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        struct operation *operation = userdata;
        _cleanup_failure_ struct failure failure = {};
        _cleanup_free_ char *message = NULL;

        operation->state = OPERATION_STUCK;
        message = operation_message(operation);
        fail(&failure, FAILURE_STUCK, "%s", strempty(message));

        tell_changed(operation);
        if (!operation->answered) {
                operation->answered = true;
                operation->context->answer(operation, &failure, operation->context->userdata);
        }
        return 0;
}

struct operation *operation_new(const struct operation_context *context, struct journal_entry *entry) {
        struct operation *operation = calloc(1, sizeof(*operation));

        if (!operation)
                return NULL;

        operation->context = context;
        operation->entry = entry;
        operation->left_usec = limit_left(context->settings, context->event, entry->begun_usec);
        operation->lane_context = (struct lane_context){
                .event = context->event,
                .model = context->model,
                .workers = context->workers,
                .turns = context->turns,
                .plan = entry->plan,
                .limit_msec = (unsigned) (operation->left_usec / 1000 / WAIT_SHARE),
                .worker_started = on_worker_started,
                .step_done = on_step_done,
                .done = on_lane_done,
                .failed = on_lane_failed,
                .undone = on_lane_undone,
                .userdata = operation,
        };
        return operation;
}

int operation_prepare(struct operation *operation) {
        int r;

        r = sd_event_add_time_relative(operation->context->event, &operation->deadline, CLOCK_MONOTONIC,
                                       operation->left_usec, 1000, on_deadline, operation);
        if (r < 0)
                return r;

        for (size_t i = 0; i < plan_of(operation)->n_movements; i++) {
                struct function *f = function_of(operation, &plan_of(operation)->movements[i]);

                if (f)
                        model_set_moving(f, true);
        }
        return lanes_new(&operation->lane_context, &operation->lanes, &operation->n_lanes);
}

static int record_homes(struct operation *operation) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan_of(operation)->n_movements; i++) {
                const struct movement *m = &plan_of(operation)->movements[i];
                struct function *f = function_of(operation, m);

                if (!f)
                        r = -ENODEV;
                else if (!m->target.here)
                        r = records_remember(operation->context->records, f, m->shows_console);
        }

        return r;
}

int operation_start(const struct operation_context *context, struct journal_entry *entry,
                    struct operation **ret) {
        struct operation *operation = operation_new(context, entry);
        int r;

        if (!operation)
                return -ENOMEM;

        entry->done = calloc(entry->plan->n_steps + 1, sizeof(*entry->done));
        r = entry->done ? operation_prepare(operation) : -ENOMEM;
        if (r >= 0)
                r = journal_write(context->journal, entry);
        if (r >= 0)
                r = record_homes(operation);
        if (r >= 0)
                r = grants_begin(context->grants, entry->plan);
        if (r < 0) {
                grants_end(context->grants, entry->plan, false);
                (void) journal_remove(context->journal, entry->id);
                refresh(operation);
                review_records(operation);
                operation->entry = NULL;
                operation_free(operation);
                return r;
        }

        operation->loading = true;
        run_lanes(operation, 0, 1);
        *ret = operation;
        return 0;
}

struct operation *operation_free(struct operation *operation) {
        if (!operation)
                return NULL;

        turns_leave(operation->context->turns, &operation->turn);
        lanes_free(operation->lanes, operation->n_lanes);
        awaited_free(operation->awaited);
        sd_event_source_disable_unref(operation->deadline);
        failure_clear(&operation->failure);
        journal_entry_free(operation->entry);
        free(operation);
        return NULL;
}
