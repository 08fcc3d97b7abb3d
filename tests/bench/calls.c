/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Moves a function by calls over one open connection, as a program does that manages virtual machines: a round trip for each line
 * on stdin; answers each with the seconds that both ways took.
 *
 *   bench-calls ADDRESS
 */

#include <stdio.h>
#include <stdlib.h>
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

int main(int argc, char *argv[]) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;

        if (argc != 2 || sd_bus_open_system(&bus) < 0)
                return EXIT_FAILURE;

        while (getchar() != EOF) {
                double start = now(), middle;

                check(sd_bus_call_method(bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE, "Bind", &error, NULL,
                                         "sst", argv[1], "vfio", UINT64_C(0)),
                      &error);
                middle = now();
                check(sd_bus_call_method(bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, VFIOBIND_MANAGER_INTERFACE, "Restore", &error, NULL,
                                         "st", argv[1], UINT64_C(0)),
                      &error);
                printf("%.6f %.6f\n", middle - start, now() - middle);
                fflush(stdout);
        }

        sd_bus_flush_close_unref(bus);
        return EXIT_SUCCESS;
}
