/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Listening to udev for the device files of VFIO. */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-device.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "service/host/sysfs.h"
#include "service/move/steps/node.h"

/* A file that must be there, as a device of its subsystem. */
struct node {
        const char *subsystem;
        char name[NAME_MAX + 1];
        bool needs_event; /* it did not exist before, so what udev's database says of its name may be about
                             an earlier one */
        bool settled;
};

struct node_watch {
        const struct root *root;
        sd_event *event;
        sd_device_monitor *monitor;
        int64_t seqnum;       /* of the kernel's last uevent before: that of a new node has a higher one */
        struct node nodes[2]; /* the group's, and the cdev's once its name is known */
        size_t n_nodes;
};

static const char *const subsystems[] = { "vfio", "vfio-dev" };

static bool udev_runs(const struct node_watch *watch) {
        _cleanup_free_ char *control = root_path(watch->root, "/run/udev/control");

        return control && access(control, F_OK) >= 0;
}

static bool is_initialized(const struct node *node) {
        sd_device *device = NULL;
        bool initialized;

        if (sd_device_new_from_subsystem_sysname(&device, node->subsystem, node->name) < 0)
                return false;

        initialized = sd_device_get_is_initialized(device) > 0;
        sd_device_unref(device);
        return initialized;
}

static bool all_settled(const struct node_watch *watch) {
        for (size_t i = 0; i < watch->n_nodes; i++)
                if (!watch->nodes[i].settled)
                        return false;

        return true;
}

static int on_event(sd_device_monitor *monitor, sd_device *device, void *userdata) {
        struct node_watch *watch = userdata;
        const char *subsystem, *name;
        sd_device_action_t action;
        uint64_t seqnum;

        if (sd_device_get_subsystem(device, &subsystem) < 0 || sd_device_get_sysname(device, &name) < 0 ||
            sd_device_get_action(device, &action) < 0 || action == SD_DEVICE_REMOVE)
                return 0;

        /* udev takes the events of one name in their order, and may still be at those of an earlier node. */
        if (sd_device_get_seqnum(device, &seqnum) < 0 || seqnum <= (uint64_t) watch->seqnum)
                return 0;

        for (size_t i = 0; i < watch->n_nodes; i++)
                if (streq(watch->nodes[i].subsystem, subsystem) && streq(watch->nodes[i].name, name))
                        watch->nodes[i].settled = true;

        return 0;
}

static int on_break(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(source), -ECANCELED);
}

static int start(struct node_watch *watch) {
        int r;

        r = sd_event_new(&watch->event);
        if (r < 0)
                return r;

        r = sd_device_monitor_new(&watch->monitor);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(subsystems); i++) {
                r = sd_device_monitor_filter_add_match_subsystem_devtype(watch->monitor, subsystems[i],
                                                                         NULL);
                if (r < 0)
                        return r;
        }

        r = sd_device_monitor_attach_event(watch->monitor, watch->event);
        if (r < 0)
                return r;
        return sd_device_monitor_start(watch->monitor, on_event, watch);
}

int node_watch_new(const struct root *root, const char *group, struct node_watch **ret) {
        struct node_watch *watch;
        char path[PATH_MAX];
        int r;

        watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        watch->root = root;

        watch->nodes[0].subsystem = "vfio";
        snprintf(watch->nodes[0].name, sizeof(watch->nodes[0].name), "%s", group);
        snprintf(path, sizeof(path), "class/vfio/%s", group);
        watch->nodes[0].needs_event = faccessat(root->sys, path, F_OK, 0) < 0;
        watch->n_nodes = 1;

        r = sysfs_read_number(root->sys, "kernel/uevent_seqnum", &watch->seqnum);
        if (r >= 0)
                r = start(watch);
        if (r < 0) {
                node_watch_free(watch);
                return r;
        }

        *ret = watch;
        return 0;
}

struct node_watch *node_watch_free(struct node_watch *watch) {
        if (!watch)
                return NULL;

        sd_device_monitor_unref(watch->monitor);
        sd_event_unref(watch->event);
        free(watch);
        return NULL;
}

static int take_name(const char *name, void *userdata) {
        struct node *node = userdata;

        snprintf(node->name, sizeof(node->name), "%s", name);
        return 1;
}

/* Adds the cdev, whose name the kernel chose when the driver was bound. */
static void expect_cdev(struct node_watch *watch, int device) {
        struct node node = { .subsystem = "vfio-dev", .needs_event = true };
        char path[NAME_MAX + sizeof("vfio-dev//dev")];

        if (watch->n_nodes > 1 || sysfs_foreach(device, "vfio-dev", take_name, &node) <= 0)
                return;

        snprintf(path, sizeof(path), "vfio-dev/%s/dev", node.name);
        if (faccessat(device, path, F_OK, 0) >= 0)
                watch->nodes[watch->n_nodes++] = node;
}

/* With stat(), since access() asks the unit's device policy as well, which is another question. */
static bool group_file_exists(const struct node_watch *watch) {
        _cleanup_free_ char *directory = root_path(watch->root, "/dev/vfio"), *path = NULL;
        struct stat st;

        return directory && asprintf(&path, "%s/%s", directory, watch->nodes[0].name) >= 0 &&
               stat(path, &st) >= 0;
}

int node_watch_wait(struct node_watch *watch, int device, unsigned limit_msec, int break_fd) {
        _cleanup_(sd_event_source_unrefp) sd_event_source *timer = NULL, *hangup = NULL;
        int r;

        expect_cdev(watch, device);

        if (!udev_runs(watch))
                return group_file_exists(watch) ? 0 : -ENXIO;

        for (size_t i = 0; i < watch->n_nodes; i++)
                if (!watch->nodes[i].needs_event && is_initialized(&watch->nodes[i]))
                        watch->nodes[i].settled = true;

        r = sd_event_add_time_relative(watch->event, &timer, CLOCK_MONOTONIC, limit_msec * 1000ULL, 1, NULL,
                                       (void *) (intptr_t) -ETIMEDOUT);
        if (r < 0)
                return r;
        r = sd_event_add_io(watch->event, &hangup, break_fd, EPOLLRDHUP, on_break, NULL);
        if (r < 0)
                return r;

        while (!all_settled(watch)) {
                r = sd_event_run(watch->event, UINT64_MAX);
                if (r < 0)
                        return r;
                if (sd_event_get_state(watch->event) == SD_EVENT_FINISHED) {
                        sd_event_get_exit_code(watch->event, &r);
                        return r;
                }
        }

        return group_file_exists(watch) ? 0 : -ENXIO;
}
