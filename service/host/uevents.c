/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The device monitor and what its events mean for the model. */

#include <errno.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <systemd/sd-device.h>

#include "service/host/uevents.h"

/* How long the names database stays loaded after the last event, in microseconds: virtual functions come in
 * crowds. */
#define TRIM_DELAY_USEC (5 * 1000 * 1000ULL)

/* Enough for the events of some ten thousand functions. Without CAP_NET_ADMIN the kernel gives less, and a
 * scan heals it. */
#define RECEIVE_BUFFER_SIZE (16 * 1024 * 1024)

struct uevents {
        struct model *model;
        sd_device_monitor *monitor;
        sd_event_source *trim;
        uint32_t dropped;
        void (*changed)(struct function *f, void *userdata);
        void *userdata;
};

/* The socket counts what it had to drop; sd-device does not pass it on. */
static uint32_t count_dropped(struct uevents *uevents) {
        sd_event_source *source = sd_device_monitor_get_event_source(uevents->monitor);
        uint32_t values[SK_MEMINFO_VARS] = {};
        socklen_t size = sizeof(values);

        if (getsockopt(sd_event_source_get_io_fd(source), SOL_SOCKET, SO_MEMINFO, values, &size) < 0)
                return uevents->dropped;

        return values[SK_MEMINFO_DROPS];
}

/* The last component of PATH that is a PCI address: an event of something below a function is about that
 * function. */
static int address_in_path(const char *path, struct pci_address *ret) {
        int r = -ENOENT;

        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                char component[PCI_ADDRESS_SIZE];
                size_t length = strcspn(slash + 1, "/");

                if (length >= sizeof(component))
                        continue;
                memcpy(component, slash + 1, length);
                component[length] = '\0';
                if (pci_address_parse(component, ret) >= 0)
                        r = 0;
        }

        return r;
}

/* What the event itself says of the driver. A received device is sealed: asking for its properties reads no
 * file. Returns whether it is an old story: looking at sysfs because of that could skip a state that a later
 * event tells of. */
static bool note_driver(struct uevents *uevents, sd_device *device, struct function *f) {
        const char *driver = "", *subsystem;
        sd_device_action_t action;
        uint64_t seqnum;

        if (sd_device_get_action(device, &action) < 0 || sd_device_get_seqnum(device, &seqnum) < 0)
                return false;
        /* A VFIO node goes because the driver goes, which the function's own event tells next. */
        if (action == SD_DEVICE_REMOVE && sd_device_get_subsystem(device, &subsystem) >= 0 &&
            !streq(subsystem, "pci"))
                return true;
        if (seqnum <= f->seqnum)
                return action != SD_DEVICE_REMOVE; /* which is told before it is done */
        if (action == SD_DEVICE_UNBIND ||
            (action == SD_DEVICE_BIND && sd_device_get_property_value(device, "DRIVER", &driver) >= 0))
                (void) model_note_driver(uevents->model, f, driver, seqnum);
        return false;
}

/* What has been missed may have been about any of them. */
static void scan(struct uevents *uevents) {
        struct function *const *functions;
        size_t n;

        model_scan(uevents->model);

        functions = model_functions(uevents->model, &n);
        for (size_t i = 0; uevents->changed && i < n; i++)
                uevents->changed(functions[i], uevents->userdata);
}

static int on_event(sd_device_monitor *monitor, sd_device *device, void *userdata) {
        struct uevents *uevents = userdata;
        struct pci_address address;
        struct function *f;
        uint32_t dropped;
        const char *path;

        if (sd_device_get_syspath(device, &path) >= 0 && address_in_path(path, &address) >= 0) {
                f = model_function(uevents->model, &address);
                if (!f || !note_driver(uevents, device, f))
                        model_update(uevents->model, &address, MOVED_BY_KERNEL);

                f = model_function(uevents->model, &address);
                if (f && uevents->changed)
                        uevents->changed(f, uevents->userdata);
        }

        dropped = count_dropped(uevents);
        if (dropped != uevents->dropped) {
                uevents->dropped = dropped;
                scan(uevents);
        }

        if (sd_event_source_set_time_relative(uevents->trim, TRIM_DELAY_USEC) >= 0)
                sd_event_source_set_enabled(uevents->trim, SD_EVENT_ONESHOT);
        return 0;
}

static int on_trim(sd_event_source *source, uint64_t usec, void *userdata) {
        struct uevents *uevents = userdata;

        model_trim(uevents->model);
        return 0;
}

static int start(struct uevents *uevents, sd_event *event) {
        static const char *const subsystems[] = { "pci", "vfio-dev" };
        int r;

        r = sd_event_add_time_relative(event, &uevents->trim, CLOCK_MONOTONIC, TRIM_DELAY_USEC, 0, on_trim,
                                       uevents);
        if (r < 0)
                return r;

        r = sd_device_monitor_new(&uevents->monitor);
        if (r < 0)
                return r;
        (void) sd_device_monitor_set_receive_buffer_size(uevents->monitor, RECEIVE_BUFFER_SIZE);

        for (size_t i = 0; i < ELEMENTSOF(subsystems); i++) {
                r = sd_device_monitor_filter_add_match_subsystem_devtype(uevents->monitor, subsystems[i],
                                                                         NULL);
                if (r < 0)
                        return r;
        }

        r = sd_device_monitor_attach_event(uevents->monitor, event);
        if (r < 0)
                return r;
        return sd_device_monitor_start(uevents->monitor, on_event, uevents);
}

int uevents_new(sd_event *event, struct model *model, void (*changed)(struct function *f, void *userdata),
                void *userdata, struct uevents **ret) {
        struct uevents *uevents;
        int r;

        uevents = calloc(1, sizeof(*uevents));
        if (!uevents)
                return -ENOMEM;
        uevents->model = model;
        uevents->changed = changed;
        uevents->userdata = userdata;

        r = start(uevents, event);
        if (r < 0) {
                uevents_free(uevents);
                return r;
        }

        *ret = uevents;
        return 0;
}

struct uevents *uevents_free(struct uevents *uevents) {
        if (!uevents)
                return NULL;

        sd_device_monitor_unref(uevents->monitor);
        sd_event_source_disable_unref(uevents->trim);
        free(uevents);
        return NULL;
}
