/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The list of requests under way, and what each asks for. */

#include <errno.h>
#include <inttypes.h>

#include "dbus/error.h"
#include "dbus/moves.h"
#include "dbus/names.h"
#include "dbus/request.h"

/* How many requests may be under way at once, in all and for one user, those that wait for a person at a
 * dialog included. A bus lets a connection wait for 128 answers; polkit is asked one question for each
 * request, and others are asked as well. */
#define REQUESTS_MAX 96
#define REQUESTS_PER_USER_MAX 16

static void clear_wish(struct bus_request *request) {
        free(request->wish.addresses);
        request->wish = (struct wish){};
}

struct bus_request *request_free(struct bus_request *request) {
        struct bus_request **link = &request->service->requests;

        while (*link != request)
                link = &(*link)->next;
        *link = request->next;

        observation_free(request->observation);
        survey_free(request->survey);
        question_free(request->question);
        checks_clear(&request->checks);
        clear_wish(request);
        ticket_free(request->ticket);
        viewer_free(request->viewer);
        free(request->functions);
        sd_bus_track_unref(request->caller);
        sd_bus_message_unref(request->message);
        free(request);
        return NULL;
}

void requests_free(struct service *service) {
        while (service->requests)
                request_free(service->requests);
}

void request_fail(struct bus_request *request, const struct failure *failure, bool moved) {
        if (request->id != 0 && !moved)
                emit_operation_finished(request->service, request->id, request->uid, failure, NULL);
        (void) reply_failure(request->message, failure);
        request_free(request);
}

static int on_caller_left(sd_bus_track *track, void *userdata) {
        _cleanup_failure_ struct failure failure = {};

        fail(&failure, FAILURE_ACCESS_DENIED, "The caller has left before authorization was given");
        request_fail(userdata, &failure, false);
        return 0;
}

static int check_limits(const struct service *service, uid_t uid, struct failure *failure) {
        unsigned n = 0, n_of_user = 0;

        for (const struct bus_request *other = service->requests; other; other = other->next) {
                n++;
                n_of_user += other->uid == uid;
        }

        if (n_of_user >= REQUESTS_PER_USER_MAX)
                return fail(failure, FAILURE_LIMIT_EXCEEDED,
                            "The user has %u requests under way: let some of them end first", n_of_user);
        if (n >= REQUESTS_MAX && uid != 0)
                return fail(failure, FAILURE_LIMIT_EXCEEDED,
                            "The service has %u requests under way: try again later", n);
        return 0;
}

static int get_caller(sd_bus_message *message, uid_t *ret_uid, pid_t *ret_pid) {
        sd_bus_creds *creds = NULL;
        int r;

        *ret_pid = 0;
        r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret_uid);
        if (r >= 0)
                (void) sd_bus_creds_get_pid(creds, ret_pid);
        sd_bus_creds_unref(creds);
        return r;
}

static int watch_caller(struct bus_request *request) {
        int r;

        r = sd_bus_track_new(request->service->bus, &request->caller, on_caller_left, request);
        return r < 0 ? r : sd_bus_track_add_sender(request->caller, request->message);
}

int request_new(struct service *service, sd_bus_message *message, struct bus_request **ret,
                struct failure *failure) {
        struct bus_request *request;
        uid_t uid;
        pid_t pid;
        int r;

        /* Who has left by now gets nothing done, and nobody is there to be told. */
        r = get_caller(message, &uid, &pid);
        if (r < 0)
                return fail_internal(failure, r);

        r = check_limits(service, uid, failure);
        if (r < 0)
                return r;

        request = calloc(1, sizeof(*request));
        if (!request)
                return fail_internal(failure, -ENOMEM);
        request->next = service->requests;
        request->service = service;
        request->message = sd_bus_message_ref(message);
        request->uid = uid;
        request->pid = pid;
        service->requests = request;

        r = viewer_new(model_root(service->model), uid, pid, &request->viewer);
        if (r >= 0)
                r = watch_caller(request);
        if (r < 0) {
                request_free(request);
                return fail_internal(failure, r);
        }

        *ret = request;
        return 0;
}

static int check_flags(const struct wish *wish, struct failure *failure) {
        static const struct {
                uint64_t fitting, supported;
        } flags[_ERRAND_MAX] = {
                [ERRAND_MOVE] = { VFIOBIND_FLAG_ALL,
                                  VFIOBIND_FLAG_FORCE | VFIOBIND_FLAG_GROUP | VFIOBIND_FLAG_ACCESS },
                [ERRAND_LEASE] = { VFIOBIND_FLAG_ALL & ~VFIOBIND_FLAG_PERSIST,
                                   VFIOBIND_FLAG_FORCE | VFIOBIND_FLAG_GROUP | VFIOBIND_FLAG_ACCESS },
                [ERRAND_RESET] = { VFIOBIND_FLAG_FORCE, VFIOBIND_FLAG_FORCE },
                [ERRAND_OPEN] = {},
                [ERRAND_VIRTUAL_FUNCTIONS] = { VFIOBIND_FLAG_FORCE, VFIOBIND_FLAG_FORCE },
        };

        if (wish->flags & ~flags[wish->errand].fitting)
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "The flags 0x%" PRIx64 " contain bits that are unknown or do not fit here",
                            wish->flags);
        if (wish->flags & ~flags[wish->errand].supported)
                return fail(failure, FAILURE_NOT_SUPPORTED,
                            "The flags 0x%" PRIx64 " contain bits that this release does not support",
                            wish->flags);
        return 0;
}

static int wish_of_ticket(const struct ticket *ticket, struct wish *ret, struct failure *failure) {
        ret->addresses = calloc(ticket->n_addresses + 1, sizeof(*ret->addresses));
        if (!ret->addresses)
                return fail_internal(failure, -ENOMEM);

        memcpy(ret->addresses, ticket->addresses, ticket->n_addresses * sizeof(*ret->addresses));
        ret->n_addresses = ticket->n_addresses;
        ret->word = ticket->word;
        ret->flags = ticket->flags;
        return 0;
}

int request_read(struct bus_request *request, struct failure *failure) {
        int r;

        clear_wish(request);
        if (request->ticket)
                r = wish_of_ticket(request->ticket, &request->wish, failure);
        else
                r = request->read(request->service, request->message, &request->wish, failure);
        return r < 0 ? r : check_flags(&request->wish, failure);
}

const struct bus_request *request_by_id(const struct service *service, uint32_t id) {
        for (const struct bus_request *request = service->requests; request; request = request->next)
                if (request->id == id && id != 0)
                        return request;

        return NULL;
}

int requests_foreach(const struct service *service,
                     int (*function)(const struct bus_request *request, void *userdata), void *userdata) {
        int r = 0;

        for (const struct bus_request *request = service->requests; r == 0 && request;
             request = request->next)
                if (request->id != 0)
                        r = function(request, userdata);

        return r;
}
