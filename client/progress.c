/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call that may take long. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>

#include "cleanup.h"
#include "progress.h"

#define PATIENCE_USEC 500000

typedef struct Call {
        sd_event *event;
        const char *words;
        sd_bus_message *reply;
} Call;

/* polkit's agent turns the echo off while it waits for a password. */
static bool password_is_being_typed(void) {
        struct termios settings;

        return tcgetattr(STDIN_FILENO, &settings) >= 0 && !(settings.c_lflag & ECHO);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        Call *call = userdata;
        int r;

        if (!password_is_being_typed()) {
                fprintf(stderr, "%s\n", call->words);
                return 0;
        }

        r = sd_event_source_set_time_relative(timer, PATIENCE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Call *call = userdata;

        call->reply = sd_bus_message_ref(reply);
        return sd_event_exit(call->event, 0);
}

int progress_call(sd_bus *bus, sd_bus_message *message, const char *words, sd_bus_error *ret_error,
                  sd_bus_message **ret_reply) {
        uint64_t timeout = sd_bus_message_get_allow_interactive_authorization(message) > 0 ? UINT64_MAX : 0;
        _cleanup_event_ sd_event *event = NULL;
        Call call = { .words = words };
        int r;

        r = sd_event_new(&event);
        if (r < 0)
                return r;
        call.event = event;

        if (words) {
                r = sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, PATIENCE_USEC, 10000, on_timer,
                                               &call);
                if (r < 0)
                        return r;
        }

        r = sd_bus_call_async(bus, NULL, message, on_reply, &call, timeout);
        if (r < 0)
                return r;

        /* The loop ends with this call, the connection does not. */
        r = sd_bus_set_close_on_exit(bus, false);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        r = sd_event_loop(event);
        sd_bus_detach_event(bus);
        if (!call.reply)
                return r < 0 ? r : -ECONNRESET;

        if (sd_bus_message_is_method_error(call.reply, NULL)) {
                r = sd_bus_error_copy(ret_error, sd_bus_message_get_error(call.reply));
                sd_bus_message_unref(call.reply);
                return r;
        }

        *ret_reply = call.reply;
        return 0;
}
