/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The arguments of the methods that change something. */

#include <errno.h>

#include "dbus/path.h"
#include "dbus/wish.h"
#include "service/host/array.h"
#include "service/host/printable.h"

#define WORD_HOST "host"

/* What is shown of an address that is none. */
#define SHOWN_SIZE 64

int parse_address(const char *text, struct pci_address *ret, struct failure *failure) {
        char shown[SHOWN_SIZE];

        if (pci_address_parse(text, ret) >= 0)
                return 0;

        text_cut(text, shown, sizeof(shown));
        return fail(failure, FAILURE_INVALID_ARGUMENT,
                    "\"%s\" is not a PCI address: it should look like 0000:65:00.0, or 65:00.0 in domain 0",
                    shown);
}

static int add_address(struct wish *wish, const struct pci_address *address, struct failure *failure) {
        struct pci_address *slot = array_append(&wish->addresses, &wish->n_addresses, sizeof(*slot));

        if (!slot)
                return fail_internal(failure, -ENOMEM);
        *slot = *address;
        return 0;
}

static int add_text(struct wish *wish, const char *text, struct failure *failure) {
        struct pci_address address;
        int r;

        r = parse_address(text, &address, failure);
        return r < 0 ? r : add_address(wish, &address, failure);
}

int wish_no_group(const struct service *service, unsigned id, struct failure *failure) {
        size_t n;

        model_groups(service->model, &n);
        return fail(failure, FAILURE_NO_SUCH_GROUP,
                    n > 0 ? "%u is not the number of an IOMMU group on this host"
                          : "%u is not the number of an IOMMU group: this host has no IOMMU groups",
                    id);
}

/* The functions of a group that move with it: bridges stay. */
static int add_group(struct service *service, struct wish *wish, int id, struct failure *failure) {
        const struct group *g = model_group(service->model, id);
        int r = 0;

        if (!g)
                return wish_no_group(service, (unsigned) id, failure);

        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                if (!function_is_bridge(g->members[i]))
                        r = add_address(wish, &g->members[i]->address, failure);
        if (r >= 0 && wish->n_addresses == 0)
                return fail(failure, FAILURE_INVALID_ARGUMENT,
                            "IOMMU group %d consists of bridges, which are never moved", id);
        return r;
}

static int read_device(struct wish *wish, sd_bus_message *message, struct failure *failure) {
        const char *text;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        return r < 0 ? fail_internal(failure, r) : add_text(wish, text, failure);
}

static int read_devices(struct wish *wish, sd_bus_message *message, struct failure *failure) {
        const char *text;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return fail_internal(failure, r);

        while ((r = sd_bus_message_read(message, "s", &text)) > 0) {
                if (wish->n_addresses == PLAN_FUNCTIONS_MAX)
                        return fail(failure, FAILURE_INVALID_ARGUMENT, "More than %d devices are named",
                                    PLAN_FUNCTIONS_MAX);

                r = add_text(wish, text, failure);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return fail_internal(failure, r);

        return wish->n_addresses > 0 ? 0 : fail(failure, FAILURE_INVALID_ARGUMENT, "No device is named");
}

static int read_group(struct service *service, struct wish *wish, sd_bus_message *message,
                      struct failure *failure) {
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "u", &id);
        if (r < 0)
                return fail_internal(failure, r);

        return add_group(service, wish, id > INT_MAX ? -1 : (int) id, failure);
}

static int read_object(struct service *service, struct wish *wish, sd_bus_message *message,
                       struct failure *failure) {
        const char *path = sd_bus_message_get_path(message);
        struct pci_address address;
        int group;

        if (device_path_parse(path, &address) >= 0)
                return add_address(wish, &address, failure);
        if (group_path_parse(path, &group) >= 0)
                return add_group(service, wish, group, failure);

        return fail(failure, FAILURE_NO_SUCH_DEVICE, "%s is not an object of this service", path);
}

static int read_target(struct wish *wish, sd_bus_message *message, bool has_word, struct failure *failure) {
        int r = 0;

        wish->word = WORD_HOST;
        if (wish->errand == ERRAND_VIRTUAL_FUNCTIONS)
                r = sd_bus_message_read(message, "u", &wish->count);
        if (r >= 0 && has_word)
                r = sd_bus_message_read(message, "s", &wish->word);
        if (r >= 0)
                r = sd_bus_message_read(message, "t", &wish->flags);
        return r < 0 ? fail_internal(failure, r) : 0;
}

enum shape {
        SHAPE_DEVICE,
        SHAPE_DEVICES,
        SHAPE_GROUP,
        SHAPE_OBJECT,
};

static int read_wish(struct service *service, sd_bus_message *message, enum errand errand, enum shape shape,
                     bool has_word, struct wish *ret, struct failure *failure) {
        int r;

        ret->errand = errand;
        r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return fail_internal(failure, r);

        switch (shape) {
        case SHAPE_DEVICE:
                r = read_device(ret, message, failure);
                break;
        case SHAPE_DEVICES:
                r = read_devices(ret, message, failure);
                break;
        case SHAPE_GROUP:
                r = read_group(service, ret, message, failure);
                break;
        case SHAPE_OBJECT:
                r = read_object(service, ret, message, failure);
                break;
        }

        return r < 0 ? r : read_target(ret, message, has_word, failure);
}

#define DEFINE_WISH(name, errand, shape, has_word)                                                          \
        int name(struct service *service, sd_bus_message *message, struct wish *ret,                        \
                 struct failure *failure) {                                                                 \
                return read_wish(service, message, errand, shape, has_word, ret, failure);                  \
        }

DEFINE_WISH(wish_bind, ERRAND_MOVE, SHAPE_DEVICE, true)
DEFINE_WISH(wish_bind_devices, ERRAND_MOVE, SHAPE_DEVICES, true)
DEFINE_WISH(wish_bind_group, ERRAND_MOVE, SHAPE_GROUP, true)
DEFINE_WISH(wish_bind_object, ERRAND_MOVE, SHAPE_OBJECT, true)
DEFINE_WISH(wish_restore, ERRAND_MOVE, SHAPE_DEVICE, false)
DEFINE_WISH(wish_restore_devices, ERRAND_MOVE, SHAPE_DEVICES, false)
DEFINE_WISH(wish_restore_group, ERRAND_MOVE, SHAPE_GROUP, false)
DEFINE_WISH(wish_restore_object, ERRAND_MOVE, SHAPE_OBJECT, false)
DEFINE_WISH(wish_acquire, ERRAND_LEASE, SHAPE_DEVICES, true)
DEFINE_WISH(wish_reset, ERRAND_RESET, SHAPE_DEVICE, true)
DEFINE_WISH(wish_reset_object, ERRAND_RESET, SHAPE_OBJECT, true)
DEFINE_WISH(wish_virtual_functions, ERRAND_VIRTUAL_FUNCTIONS, SHAPE_DEVICE, true)

int wish_open(struct service *service, sd_bus_message *message, struct wish *ret, struct failure *failure) {
        int r;

        ret->errand = ERRAND_OPEN;
        ret->word = "";
        r = sd_bus_message_rewind(message, true);
        return r < 0 ? fail_internal(failure, r) : read_device(ret, message, failure);
}

int method_bind_object(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return road_move(service_of_call(message), message, wish_bind_object);
}

int method_restore_object(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return road_move(service_of_call(message), message, wish_restore_object);
}

int method_reset_object(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return road_move(service_of_call(message), message, wish_reset_object);
}
