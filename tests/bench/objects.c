/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Times GetManagedObjects over one open connection: from the call until the whole answer is here, a line each, in seconds. */

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

int main(int argc, char *argv[]) {
        int times = argc > 1 ? atoi(argv[1]) : 1, r;
        sd_bus *bus = NULL;

        r = sd_bus_open_system(&bus);
        for (int i = 0; r >= 0 && i < times; i++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                sd_bus_message *reply = NULL;
                double start = now();

                r = sd_bus_call_method(bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH, "org.freedesktop.DBus.ObjectManager",
                                       "GetManagedObjects", &error, &reply, NULL);
                if (r >= 0)
                        printf("%.6f\n", now() - start);
                sd_bus_message_unref(reply);
                sd_bus_error_free(&error);
        }

        if (r < 0)
                fprintf(stderr, "GetManagedObjects: %s\n", strerror(-r));
        sd_bus_flush_close_unref(bus);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
