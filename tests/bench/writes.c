/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a move costs at the least: the writes that the service makes, in its order, by one process that does nothing else, and
 * unless told otherwise the wait for udev to have dealt with the VFIO node.
 *
 *   bench-writes [--no-wait] ADDRESS           a round trip for each line on stdin; answers each with the seconds of both ways,
 *                                              and of those the seconds that udev was waited for
 *   bench-writes [--no-wait] ADDRESS bind      one way, once
 *   bench-writes [--no-wait] ADDRESS restore
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-device.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#define HOST_DRIVER "e1000e"

struct program {
        const char *address;
        bool wait;
        sd_event *event;
        sd_device_monitor *monitor;
        char group[16];
        bool settled;
        double waited; /* seconds, on the last way to VFIO */
};

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void put(const char *directory, const char *name, const char *file, const char *text) {
        char path[256];
        int fd;

        snprintf(path, sizeof(path), "/sys/bus/pci/%s/%s/%s", directory, name, file);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, text, strlen(text)) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                exit(EXIT_FAILURE);
        }
        close(fd);
}

static void move(const struct program *program, const char *override, const char *from, const char *to) {
        put("devices", program->address, "driver_override", override);
        put("drivers", from, "unbind", program->address);
        put("drivers", to, "bind", program->address);
}

static int on_event(sd_device_monitor *monitor, sd_device *device, void *userdata) {
        struct program *program = userdata;
        sd_device_action_t action;
        const char *name;

        if (sd_device_get_sysname(device, &name) >= 0 && strcmp(name, program->group) == 0 &&
            sd_device_get_action(device, &action) >= 0 && action != SD_DEVICE_REMOVE)
                program->settled = true;
        return 0;
}

static void read_group(struct program *program) {
        char path[256], target[256];
        ssize_t n;

        snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", program->address);
        n = readlink(path, target, sizeof(target) - 1);
        if (n > 0) {
                target[n] = '\0';
                snprintf(program->group, sizeof(program->group), "%s", strrchr(target, '/') + 1);
        }
}

static int listen_to_udev(struct program *program) {
        int r;

        r = sd_event_new(&program->event);
        if (r >= 0)
                r = sd_device_monitor_new(&program->monitor);
        if (r >= 0)
                r = sd_device_monitor_filter_add_match_subsystem_devtype(program->monitor, "vfio", NULL);
        if (r >= 0)
                r = sd_device_monitor_attach_event(program->monitor, program->event);
        return r < 0 ? r : sd_device_monitor_start(program->monitor, on_event, program);
}

/* The node may have come and gone by others' hands since the last time. */
static void forget_events(const struct program *program) {
        while (program->wait && sd_event_run(program->event, 0) > 0)
                ;
}

static void bind_to_vfio(struct program *program) {
        double start;

        program->settled = false;
        move(program, "vfio-pci", HOST_DRIVER, "vfio-pci");

        start = now();
        while (program->wait && !program->settled)
                if (sd_event_run(program->event, UINT64_MAX) < 0)
                        exit(EXIT_FAILURE);
        program->waited = now() - start;
}

static void restore(struct program *program) {
        move(program, "\n", "vfio-pci", HOST_DRIVER);
}

static void serve(struct program *program) {
        while (getchar() != EOF) {
                double start, middle;

                forget_events(program);
                start = now();
                bind_to_vfio(program);
                middle = now();
                restore(program);
                printf("%.6f %.6f %.6f\n", middle - start, now() - middle, program->waited);
                fflush(stdout);
        }
}

int main(int argc, char *argv[]) {
        struct program program = { .wait = true };

        if (argc > 1 && strcmp(argv[1], "--no-wait") == 0) {
                program.wait = false;
                argv++;
                argc--;
        }
        if (argc < 2)
                return 2;

        program.address = argv[1];
        read_group(&program);
        if (program.wait && listen_to_udev(&program) < 0)
                return EXIT_FAILURE;

        if (argc == 2)
                serve(&program);
        else if (strcmp(argv[2], "bind") == 0)
                bind_to_vfio(&program);
        else
                restore(&program);
        return EXIT_SUCCESS;
}
