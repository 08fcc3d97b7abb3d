/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Moves a function by calls over one open connection, as a program does that manages virtual machines: a round trip for each line
 * on stdin; answers each with the seconds that both ways took.
 *
 *   bench-calls ADDRESS
 *   bench-calls ADDRESS parts      moves nothing: an empty call, and a plan, which is all that happens before the first write
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "dbus/names.h"

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void check(int r, const sd_bus_error *error) {
        if (r >= 0)
                return;

        fprintf(stderr, "%s\n", error->message);
        exit(EXIT_FAILURE);
}

#define CALL(bus, interface, ...)                                                                                      \
        do {                                                                                                           \
                sd_bus_error error = SD_BUS_ERROR_NULL;                                                                \
                check(sd_bus_call_method(bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, interface, __VA_ARGS__), &error);      \
        } while (0)

static void bind_to_vfio(sd_bus *bus, const char *address) {
        CALL(bus, VFIOBIND_MANAGER_INTERFACE, "Bind", &error, NULL, "sst", address, "vfio", UINT64_C(0));
}

static void restore(sd_bus *bus, const char *address) {
        CALL(bus, VFIOBIND_MANAGER_INTERFACE, "Restore", &error, NULL, "st", address, UINT64_C(0));
}

static void ping(sd_bus *bus, const char *address) {
        CALL(bus, "org.freedesktop.DBus.Peer", "Ping", &error, NULL, NULL);
}

static void plan(sd_bus *bus, const char *address) {
        CALL(bus, VFIOBIND_MANAGER_INTERFACE, "Plan", &error, NULL, "asst", 1, address, "vfio", UINT64_C(0));
}

int main(int argc, char *argv[]) {
        bool parts = argc == 3 && strcmp(argv[2], "parts") == 0;
        sd_bus *bus = NULL;

        if ((argc != 2 && !parts) || sd_bus_open_system(&bus) < 0)
                return EXIT_FAILURE;

        while (getchar() != EOF) {
                double start = now(), middle;

                (parts ? ping : bind_to_vfio)(bus, argv[1]);
                middle = now();
                (parts ? plan : restore)(bus, argv[1]);
                printf("%.6f %.6f\n", middle - start, now() - middle);
                fflush(stdout);
        }

        sd_bus_flush_close_unref(bus);
        return EXIT_SUCCESS;
}
