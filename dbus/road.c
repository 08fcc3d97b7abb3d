/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The road, step by step. */

#include <errno.h>

#include "dbus/answer.h"
#include "dbus/error.h"
#include "dbus/moves.h"
#include "dbus/names.h"
#include "dbus/path.h"
#include "dbus/plans.h"
#include "dbus/road.h"
#include "service/move/plan/basis.h"

/* A plan is overtaken, too, by a device that has gone. */
static void word_for_ticket(const struct bus_request *request, struct failure *failure) {
        _cleanup_free_ char *message = NULL;

        if (!request->ticket || failure->kind != FAILURE_NO_SUCH_DEVICE)
                return;

        message = TAKE_PTR(failure->message);
        failure_clear(failure);
        fail(failure, FAILURE_STATE_CHANGED, "Since the plan was made, a device has gone: %s",
             strempty(message));
}

/* The road ends here, before anything was moved. */
static void stop(struct bus_request *request, struct failure *failure) {
        word_for_ticket(request, failure);
        request_fail(request, failure, false);
}

static void end_with_answer(struct bus_request *request, const struct journal_entry *entry) {
        _cleanup_failure_ struct failure failure = {};
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(request->message, &reply);
        if (r >= 0)
                r = append_answer(reply, request, entry, &failure);
        if (r >= 0)
                (void) sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);

        if (r >= 0) {
                request_free(request);
                return;
        }
        fail_internal(&failure, r);
        request_fail(request, &failure, true);
}

/* Where authorization was asked for, there is an object to take back. */
static void end_without_moving(struct bus_request *request) {
        static const struct failure none;

        if (request->id != 0)
                emit_operation_finished(request->service, request->id, request->uid, &none, NULL);
        end_with_answer(request, NULL);
}

static void on_moved(const struct journal_entry *entry, const struct failure *failure, void *userdata) {
        if (failure->kind != FAILURE_NONE)
                request_fail(userdata, failure, true);
        else
                end_with_answer(userdata, entry);
}

/* The last step: nobody can call it off any more. */
static int carry_out(struct bus_request *request, struct plan *plan, struct failure *failure) {
        const struct asker asker = {
                .uid = request->uid,
                .pid = (uint32_t) request->pid,
                .caller = sd_bus_message_get_sender(request->message),
                .word = request->wish.word,
                .begun_usec = request->begun_usec,
        };
        struct mover *mover = request->service->mover;

        request->caller = sd_bus_track_unref(request->caller);

        if (plan->n_movements == 0 && plan->errand != ERRAND_LEASE) {
                mover_note(mover, plan, &asker);
                plan_free(plan);
                end_without_moving(request);
                return 0;
        }

        return mover_start(mover, request->id ?: mover_next_id(mover), plan, &asker, on_moved, request,
                           failure);
}

static int begin(struct bus_request *request, struct failure *failure);

static void on_authorized(const struct failure *failure, void *userdata) {
        struct bus_request *request = userdata;
        _cleanup_failure_ struct failure again = {};

        if (failure->kind != FAILURE_NONE) {
                request_fail(request, failure, false);
                return;
        }

        request->authorized = true;
        request->question = question_free(request->question);
        if (begin(request, &again) < 0)
                stop(request, &again);
}

/* Asks polkit, or sees whether what it has answered is what is needed. Returns 1 if the plan may be carried
 * out now, 0 if the answer comes later. */
static int ensure_authorized(struct bus_request *request, const struct plan *plan, struct failure *failure) {
        _cleanup_checks_ struct checks checks = {};
        int r;

        if (request->uid == 0 || (plan->n_permissions == 0 && !request->authorized))
                return 1;

        r = checks_from_plan(request->service->model, plan, &checks);
        if (r < 0)
                return fail_internal(failure, r);

        if (request->authorized) {
                if (checks_equal(&checks, &request->checks))
                        return 1;
                return fail(failure, FAILURE_STATE_CHANGED,
                            "%s or its group has changed while authorization was asked for, so the answer no longer fits",
                            PCI_ADDRESS_TEXT(&request->wish.addresses[0]));
        }

        request->checks = checks;
        checks = (struct checks){};
        r = authorize(request->message, &request->checks, on_authorized, request, &request->question);
        if (r < 0)
                return fail_internal(failure, r);

        request->id = mover_next_id(request->service->mover);
        (void) sd_bus_emit_object_added(request->service->bus, OPERATION_PATH(request->id));
        return 0;
}

static struct request wanted(const struct bus_request *request) {
        uint64_t flags = request->wish.flags;

        return (struct request){
                .errand = request->wish.errand,
                .addresses = request->wish.addresses,
                .n_addresses = request->wish.n_addresses,
                .word = request->wish.word,
                .count = request->wish.count,
                .flags = (flags & VFIOBIND_FLAG_GROUP ? PLAN_GROUP : 0u) |
                         (flags & VFIOBIND_FLAG_FORCE ? PLAN_FORCE : 0u) |
                         (flags & VFIOBIND_FLAG_ACCESS ? PLAN_ACCESS : 0u),
                .caller = sd_bus_message_get_sender(request->message),
                .uid = request->uid,
        };
}

static int find_functions(struct bus_request *request, struct failure *failure) {
        const struct request sought = wanted(request);

        free(TAKE_PTR(request->functions));
        return plan_functions(request->service->model, &sought, &request->functions, &request->n_functions,
                              failure);
}

/* Shows the plan, and keeps what is needed to carry it out. */
static int show_plan(struct bus_request *request, const struct plan *plan, struct failure *failure) {
        struct ticket *ticket = calloc(1, sizeof(*ticket));
        sd_bus_message *reply = NULL;
        int r;

        if (!ticket)
                return fail_internal(failure, -ENOMEM);

        ticket->addresses = TAKE_PTR(request->wish.addresses);
        ticket->n_addresses = request->wish.n_addresses;
        ticket->word = strdup(request->wish.word);
        ticket->flags = request->wish.flags;
        ticket->basis = plan_basis(plan);
        r = ticket->word && ticket->basis ? tickets_issue(request->service->tickets, request->uid, ticket)
                                          : -ENOMEM;
        if (r < 0) {
                ticket_free(ticket);
                return fail_internal(failure, r);
        }

        r = sd_bus_message_new_method_return(request->message, &reply);
        if (r >= 0)
                r = append_plan(reply, ticket->token, plan, request->viewer);
        if (r >= 0)
                (void) sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        if (r < 0)
                return fail_internal(failure, r);

        request_free(request);
        return 0;
}

static int proceed(struct bus_request *request, const struct findings *findings, struct failure *failure) {
        _cleanup_(plan_freep) struct plan *plan = NULL;
        struct mover *mover = request->service->mover;
        const struct request sought = wanted(request);
        int r;

        /* Some may have gone while the others were looked at. */
        r = find_functions(request, failure);
        if (r >= 0)
                r = mover_check_busy(mover, request->functions, request->n_functions, failure);
        if (r >= 0)
                r = mover_plan(mover, request->functions, request->n_functions, &sought, findings, &plan,
                               failure);
        if (r < 0)
                return r;

        if (request->plan_only)
                return show_plan(request, plan, failure);

        if (request->ticket)
                r = plan_check_basis(plan, request->ticket->basis, failure);
        if (r >= 0)
                r = plan_check_findings(plan, request->viewer, failure);
        if (r >= 0)
                r = ensure_authorized(request, plan, failure);
        if (r <= 0)
                return r;

        return carry_out(request, TAKE_PTR(plan), failure);
}

static const char *word_survey_error(int error) {
        switch (error) {
        case -EPIPE:
                return "the worker that looked was killed";
        case -ESTALE:
                return "it changed each time it was looked at";
        default:
                return strerror(-error);
        }
}

static void on_surveyed(int error, const struct findings *findings, void *userdata) {
        struct bus_request *request = userdata;
        _cleanup_failure_ struct failure failure = {};
        const char *address = PCI_ADDRESS_TEXT(&request->wish.addresses[0]);
        int r;

        request->survey = survey_free(request->survey);

        if (error == -ETIMEDOUT)
                r = fail(&failure, FAILURE_STUCK, "Who uses %s could not be found out within the time limit",
                         address);
        else if (error < 0)
                r = fail(&failure, FAILURE_MOVE_FAILED,
                         "%s was left as it is: who uses it could not be found out: %s", address,
                         word_survey_error(error));
        else
                r = proceed(request, findings, &failure);

        if (r < 0)
                stop(request, &failure);
}

static int survey(struct bus_request *request, struct failure *failure) {
        int r;

        r = find_functions(request, failure);
        if (r < 0)
                return r;

        r = mover_survey(request->service->mover, request->functions, request->n_functions,
                         request->wish.errand, request->begun_usec, on_surveyed, request, &request->survey);
        return r < 0 ? fail_internal(failure, r) : 0;
}

static void on_observed(int error, const struct pci_address *stuck, void *userdata) {
        struct bus_request *request = userdata;
        _cleanup_failure_ struct failure failure = {};
        struct pci_address address = stuck ? *stuck : request->wish.addresses[0];
        int r;

        /* It owns what STUCK points to. */
        request->observation = observation_free(request->observation);

        if (error == -ETIMEDOUT)
                r = fail(&failure, FAILURE_STUCK,
                         "%s does not answer: something else holds its lock in the kernel, a driver that hangs or another program",
                         PCI_ADDRESS_TEXT(&address));
        else if (error < 0)
                r = fail(&failure, FAILURE_MOVE_FAILED,
                         "%s was left as it is: it could not be looked at: %s", PCI_ADDRESS_TEXT(&address),
                         error == -EPIPE ? "the worker that looked was killed" : strerror(-error));
        else
                r = survey(request, &failure);

        if (r < 0)
                stop(request, &failure);
}

static int begin(struct bus_request *request, struct failure *failure) {
        struct service *service = request->service;
        int r;

        /* The time that a person needs for a dialog does not count: it begins anew. */
        (void) sd_event_now(service->event, CLOCK_MONOTONIC, &request->begun_usec);

        r = request_read(request, failure);
        if (r >= 0 && request->wish.errand == ERRAND_LEASE)
                r = leases_check_room(mover_leases(service->mover), request->uid, failure);
        if (r >= 0)
                r = find_functions(request, failure);
        if (r >= 0)
                r = mover_check_busy(service->mover, request->functions, request->n_functions, failure);
        if (r < 0)
                return r;

        for (size_t i = 0; i < request->n_functions; i++) {
                struct pci_address address = request->functions[i]->address;

                r = model_update(service->model, &address, MOVED_BY_KERNEL);
                if (r < 0)
                        return fail_internal(failure, r);
        }

        r = find_functions(request, failure);
        if (r < 0)
                return r;

        r = mover_observe(service->mover, request->functions, request->n_functions, request->begun_usec,
                          on_observed, request, &request->observation);
        return r < 0 ? fail_internal(failure, r) : 0;
}

/* Takes REQUEST on its way. */
static int set_out(struct bus_request *request) {
        _cleanup_failure_ struct failure failure = {};

        if (begin(request, &failure) < 0)
                stop(request, &failure);
        return 1;
}

static int begin_errand(struct service *service, sd_bus_message *message, wish_reader_t read,
                        bool plan_only) {
        _cleanup_failure_ struct failure failure = {};
        struct bus_request *request;

        if (request_new(service, message, &request, &failure) < 0)
                return reply_failure(message, &failure);

        request->read = read;
        request->plan_only = plan_only;
        return set_out(request);
}

int road_move(struct service *service, sd_bus_message *message, wish_reader_t read) {
        return begin_errand(service, message, read, false);
}

int road_plan(struct service *service, sd_bus_message *message, wish_reader_t read) {
        return begin_errand(service, message, read, true);
}

int road_apply(struct service *service, sd_bus_message *message) {
        _cleanup_failure_ struct failure failure = {};
        struct bus_request *request;
        const char *token;
        int r;

        r = sd_bus_message_read(message, "s", &token);
        if (r < 0)
                return r;

        if (request_new(service, message, &request, &failure) < 0)
                return reply_failure(message, &failure);

        request->ticket = tickets_take(service->tickets, request->uid, token);
        if (!request->ticket) {
                fail(&failure, FAILURE_NO_SUCH_PLAN,
                     "No plan of this user has that token: it serves once, for five minutes, and only the latest are kept");
                request_fail(request, &failure, false);
                return 1;
        }

        return set_out(request);
}
