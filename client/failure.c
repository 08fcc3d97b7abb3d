/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors in the words of the person at the terminal. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dbus/names.h"
#include "failure.h"
#include "text.h"

#define DBUS_ERROR "org.freedesktop.DBus.Error."

typedef struct Failure {
        const char *name; /* of the D-Bus error; one that ends in a dot stands for all that begin so */
        Status status;
        const char *sentence;   /* instead of the error's own message */
        const char *hint;       /* what to do next */
        bool hint_with_actions; /* the hint ends with the names of the polkit actions */
} Failure;

static const Failure failures[] = {
        { VFIOBIND_ERROR_NO_SUCH_DEVICE, STATUS_NO_SUCH, .hint = "'vfiobindctl list' shows what there is" },
        { VFIOBIND_ERROR_NO_SUCH_GROUP, STATUS_NO_SUCH, .hint = "'vfiobindctl groups' shows what there is" },
        { VFIOBIND_ERROR_IN_USE, STATUS_IN_THE_WAY },
        { VFIOBIND_ERROR_NOT_VIABLE, STATUS_IN_THE_WAY,
          .hint = "'vfiobindctl groups' shows what spoils the group" },
        { VFIOBIND_ERROR_BUSY, STATUS_IN_THE_WAY, .hint = "Try again when that is done" },
        { VFIOBIND_ERROR_STATE_CHANGED, STATUS_IN_THE_WAY,
          .hint = "Look again, and repeat it if it is still right" },
        { VFIOBIND_ERROR_NO_SUCH_DRIVER, STATUS_FAILED,
          .hint = "'vfiobindctl bind --help' lists the targets" },
        { VFIOBIND_ERROR_BACKEND_UNAVAILABLE, STATUS_FAILED,
          .hint = "'vfiobindctl backends' shows what this host can do" },
        { VFIOBIND_ERROR_MOVE_FAILED, STATUS_FAILED, .hint = "'dmesg' may say why" },
        { VFIOBIND_ERROR_UNDO_FAILED, STATUS_FAILED,
          .hint = "'dmesg' and 'journalctl -u vfiobind' may say why" },
        { VFIOBIND_ERROR_STUCK, STATUS_FAILED, .hint = "'dmesg' may say why" },
        { VFIOBIND_ERROR_NOT_SUPPORTED, STATUS_FAILED },
        { VFIOBIND_ERROR_LIMIT_EXCEEDED, STATUS_FAILED },
        { DBUS_ERROR "InvalidArgs", STATUS_USAGE },
        { DBUS_ERROR "AccessDenied", STATUS_NOT_AUTHORIZED,
          .hint = "An administrator can allow it by a polkit rule for ", .hint_with_actions = true },
        { DBUS_ERROR "InteractiveAuthorizationRequired", STATUS_NOT_AUTHORIZED,
          .hint = "Without --no-ask-password you would be asked for a password; a polkit rule can allow it "
                  "without one: ",
          .hint_with_actions = true },
        { DBUS_ERROR "ServiceUnknown", STATUS_FAILED,
          "The vfiobind service is not installed: nothing on the bus answers to " VFIOBIND_BUS_NAME,
          "Install it, or see 'systemctl status vfiobind'" },
        { DBUS_ERROR "NameHasNoOwner", STATUS_FAILED, "The vfiobind service does not run",
          "'systemctl status vfiobind' may say why" },
        { DBUS_ERROR "Spawn.", STATUS_FAILED, .hint = "The vfiobind service could not be started" },
        { "org.freedesktop.systemd1.", STATUS_FAILED,
          .hint = "The vfiobind service could not be started; see 'systemctl status vfiobind'" },
        { DBUS_ERROR "NoReply", STATUS_FAILED, "The vfiobind service has not answered",
          "'journalctl -u vfiobind' may say why; look where the devices are before you try again" },
        { DBUS_ERROR "Timeout", STATUS_FAILED, "The vfiobind service has not answered in time",
          "'journalctl -u vfiobind' may say why; look where the devices are before you try again" },
        { DBUS_ERROR "TimedOut", STATUS_FAILED, "The bus has not answered in time" },
        { DBUS_ERROR "Disconnected", STATUS_FAILED, "The connection to the bus is lost" },
        { DBUS_ERROR "UnknownObject", STATUS_NO_SUCH, .hint = "'vfiobindctl list' shows what there is" },
        { DBUS_ERROR "UnknownMethod", STATUS_FAILED,
          .hint = "The vfiobind service is of another release than vfiobindctl" },
        { DBUS_ERROR "UnknownProperty", STATUS_FAILED,
          .hint = "The vfiobind service is of another release than vfiobindctl" },
};

static const Failure *find_failure(const char *name) {
        for (size_t i = 0; name && i < ELEMENTSOF(failures); i++) {
                size_t n = strlen(failures[i].name);

                if (failures[i].name[n - 1] == '.' ? strncmp(failures[i].name, name, n) == 0
                                                   : strcmp(failures[i].name, name) == 0)
                        return failures + i;
        }
        return NULL;
}

/* What sd-bus, GDBus and others put where the sender said nothing. */
static bool message_is_empty(const char *message) {
        static const char *const empty[] = { "", "Access denied", "Permission denied",
                                             "Interactive authentication required." };

        if (!message)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(empty); i++)
                if (strcasecmp(empty[i], message) == 0)
                        return true;
        return false;
}

static void print_sentence(const Terminal *terminal, const char *sentence) {
        _cleanup_free_ char *escaped = text_escape(sentence, terminal->utf8);
        size_t n;

        if (!escaped)
                return;

        n = strlen(escaped);
        fprintf(stderr, " %s%s", escaped, n > 0 && strchr(".!?", escaped[n - 1]) ? "" : ".");
}

void failure_print(const Terminal *terminal, const char *sentence, const char *hint) {
        fputs("vfiobindctl:", stderr);
        print_sentence(terminal, sentence);
        if (hint)
                print_sentence(terminal, hint);
        fputc('\n', stderr);
}

Status failure_report(const Terminal *terminal, const char *what, const char *actions,
                      const sd_bus_error *error, int r) {
        const Failure *failure = find_failure(error->name);
        _cleanup_free_ char *sentence = NULL, *hint = NULL;
        Status status = failure ? failure->status : STATUS_FAILED;
        int k;

        if (failure && failure->sentence)
                k = asprintf(&sentence, "%s", failure->sentence);
        else if (status == STATUS_NOT_AUTHORIZED && message_is_empty(error->message))
                k = asprintf(&sentence, "You are not authorized to %s", what);
        else if (message_is_empty(error->message))
                k = asprintf(&sentence, "Cannot %s: %s", what, error->name ?: strerror(-r));
        else if (failure)
                k = asprintf(&sentence, "%s", error->message);
        else
                k = asprintf(&sentence, "Cannot %s: %s", what, error->message);
        if (k < 0)
                sentence = NULL;

        if (failure && failure->hint_with_actions && actions) {
                if (asprintf(&hint, "%s%s", failure->hint, actions) < 0)
                        hint = NULL;
        } else if (failure && failure->hint && !failure->hint_with_actions)
                hint = strdup(failure->hint);

        failure_print(terminal, sentence ?: "Out of memory", hint);
        return status;
}

Status failure_report_connection(const Terminal *terminal, const char *host, int r) {
        _cleanup_free_ char *sentence = NULL;
        int k;

        if (host)
                k = asprintf(&sentence, "Cannot reach the system bus of %s: %s", host, strerror(-r));
        else
                k = asprintf(&sentence, "Cannot reach the system bus: %s", strerror(-r));
        if (k < 0)
                sentence = NULL;

        failure_print(terminal, sentence ?: "Out of memory",
                      host ? "It takes ssh, and systemd-stdio-bridge over there" : "Is dbus running?");
        return STATUS_FAILED;
}
