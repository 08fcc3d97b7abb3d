/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Properties that change without telling and may wake the device: a worker reads them when somebody asks for
 * one by name. sd-bus's getters answer at once, so the call is taken before they see it. */

#include <errno.h>

#include "dbus/error.h"
#include "dbus/names.h"
#include "dbus/path.h"
#include "dbus/service.h"
#include "service/move/workers/workers.h"

/* How long a device may take to wake up, in microseconds. */
#define LIMIT_USEC (5 * 1000 * 1000ULL)

/* How many calls may wait for their workers at once. */
#define READINGS_MAX 32

static const struct property {
        const char *name;
        const char *attribute; /* as Documentation/ABI/testing/sysfs-bus-pci and sysfs-class-pci_bus name it
                                */
        char type;
} properties[] = {
        { "PowerState", "power_state", 's' },       { "LinkSpeed", "current_link_speed", 's' },
        { "LinkWidth", "current_link_width", 'u' }, { "MaxLinkSpeed", "max_link_speed", 's' },
        { "MaxLinkWidth", "max_link_width", 'u' },
};

/* One call that waits for its worker. */
struct reading {
        sd_bus_message *message;
        const struct property *property;
        struct service *service;
        struct order order;
        struct worker *worker;
        sd_event_source *timer;
        bool again; /* the first worker was killed */
};

static int start_worker(struct reading *reading);

static void reading_free(struct reading *reading) {
        reading->service->n_readings--;
        workers_give_back(reading->service->workers, reading->worker);
        sd_event_source_disable_unref(reading->timer);
        sd_bus_message_unref(reading->message);
        free(reading);
}

/* An attribute that the device does not have, as conventional PCI has no link, is an empty value. */
static void reply_value(struct reading *reading, const char *value) {
        uint32_t number = (uint32_t) strtoul(value, NULL, 10);

        if (reading->property->type == 's')
                (void) sd_bus_reply_method_return(reading->message, "v", "s", value);
        else
                (void) sd_bus_reply_method_return(reading->message, "v", "u", number);
        reading_free(reading);
}

static void reply_error(struct reading *reading, enum failure_kind kind, const char *text) {
        _cleanup_failure_ struct failure failure = {};
        struct pci_address address = {};

        (void) device_path_parse(sd_bus_message_get_path(reading->message), &address);
        fail(&failure, kind, "%s: %s cannot be read: %s", PCI_ADDRESS_TEXT(&address),
             reading->property->name, text);
        (void) reply_failure(reading->message, &failure);
        reading_free(reading);
}

static void on_report(struct worker *worker, const struct report *report, void *userdata) {
        struct reading *reading = userdata;

        if (!report && !reading->again) {
                reading->again = true;
                reading->worker = workers_give_back(reading->service->workers, reading->worker);
                if (start_worker(reading) >= 0)
                        return;
        }

        if (report && (report->error >= 0 || report->error == -ENOENT || report->error == -EINVAL))
                reply_value(reading, report->value);
        else if (report && (report->error == -ENODEV || report->error == -ESTALE))
                reply_error(reading, FAILURE_NO_SUCH_DEVICE, "it has disappeared");
        else
                reply_error(reading, FAILURE_INTERNAL,
                            report ? strerror(-report->error) : "the worker was killed");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        reply_error(userdata, FAILURE_STUCK, "the device does not answer");
        return 0;
}

static int start_worker(struct reading *reading) {
        int r;

        r = workers_take(reading->service->workers, on_report, reading, &reading->worker);
        return r < 0 ? r : worker_order(reading->worker, &reading->order);
}

static int start(struct reading *reading) {
        int r;

        strcpy(reading->order.argument, reading->property->attribute);

        r = sd_event_add_time_relative(reading->service->event, &reading->timer, CLOCK_MONOTONIC, LIMIT_USEC,
                                       0, on_timer, reading);
        return r < 0 ? r : start_worker(reading);
}

static const struct property *property_in_call(sd_bus_message *message) {
        const char *interface, *name;

        if (!sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get") ||
            sd_bus_message_read(message, "ss", &interface, &name) < 0 ||
            !streq(interface, VFIOBIND_DEVICE_INTERFACE))
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(properties[i].name, name))
                        return &properties[i];

        return NULL;
}

int explicit_property_filter(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const struct property *property = property_in_call(message);
        const char *path = sd_bus_message_get_path(message);
        struct service *service = userdata;
        const struct function *f = NULL;
        struct pci_address address;
        struct reading *reading;
        int r;

        (void) sd_bus_message_rewind(message, true);
        if (streq(path, VFIOBIND_DEVICE_PATH))
                return 0;
        if (device_path_parse(path, &address) >= 0)
                f = model_function(service->model, &address);
        if (!f) /* for sd-bus the filter is enough to make an object */
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                                  "There is no object %s", path);
        if (!property)
                return 0; /* everything else takes the ordinary way */

        if (service->n_readings >= READINGS_MAX)
                return sd_bus_reply_method_errorf(
                                message, VFIOBIND_ERROR_LIMIT_EXCEEDED,
                                "%s cannot be read of %s now: %u properties are being read already",
                                property->name, PCI_ADDRESS_TEXT(&address), service->n_readings);

        reading = calloc(1, sizeof(*reading));
        if (!reading)
                return -ENOMEM;
        service->n_readings++;
        reading->message = sd_bus_message_ref(message);
        reading->property = property;
        reading->service = service;
        reading->order = (struct order){ .kind = STEP_READ, .address = f->address, .identity = f->identity };

        r = start(reading);
        if (r < 0) {
                reading_free(reading);
                return r;
        }
        return 1;
}
