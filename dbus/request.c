/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Requests under way. */

#include <errno.h>
#include <inttypes.h>

#include "dbus/error.h"
#include "dbus/moves.h"
#include "dbus/names.h"
#include "dbus/path.h"
#include "dbus/request.h"
#include "polkit/authorize.h"

/* How many requests may be under way at once, in all and for one user, those that wait for a person at a dialog included. */
#define REQUESTS_MAX 128
#define REQUESTS_PER_USER_MAX 16

struct bus_request {
        struct bus_request *next;
        struct service *service;
        sd_bus_message *message;
        wish_reader_t read;
        uid_t uid;
        uint32_t id; /* of its object on the bus; 0 while it has none */

        struct wish wish;
        struct function **functions; /* the model's: valid until the event loop comes round */
        size_t n_functions;
        struct observation *observation;

        struct checks checks;  /* what polkit is asked, or has allowed */
        bool authorized;       /* it has */
        struct question *question;
        sd_bus_track *caller;
};

static void clear_wish(struct bus_request *request) {
        free(request->wish.addresses);
        request->wish = (struct wish){};
}

static void request_free(struct bus_request *request) {
        struct bus_request **link = &request->service->requests;

        while (*link != request)
                link = &(*link)->next;
        *link = request->next;

        observation_free(request->observation);
        question_free(request->question);
        checks_clear(&request->checks);
        clear_wish(request);
        free(request->functions);
        sd_bus_track_unref(request->caller);
        sd_bus_message_unref(request->message);
        free(request);
}

void requests_free(struct service *service) {
        while (service->requests)
                request_free(service->requests);
}

/* MOVED tells that it had become an operation, which says itself how it ended. */
static void end_with_failure(struct bus_request *request, const struct failure *failure, bool moved) {
        if (request->id != 0 && !moved)
                emit_operation_finished(request->service, request->id, request->uid, failure, NULL);
        (void) reply_failure(request->message, failure);
        request_free(request);
}

static void end_with_moves(struct bus_request *request, const struct plan *plan) {
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(request->message, &reply);
        if (r >= 0)
                r = append_moves(reply, request->service->model, plan);
        if (r >= 0)
                (void) sd_bus_send(NULL, reply, NULL);

        sd_bus_message_unref(reply);
        request_free(request);
}

static void on_moved(const struct journal_entry *entry, const struct failure *failure, void *userdata) {
        if (failure->kind != FAILURE_NONE)
                end_with_failure(userdata, failure, true);
        else
                end_with_moves(userdata, entry->plan);
}

/* The last step: nobody can call it off any more. */
static int carry_out(struct bus_request *request, struct plan *plan, struct failure *failure) {
        request->caller = sd_bus_track_unref(request->caller);

        if (plan->n_movements == 0) {
                plan_free(plan);
                end_with_moves(request, NULL);
                return 0;
        }

        return mover_start(request->service->mover, request->id ?: mover_next_id(request->service->mover), plan, request->wish.word, request->uid,
                           sd_bus_message_get_sender(request->message), on_moved, request, failure);
}

static int begin(struct bus_request *request, struct failure *failure);

static void on_authorized(const struct failure *failure, void *userdata) {
        struct bus_request *request = userdata;
        _cleanup_failure_ struct failure again = {};

        if (failure->kind != FAILURE_NONE) {
                end_with_failure(request, failure, false);
                return;
        }

        request->authorized = true;
        request->question = question_free(request->question);
        if (begin(request, &again) < 0)
                end_with_failure(request, &again, false);
}

/* Asks polkit, or sees whether what it has answered is what is needed. Returns 1 if the plan may be carried out now, 0 if the answer
 * comes later. */
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

static int find_functions(struct bus_request *request, struct failure *failure) {
        const struct request wanted = {
                .addresses = request->wish.addresses,
                .n_addresses = request->wish.n_addresses,
                .flags = request->wish.flags & VFIOBIND_FLAG_GROUP ? PLAN_GROUP : 0,
        };

        free(TAKE_PTR(request->functions));
        return plan_functions(request->service->model, &wanted, &request->functions, &request->n_functions, failure);
}

static int proceed(struct bus_request *request, struct failure *failure) {
        _cleanup_(plan_freep) struct plan *plan = NULL;
        struct mover *mover = request->service->mover;
        int r;

        /* Some may have gone while the others were looked at. */
        r = find_functions(request, failure);
        if (r >= 0)
                r = mover_check_busy(mover, request->functions, request->n_functions, failure);
        if (r >= 0)
                r = mover_plan(mover, request->functions, request->n_functions, request->wish.word, &plan, failure);
        if (r >= 0)
                r = plan_check_findings(plan, failure);
        if (r >= 0)
                r = ensure_authorized(request, plan, failure);
        if (r <= 0)
                return r;

        return carry_out(request, TAKE_PTR(plan), failure);
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
        else if (error == -EPIPE)
                r = fail(&failure, FAILURE_MOVE_FAILED,
                         "%s was not moved: the worker that looked at it was killed before anything was done",
                         PCI_ADDRESS_TEXT(&address));
        else if (error < 0)
                r = fail_internal(&failure, error);
        else
                r = proceed(request, &failure);

        if (r < 0)
                end_with_failure(request, &failure, false);
}

static int check_flags(const struct wish *wish, struct failure *failure) {
        static const uint64_t supported = VFIOBIND_FLAG_GROUP;

        if (wish->flags & ~(uint64_t) VFIOBIND_FLAG_ALL)
                return fail(failure, FAILURE_INVALID_ARGUMENT, "The flags 0x%" PRIx64 " contain unknown bits", wish->flags);
        if (wish->flags & ~supported)
                return fail(failure, FAILURE_NOT_SUPPORTED, "The flags 0x%" PRIx64 " contain bits that this release does not support",
                            wish->flags);
        return 0;
}

static int begin(struct bus_request *request, struct failure *failure) {
        struct service *service = request->service;
        int r;

        clear_wish(request);
        r = request->read(service, request->message, &request->wish, failure);
        if (r >= 0)
                r = check_flags(&request->wish, failure);
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

        r = mover_observe(service->mover, request->functions, request->n_functions, on_observed, request,
                          &request->observation);
        return r < 0 ? fail_internal(failure, r) : 0;
}

static int on_caller_left(sd_bus_track *track, void *userdata) {
        _cleanup_failure_ struct failure failure = {};

        fail(&failure, FAILURE_ACCESS_DENIED, "The caller has left before authorization was given");
        end_with_failure(userdata, &failure, false);
        return 0;
}

uint32_t request_id(const struct bus_request *request) {
        return request->id;
}

const struct wish *request_wish(const struct bus_request *request) {
        return &request->wish;
}

uid_t request_uid(const struct bus_request *request) {
        return request->uid;
}

const char *request_caller(const struct bus_request *request) {
        return sd_bus_message_get_sender(request->message);
}

const struct bus_request *request_by_id(const struct service *service, uint32_t id) {
        for (const struct bus_request *request = service->requests; request; request = request->next)
                if (request->id == id && id != 0)
                        return request;

        return NULL;
}

int requests_foreach(const struct service *service, int (*function)(const struct bus_request *request, void *userdata),
                     void *userdata) {
        int r = 0;

        for (const struct bus_request *request = service->requests; r == 0 && request; request = request->next)
                if (request->id != 0)
                        r = function(request, userdata);

        return r;
}

static int get_uid(sd_bus_message *message, uid_t *ret) {
        sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        sd_bus_creds_unref(creds);
        return r;
}

static int check_limits(const struct service *service, uid_t uid, struct failure *failure) {
        unsigned n = 0, n_of_user = 0;

        for (const struct bus_request *other = service->requests; other; other = other->next) {
                n++;
                n_of_user += other->uid == uid;
        }

        if (n_of_user >= REQUESTS_PER_USER_MAX)
                return fail(failure, FAILURE_LIMIT_EXCEEDED, "The user has %u requests under way: let some of them end first",
                            n_of_user);
        if (n >= REQUESTS_MAX && uid != 0)
                return fail(failure, FAILURE_LIMIT_EXCEEDED, "The service has %u requests under way: try again later", n);
        return 0;
}

static int watch_caller(struct bus_request *request) {
        int r;

        r = sd_bus_track_new(request->service->bus, &request->caller, on_caller_left, request);
        return r < 0 ? r : sd_bus_track_add_sender(request->caller, request->message);
}

int request_begin(struct service *service, sd_bus_message *message, wish_reader_t read) {
        _cleanup_failure_ struct failure failure = {};
        struct bus_request *request;
        uid_t uid;
        int r;

        /* Who has left by now gets nothing done, and nobody is there to be told. */
        r = get_uid(message, &uid);
        if (r < 0)
                return r;

        if (check_limits(service, uid, &failure) < 0)
                return reply_failure(message, &failure);

        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        request->next = service->requests;
        request->service = service;
        request->message = sd_bus_message_ref(message);
        request->read = read;
        request->uid = uid;
        service->requests = request;

        r = watch_caller(request);
        if (r < 0)
                fail_internal(&failure, r);
        else
                r = begin(request, &failure);
        if (r < 0)
                end_with_failure(request, &failure, false);
        return 1;
}
