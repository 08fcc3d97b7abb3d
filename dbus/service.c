/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Putting the objects on the bus. */

#include <errno.h>

#include "dbus/names.h"
#include "dbus/path.h"
#include "dbus/policy.h"
#include "dbus/request.h"
#include "dbus/service.h"
#include "service/host/array.h"

struct service *service_of_call(sd_bus_message *message) {
        return sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(message)));
}

static int find_device(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error) {
        struct service *service = userdata;
        struct pci_address address;
        struct function *f;

        if (device_path_parse(path, &address) < 0)
                return 0;

        f = model_function(service->model, &address);
        if (!f)
                return 0;

        *ret_found = f;
        return 1;
}

static int find_group(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                      sd_bus_error *error) {
        struct service *service = userdata;
        struct group *g;
        int id;

        if (group_path_parse(path, &id) < 0)
                return 0;

        g = model_group(service->model, id);
        if (!g)
                return 0;

        *ret_found = g;
        return 1;
}

static int find_operation(sd_bus *bus, const char *path, const char *interface, void *userdata,
                          void **ret_found, sd_bus_error *error) {
        struct service *service = userdata;
        struct activity activity = {};

        if (operation_path_parse(path, &activity.id) < 0)
                return 0;

        activity.operation = mover_operation(service->mover, activity.id);
        activity.request = request_by_id(service, activity.id);
        if (!activity.operation && !activity.request)
                return 0;

        /* It is read before the next object is looked for. */
        service->activity = activity;
        *ret_found = &service->activity;
        return 1;
}

/* sd-bus frees a list of strings that each was allocated. */
static int end_list(char **list, int r, char ***ret) {
        if (r >= 0) {
                *ret = list;
                return 1;
        }

        for (char **p = list; p && *p; p++)
                free(*p);
        free(list);
        return r;
}

static int list_device_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                             sd_bus_error *error) {
        struct service *service = userdata;
        struct function *const *functions;
        int r = 0;
        char **list;
        size_t n;

        functions = model_functions(service->model, &n);
        list = calloc(n + 1, sizeof(*list));
        for (size_t i = 0; list && r >= 0 && i < n; i++) {
                list[i] = strdup(DEVICE_PATH(&functions[i]->address));
                r = list[i] ? 0 : -ENOMEM;
        }

        return end_list(list, list ? r : -ENOMEM, ret_nodes);
}

static int list_group_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                            sd_bus_error *error) {
        struct service *service = userdata;
        struct group *const *groups;
        int r = 0;
        char **list;
        size_t n;

        groups = model_groups(service->model, &n);
        list = calloc(n + 1, sizeof(*list));
        for (size_t i = 0; list && r >= 0 && i < n; i++) {
                list[i] = strdup(GROUP_PATH((int) groups[i]->id));
                r = list[i] ? 0 : -ENOMEM;
        }

        return end_list(list, list ? r : -ENOMEM, ret_nodes);
}

struct id_list {
        uint32_t *array;
        size_t n;
};

static int add_id(uint32_t id, struct id_list *list) {
        uint32_t *slot;

        for (size_t i = 0; i < list->n; i++)
                if (list->array[i] == id)
                        return 0;

        slot = array_append(&list->array, &list->n, sizeof(*slot));
        if (!slot)
                return -ENOMEM;
        *slot = id;
        return 0;
}

static int add_operation(const struct operation *operation, void *userdata) {
        return add_id(operation_entry(operation)->id, userdata);
}

static int add_request(const struct bus_request *request, void *userdata) {
        return add_id(request->id, userdata);
}

static int list_operation_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                                sd_bus_error *error) {
        struct service *service = userdata;
        struct id_list ids = {};
        char **list = NULL;
        int r;

        r = mover_foreach(service->mover, add_operation, &ids);
        if (r >= 0)
                r = requests_foreach(service, add_request, &ids);
        if (r >= 0)
                list = calloc(ids.n + 1, sizeof(*list));
        for (size_t i = 0; list && r >= 0 && i < ids.n; i++) {
                list[i] = strdup(OPERATION_PATH(ids.array[i]));
                r = list[i] ? 0 : -ENOMEM;
        }

        free(ids.array);
        return end_list(list, list ? r : -ENOMEM, ret_nodes);
}

int service_publish(struct service *service) {
        sd_bus *bus = service->bus;
        int r;

        r = tickets_new(&service->tickets);
        if (r >= 0)
                r = policy_new(service, &service->policy);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, VFIOBIND_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE,
                                             manager_vtable, service);
        if (r >= 0)
                r = sd_bus_add_fallback(bus, NULL, VFIOBIND_DEVICE_PATH, explicit_property_filter, service);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, VFIOBIND_DEVICE_PATH, VFIOBIND_DEVICE_INTERFACE,
                                               device_vtable, find_device, service);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, VFIOBIND_DEVICE_PATH, list_device_paths, service);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, VFIOBIND_GROUP_PATH, VFIOBIND_GROUP_INTERFACE,
                                               group_vtable, find_group, service);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, VFIOBIND_GROUP_PATH, list_group_paths, service);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, VFIOBIND_OPERATION_PATH,
                                               VFIOBIND_OPERATION_INTERFACE, operation_vtable,
                                               find_operation, service);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, VFIOBIND_OPERATION_PATH, list_operation_paths,
                                               service);
        if (r < 0)
                return r;

        model_set_listener(service->model, &announcer, service);
        mover_set_listener(service->mover, &operation_announcer, service);
        return 0;
}

int service_request_name(struct service *service) {
        return sd_bus_request_name(service->bus, VFIOBIND_BUS_NAME, 0);
}

void service_close(struct service *service) {
        requests_free(service);
        service->tickets = tickets_free(service->tickets);
        service->policy = policy_free(service->policy);
        service->bus = sd_bus_flush_close_unref(service->bus);
}
