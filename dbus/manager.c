/* SPDX-License-Identifier: GPL-2.0-or-later */

/* org.vfiobind.Manager: the root object. */

#include <errno.h>
#include <stdio.h>

#include "dbus/error.h"
#include "dbus/lease.h"
#include "dbus/path.h"
#include "dbus/policy.h"
#include "dbus/service.h"
#include "dbus/wish.h"

static int append_device(sd_bus_message *reply, const struct function *f) {
        char id[sizeof("ffff:ffff")];
        _cleanup_free_ char *name = NULL;

        snprintf(id, sizeof(id), "%04x:%04x", f->vendor, f->device);
        if (asprintf(&name, "%s%s%s", f->vendor_name, *f->vendor_name && *f->device_name ? " " : "",
                     f->device_name) < 0)
                return -ENOMEM;

        return sd_bus_message_append(reply, "(susssiso)", PCI_ADDRESS_TEXT(&f->address), f->class_code, id,
                                     f->class_name, name, f->group, f->driver, DEVICE_PATH(&f->address));
}

static int append_devices(sd_bus_message *reply, const struct service *service) {
        struct function *const *functions;
        int r = 0;
        size_t n;

        functions = model_functions(service->model, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_device(reply, functions[i]);
        return r;
}

static int append_group(sd_bus_message *reply, const struct group *g) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "ubaso");
        if (r >= 0)
                r = sd_bus_message_append(reply, "ub", g->id, g->n_blockers == 0);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                r = sd_bus_message_append(reply, "s", PCI_ADDRESS_TEXT(&g->members[i]->address));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", GROUP_PATH((int) g->id));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_groups(sd_bus_message *reply, const struct service *service) {
        struct group *const *groups;
        int r = 0;
        size_t n;

        groups = model_groups(service->model, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_group(reply, groups[i]);
        return r;
}

/* Answers with one array of structures. */
static int reply_list(sd_bus_message *message, const struct service *service, const char *type,
                      int (*append)(sd_bus_message *reply, const struct service *service)) {
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', type);
        if (r >= 0)
                r = append(reply, service);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);

        sd_bus_message_unref(reply);
        return r;
}

static int method_list_devices(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return reply_list(message, userdata, "(susssiso)", append_devices);
}

static int method_list_groups(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return reply_list(message, userdata, "(ubaso)", append_groups);
}

static int method_list_leases(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return reply_list(message, userdata, "(suuass)", append_leases);
}

static int method_get_device(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_failure_ struct failure failure = {};
        struct service *service = userdata;
        struct pci_address address;
        const char *text;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r < 0)
                return r;

        if (parse_address(text, &address, &failure) < 0)
                return set_error(error, &failure);
        if (!model_function(service->model, &address)) {
                fail(&failure, FAILURE_NO_SUCH_DEVICE,
                     "%s is not the address of a PCI function on this host", PCI_ADDRESS_TEXT(&address));
                return set_error(error, &failure);
        }

        return sd_bus_reply_method_return(message, "o", DEVICE_PATH(&address));
}

static int method_get_group(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_failure_ struct failure failure = {};
        struct service *service = userdata;
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "u", &id);
        if (r < 0)
                return r;

        if (id > INT_MAX || !model_group(service->model, (int) id)) {
                wish_no_group(service, id, &failure);
                return set_error(error, &failure);
        }

        return sd_bus_reply_method_return(message, "o", GROUP_PATH((int) id));
}

#define DEFINE_REQUEST(name, reader)                                                                        \
        static int name(sd_bus_message *message, void *userdata, sd_bus_error *error) {                     \
                return road_move(userdata, message, reader);                                                \
        }

DEFINE_REQUEST(method_bind, wish_bind)
DEFINE_REQUEST(method_bind_devices, wish_bind_devices)
DEFINE_REQUEST(method_bind_group, wish_bind_group)
DEFINE_REQUEST(method_restore, wish_restore)
DEFINE_REQUEST(method_restore_devices, wish_restore_devices)
DEFINE_REQUEST(method_restore_group, wish_restore_group)
DEFINE_REQUEST(method_acquire, wish_acquire)
DEFINE_REQUEST(method_open_device, wish_open)
DEFINE_REQUEST(method_reset, wish_reset)
DEFINE_REQUEST(method_set_virtual_functions, wish_virtual_functions)

static int method_plan(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return road_plan(userdata, message, wish_bind_devices);
}

static int method_apply(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return road_apply(userdata, message);
}

GETTER(get_version) {
        return sd_bus_message_append(reply, "s", VERSION);
}

GETTER(get_default_backend) {
        struct service *service = userdata;

        return sd_bus_message_append(reply, "s", mover_default_backend(service->mover));
}

GETTER(get_selected_backend) {
        return sd_bus_message_append(reply, "s", policy_selected_backend(userdata));
}

GETTER(get_iommu_present) {
        return sd_bus_message_append(reply, "b", policy_iommu_present(userdata));
}

GETTER(get_backends) {
        const struct model *model = policy_model(userdata);
        const struct backend *all;
        size_t n;
        int r;

        all = backends(&n);
        r = sd_bus_message_open_container(reply, 'a', "(ssbs)");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_free_ char *reason = NULL;
                int available;

                available = backend_available(&all[i], model, &reason);
                r = available < 0 ? available
                                  : sd_bus_message_append(reply, "(ssbs)", all[i].name, all[i].driver,
                                                          available, strempty(reason));
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(susssiso)", devices),
                                method_list_devices, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListGroups", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ubaso)", groups),
                                method_list_groups, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetDevice", SD_BUS_ARGS("s", device), SD_BUS_RESULT("o", object),
                                method_get_device, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetGroup", SD_BUS_ARGS("u", group), SD_BUS_RESULT("o", object),
                                method_get_group, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Bind", SD_BUS_ARGS("s", device, "s", driver, "t", flags),
                                SD_BUS_RESULT("a(sss)", moves), method_bind, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("BindDevices", SD_BUS_ARGS("as", devices, "s", driver, "t", flags),
                                SD_BUS_RESULT("a(sss)", moves), method_bind_devices,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("BindGroup", SD_BUS_ARGS("u", group, "s", driver, "t", flags),
                                SD_BUS_RESULT("a(sss)", moves), method_bind_group,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("s", device, "t", flags),
                                SD_BUS_RESULT("a(sss)", moves), method_restore, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RestoreDevices", SD_BUS_ARGS("as", devices, "t", flags),
                                SD_BUS_RESULT("a(sss)", moves), method_restore_devices,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RestoreGroup", SD_BUS_ARGS("u", group, "t", flags),
                                SD_BUS_RESULT("a(sss)", moves), method_restore_group,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "Plan", SD_BUS_ARGS("as", devices, "s", driver, "t", flags),
                        SD_BUS_RESULT("s", token, "a(sss)", steps, "a(sssss)", findings, "as", actions),
                        method_plan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Apply", SD_BUS_ARGS("s", token), SD_BUS_RESULT("a(sss)", moves),
                                method_apply, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenDevice", SD_BUS_ARGS("s", device),
                                SD_BUS_RESULT("h", descriptor, "s", node), method_open_device,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reset", SD_BUS_ARGS("s", device, "s", method, "t", flags),
                                SD_BUS_RESULT("s", used), method_reset, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetVirtualFunctions",
                                SD_BUS_ARGS("s", device, "u", count, "s", driver, "t", flags),
                                SD_BUS_RESULT("as", addresses), method_set_virtual_functions,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Acquire", SD_BUS_ARGS("as", devices, "s", driver, "t", flags),
                                SD_BUS_RESULT("h", lease, "a(sss)", moves), method_acquire,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListLeases", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(suuass)", leases),
                                method_list_leases, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("DeviceMoved", SD_BUS_ARGS("s", address, "s", from, "s", to, "s", by), 0),
        SD_BUS_SIGNAL_WITH_ARGS(
                        "OperationFinished",
                        SD_BUS_ARGS("o", operation, "u", uid, "s", error, "s", message, "a(sss)", moves), 0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("DefaultBackend", "s", get_default_backend, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("SelectedBackend", "s", get_selected_backend, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("IommuPresent", "b", get_iommu_present, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Backends", "a(ssbs)", get_backends, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
