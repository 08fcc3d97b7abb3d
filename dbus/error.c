/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of error names. */

#include <stdio.h>

#include "dbus/error.h"
#include "dbus/names.h"
#include "service/host/printable.h"

static const char *const names[_FAILURE_KIND_MAX] = {
        [FAILURE_INVALID_ARGUMENT] = SD_BUS_ERROR_INVALID_ARGS,
        [FAILURE_NO_SUCH_DEVICE] = VFIOBIND_ERROR_NO_SUCH_DEVICE,
        [FAILURE_NO_SUCH_GROUP] = VFIOBIND_ERROR_NO_SUCH_GROUP,
        [FAILURE_NO_SUCH_DRIVER] = VFIOBIND_ERROR_NO_SUCH_DRIVER,
        [FAILURE_BACKEND_UNAVAILABLE] = VFIOBIND_ERROR_BACKEND_UNAVAILABLE,
        [FAILURE_MODULE_UNAVAILABLE] = VFIOBIND_ERROR_MODULE_UNAVAILABLE,
        [FAILURE_IN_USE] = VFIOBIND_ERROR_IN_USE,
        [FAILURE_NOT_VIABLE] = VFIOBIND_ERROR_NOT_VIABLE,
        [FAILURE_BUSY] = VFIOBIND_ERROR_BUSY,
        [FAILURE_STATE_CHANGED] = VFIOBIND_ERROR_STATE_CHANGED,
        [FAILURE_MOVE_FAILED] = VFIOBIND_ERROR_MOVE_FAILED,
        [FAILURE_UNDO_FAILED] = VFIOBIND_ERROR_UNDO_FAILED,
        [FAILURE_STUCK] = VFIOBIND_ERROR_STUCK,
        [FAILURE_NO_SUCH_PLAN] = VFIOBIND_ERROR_NO_SUCH_PLAN,
        [FAILURE_NOT_SUPPORTED] = VFIOBIND_ERROR_NOT_SUPPORTED,
        [FAILURE_LIMIT_EXCEEDED] = VFIOBIND_ERROR_LIMIT_EXCEEDED,
        [FAILURE_ACCESS_DENIED] = SD_BUS_ERROR_ACCESS_DENIED,
        [FAILURE_INTERACTION_REQUIRED] = SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
        [FAILURE_INTERNAL] = SD_BUS_ERROR_FAILED,
};

const char *error_name(enum failure_kind kind) {
        return names[kind];
}

/* The bus takes nothing but UTF-8, and sysfs shows whatever root has written. */
static char *sentence(const char *message) {
        _cleanup_free_ char *printable = text_printable(isempty(message) ? "Not enough memory" : message);
        char *text;

        return asprintf(&text, "%s.", printable ?: "Not enough memory") < 0 ? NULL : text;
}

char *error_message_for_all(const struct failure *failure) {
        return sentence(failure_discreet(failure));
}

int reply_failure(sd_bus_message *message, const struct failure *failure) {
        _cleanup_free_ char *text = sentence(failure->message);

        return sd_bus_reply_method_errorf(message, error_name(failure->kind), "%s", strempty(text));
}

int set_error(sd_bus_error *error, const struct failure *failure) {
        _cleanup_free_ char *text = sentence(failure->message);

        return sd_bus_error_setf(error, error_name(failure->kind), "%s", strempty(text));
}
