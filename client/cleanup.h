/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Release of what a variable holds when its scope is left, for the types that the client works with; and how
 * long an array is. */

#include <json-c/json.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

static inline void cleanup_free(void *p) {
        free(*(void **) p);
}

static inline void cleanup_close(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

static inline void cleanup_json(json_object **object) {
        json_object_put(*object);
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_json_ _cleanup_(cleanup_json)
#define _cleanup_bus_message_ _cleanup_(sd_bus_message_unrefp)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)
#define _cleanup_event_ _cleanup_(sd_event_unrefp)

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))
