/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Signals: what changes in the model, told on the bus. */

#include "dbus/moves.h"
#include "dbus/names.h"
#include "dbus/path.h"
#include "dbus/policy.h"
#include "dbus/request.h"
#include "dbus/service.h"

/* Which properties a change is about. */
static const struct {
        enum function_change change;
        const char *properties[4];
} function_changes[] = {
        { FUNCTION_DRIVER, { "Driver", "State" } },
        { FUNCTION_OVERRIDE, { "DriverOverride" } },
        { FUNCTION_GROUP, { "Group" } },
        { FUNCTION_NODE, { "VfioNode" } },
        { FUNCTION_VIRTUAL_FUNCTIONS, { "VirtualFunctions" } },
        { FUNCTION_RESET_METHODS, { "ResetMethods" } },
        { FUNCTION_HOME, { "HostDriver" } },
        { FUNCTION_BUSY, { "Busy" } },
        { FUNCTION_VFIO_DRIVER, { "VfioDriver" } },
        { FUNCTION_LEASE, { "Lease", "LeaseState" } },
};

static const struct {
        enum group_change change;
        const char *properties[4];
} group_changes[] = {
        { GROUP_MEMBERS, { "Devices" } },
        { GROUP_VIABLE, { "Viable", "Blockers" } },
        { GROUP_TYPE, { "Type" } },
};

#define CHANGED_MAX 16

/* Collects the names of all properties that CHANGES are about, from one of the tables above. */
#define collect(table, changes, names)                                                                      \
        ({                                                                                                  \
                size_t _n = 0;                                                                              \
                for (size_t _i = 0; _i < ELEMENTSOF(table); _i++)                                           \
                        for (size_t _j = 0; ((changes) &table[_i].change) && table[_i].properties[_j];      \
                             _j++)                                                                          \
                                (names)[_n++] = (char *) table[_i].properties[_j];                          \
                (names)[_n] = NULL;                                                                         \
        })

static void function_added(struct function *f, void *userdata) {
        struct service *service = userdata;

        (void) sd_bus_emit_object_added(service->bus, DEVICE_PATH(&f->address));
}

static void function_removed(struct function *f, void *userdata) {
        struct service *service = userdata;

        mover_forget(service->mover, f);
        emit_object_gone(service, DEVICE_PATH(&f->address), VFIOBIND_DEVICE_INTERFACE);
}

static void function_changed(struct function *f, unsigned changes, void *userdata) {
        struct service *service = userdata;
        char *names[CHANGED_MAX];

        collect(function_changes, changes, names);
        (void) sd_bus_emit_properties_changed_strv(service->bus, DEVICE_PATH(&f->address),
                                                   VFIOBIND_DEVICE_INTERFACE, names);
        if (changes & FUNCTION_OVERRIDE)
                mover_review(service->mover, f);
        if (changes & (FUNCTION_DRIVER | FUNCTION_NODE | FUNCTION_REBOUND))
                mover_review_group(service->mover, f->group);
}

static void function_moved(struct function *f, const char *from, enum moved_by mover, void *userdata) {
        static const char *const movers[] = { [MOVED_BY_KERNEL] = "kernel", [MOVED_BY_US] = "vfiobind" };
        struct service *service = userdata;

        (void) sd_bus_emit_signal(service->bus, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE, "DeviceMoved",
                                  "ssss", PCI_ADDRESS_TEXT(&f->address), from, f->driver, movers[mover]);
        if (mover == MOVED_BY_KERNEL && service->homecomings)
                homecomings_note_moved(service->homecomings, f);
}

/* What the manager shows depends on whether there are any groups. */
static void groups_come_or_go(struct service *service) {
        size_t n;

        model_groups(service->model, &n);
        if (n == 1)
                policy_announce(service);
}

static void group_added(struct group *g, void *userdata) {
        struct service *service = userdata;

        (void) sd_bus_emit_object_added(service->bus, GROUP_PATH((int) g->id));
        groups_come_or_go(service);
}

static void group_removed(struct group *g, void *userdata) {
        struct service *service = userdata;

        emit_object_gone(service, GROUP_PATH((int) g->id), VFIOBIND_GROUP_INTERFACE);
        mover_review_group(service->mover, (int) g->id);
}

static void group_changed(struct group *g, unsigned changes, void *userdata) {
        struct service *service = userdata;
        char *names[CHANGED_MAX];

        collect(group_changes, changes, names);
        (void) sd_bus_emit_properties_changed_strv(service->bus, GROUP_PATH((int) g->id),
                                                   VFIOBIND_GROUP_INTERFACE, names);
        if (changes & GROUP_MEMBERS)
                mover_review_group(service->mover, (int) g->id);
}

/* Operations. */

static void operation_began(const struct operation *operation, void *userdata) {
        struct service *service = userdata;
        uint32_t id = operation_entry(operation)->id;

        /* One that waited for authorization has its object already. */
        if (request_by_id(service, id))
                (void) sd_bus_emit_properties_changed(service->bus, OPERATION_PATH(id),
                                                      VFIOBIND_OPERATION_INTERFACE, "Devices", "State",
                                                      "Step", "Steps", "Message", NULL);
        else
                (void) sd_bus_emit_object_added(service->bus, OPERATION_PATH(id));
}

static void operation_changed(const struct operation *operation, void *userdata) {
        struct service *service = userdata;

        (void) sd_bus_emit_properties_changed(service->bus, OPERATION_PATH(operation_entry(operation)->id),
                                              VFIOBIND_OPERATION_INTERFACE, "State", "Step", "Message",
                                              NULL);
}

static void operation_settled(const struct operation *operation, const struct failure *failure, bool late,
                              void *userdata) {
        const struct journal_entry *entry = operation_entry(operation);
        struct service *service = userdata;

        emit_operation_finished(service, entry->id, entry->uid, failure, entry->plan);
        if (late && service->settled_late)
                service->settled_late(entry, failure);
}

const struct mover_listener operation_announcer = {
        .began = operation_began,
        .changed = operation_changed,
        .settled = operation_settled,
};

const struct model_listener announcer = {
        .function_added = function_added,
        .function_removed = function_removed,
        .function_changed = function_changed,
        .function_moved = function_moved,
        .group_added = group_added,
        .group_removed = group_removed,
        .group_changed = group_changed,
};
