/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Moves a function by calls over one open connection, as a program does that manages virtual machines: a round trip for each line
 * on stdin; answers each with the seconds that both ways took.
 *
 *   bench-calls ADDRESS
 *   bench-calls ADDRESS parts      moves nothing: an empty call, and a plan, which is all that happens before the first write
 */

#include <stdarg.h>
#include <stdbool.h>
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

/* What goes wrong is the answer instead of seconds. */
static bool call(sd_bus *bus, const char *interface, const char *member, const char *types, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = sd_bus_call_methodv(bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, interface, member, &error, NULL, types, arguments);
        va_end(arguments);

        if (r < 0)
                printf("%s: %s\n", member, error.message);
        sd_bus_error_free(&error);
        return r >= 0;
}

static bool bind_to_vfio(sd_bus *bus, const char *address) {
        return call(bus, VFIOBIND_MANAGER_INTERFACE, "Bind", "sst", address, "vfio", UINT64_C(0));
}

static bool restore(sd_bus *bus, const char *address) {
        return call(bus, VFIOBIND_MANAGER_INTERFACE, "Restore", "st", address, UINT64_C(0));
}

static bool ping(sd_bus *bus, const char *address) {
        return call(bus, "org.freedesktop.DBus.Peer", "Ping", NULL);
}

static bool plan(sd_bus *bus, const char *address) {
        return call(bus, VFIOBIND_MANAGER_INTERFACE, "Plan", "asst", 1, address, "vfio", UINT64_C(0));
}

int main(int argc, char *argv[]) {
        bool parts = argc == 3 && strcmp(argv[2], "parts") == 0;
        sd_bus *bus = NULL;

        if ((argc != 2 && !parts) || sd_bus_open_system(&bus) < 0)
                return EXIT_FAILURE;

        while (getchar() != EOF) {
                double start = now(), middle;

                if ((parts ? ping : bind_to_vfio)(bus, argv[1])) {
                        middle = now();
                        if ((parts ? plan : restore)(bus, argv[1]))
                                printf("%.6f %.6f\n", middle - start, now() - middle);
                }
                fflush(stdout);
        }

        sd_bus_flush_close_unref(bus);
        return EXIT_SUCCESS;
}
