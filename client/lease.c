/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lease that this process holds. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "cleanup.h"
#include "dbus/names.h"
#include "json.h"
#include "lease.h"

#define DBUS "org.freedesktop.DBus"

/* How long devices may take to go back before nobody waits for them any more: the service's own limit is
 * 20 seconds unless configured. */
#define PATIENCE_USEC (30 * UINT64_C(1000000))

int lease_read_list(sd_bus_message *reply, json_object **ret) {
        static const char *const keys[] = { "unique_name", "uid", "pid", "addresses", "state", NULL };
        _cleanup_json_ json_object *structures = NULL;
        int r;

        r = json_read(reply, &structures);
        return r < 0 ? r : json_name_structures(structures, keys, ret);
}

int lease_take(Lease *lease, sd_bus *bus, sd_bus_message *reply) {
        int descriptor, r;

        r = sd_bus_message_read(reply, "h", &descriptor);
        if (r < 0)
                return r;

        descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
        if (descriptor < 0)
                return -errno;

        *lease = (Lease){ .bus = bus, .descriptor = descriptor };
        return 0;
}

/* A call that does not start a service which somebody has stopped. */
static int new_question(sd_bus *bus, const char *member, sd_bus_message **ret) {
        _cleanup_bus_message_ sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, VFIOBIND_BUS_NAME, VFIOBIND_PATH,
                                           VFIOBIND_MANAGER_INTERFACE, member);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;

        *ret = m;
        m = NULL;
        return 0;
}

/* What the service has to say of the lease of this connection: "held", "returning", a word of a later
 * release, or "" where there is none any more. The word is part of `list`. */
static const char *find_state(const Lease *lease, json_object *list) {
        const char *name;

        if (sd_bus_get_unique_name(lease->bus, &name) < 0)
                return "";

        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *row = json_object_array_get_idx(list, i);

                if (strcmp(json_string(row, "unique_name"), name) == 0)
                        return json_string(row, "state");
        }
        return "";
}

static bool has_ended(const Lease *lease, json_object *list) {
        const char *state = find_state(lease, list);

        return !*state || strcmp(state, "returning") == 0;
}

static void stop_watching(Lease *lease) {
        lease->watch = sd_event_source_disable_unref(lease->watch);
        lease->owner = sd_bus_slot_unref(lease->owner);
        lease->question = sd_bus_slot_unref(lease->question);
}

/* An error says nothing of the lease: the service is on its way down, or up. It is asked again when it is
 * there. */
static int on_list(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_json_ json_object *list = NULL;
        Lease *lease = userdata;

        lease->question = sd_bus_slot_unref(lease->question);
        if (sd_bus_message_is_method_error(reply, NULL) || lease_read_list(reply, &list) < 0 ||
            !has_ended(lease, list))
                return 0;

        stop_watching(lease);
        lease->ended(lease);
        return 0;
}

/* The newest question is the one that counts. */
static int ask(Lease *lease) {
        _cleanup_bus_message_ sd_bus_message *question = NULL;
        int r;

        lease->question = sd_bus_slot_unref(lease->question);
        r = new_question(lease->bus, "ListLeases", &question);
        return r < 0 ? r : sd_bus_call_async(lease->bus, &lease->question, question, on_list, lease, 0);
}

/* Without a bus there is nobody to ask, and the lease is taken for held. */
static int on_descriptor(sd_event_source *source, int descriptor, uint32_t events, void *userdata) {
        ask(userdata);
        return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *name, *old, *new;

        if (sd_bus_message_read(message, "sss", &name, &old, &new) >= 0 && *new)
                ask(userdata);
        return 0;
}

int lease_watch(Lease *lease, sd_event *loop) {
        int r;

        r = sd_bus_add_match(lease->bus, &lease->owner,
                             "type='signal',sender='" DBUS
                             "',member='NameOwnerChanged',arg0='" VFIOBIND_BUS_NAME "'",
                             on_owner, lease);
        if (r < 0)
                return r;

        /* Errors are always reported. Each once, for as long as the service is down nothing else happens. */
        return sd_event_add_io(loop, &lease->watch, lease->descriptor, EPOLLET, on_descriptor, lease);
}

/* Whether the service knows that something of it is open through VFIO, which keeps it from going back. */
static bool is_open(Lease *lease, char **addresses) {
        static const char *const keys[] = { "token", "steps", "findings", NULL };
        _cleanup_bus_message_ sd_bus_message *question = NULL, *reply = NULL;
        _cleanup_json_ json_object *plan = NULL;
        json_object *findings;
        int r;

        r = new_question(lease->bus, "Plan", &question);
        if (r >= 0)
                r = sd_bus_message_append_strv(question, addresses);
        if (r >= 0)
                r = sd_bus_message_append(question, "st", "host", UINT64_C(0));
        if (r >= 0)
                r = sd_bus_call(lease->bus, question, 0, NULL, &reply);
        if (r < 0 || json_read_named(reply, keys, &plan) < 0)
                return false;

        findings = json_member(plan, "findings");
        for (size_t i = 0; i < json_length(plan, "findings"); i++) {
                json_object *kind = json_object_array_get_idx(json_object_array_get_idx(findings, i), 2);

                if (strcmp(json_object_get_string(kind) ?: "", "vfio") == 0)
                        return true;
        }
        return false;
}

/* 1 if the service has no such lease, 0 if it has, or a negative errno. */
static int is_gone(Lease *lease) {
        _cleanup_bus_message_ sd_bus_message *question = NULL, *reply = NULL;
        _cleanup_json_ json_object *list = NULL;
        int r;

        r = new_question(lease->bus, "ListLeases", &question);
        if (r >= 0)
                r = sd_bus_call(lease->bus, question, 0, NULL, &reply);
        if (r >= 0)
                r = lease_read_list(reply, &list);
        return r < 0 ? r : !*find_state(lease, list);
}

static uint64_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static int on_change(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        *(bool *) userdata = true;
        return 0;
}

/* Reads on until the service has signalled something. 0 at the deadline. */
static int wait_for_change(sd_bus *bus, const bool *changed, uint64_t deadline) {
        while (!*changed) {
                uint64_t now = now_usec();
                int r;

                if (now >= deadline)
                        return 0;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, deadline - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 1;
}

int lease_give_back(Lease *lease, char **addresses) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        uint64_t deadline = now_usec() + PATIENCE_USEC;
        bool changed = false;
        int r;

        r = sd_bus_add_match(lease->bus, &slot, "type='signal',sender='" VFIOBIND_BUS_NAME "'", on_change,
                             &changed);
        lease_done(lease);
        if (r < 0)
                return r;

        for (;;) {
                changed = false;
                r = is_gone(lease);
                if (r != 0)
                        return r;
                if (is_open(lease, addresses))
                        return 0;
                r = wait_for_change(lease->bus, &changed, deadline);
                if (r <= 0)
                        return r;
        }
}

void lease_done(Lease *lease) {
        stop_watching(lease);
        if (lease->descriptor >= 0)
                close(lease->descriptor);
        lease->descriptor = -1;
}
