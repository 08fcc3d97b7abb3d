/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl monitor: what the service signals, a line an event, until a signal ends it. The service may
 * stop and start again meanwhile: the bus keeps the subscription. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "describe.h"
#include "driver.h"
#include "text.h"

typedef struct Event Event;

typedef struct Monitor {
        Client *client;
        sd_event *loop;
        Status status;
} Monitor;

struct Event {
        const char *member;
        const char *match;
        const char *keys[6];                             /* names of the arguments, in lower_snake_case */
        void (*describe)(FILE *out, json_object *event); /* writes nothing: no line */
};

/* "0000:65:00.0", "group 14", "operation 7" or "the service". */
static void write_subject(FILE *out, const char *path) {
        const char *group = group_from_path(path), *operation = operation_from_path(path);
        char address[ADDRESS_SIZE];

        if (*address_from_path(path, address))
                fputs(address, out);
        else if (group)
                fprintf(out, "group %s", group);
        else if (operation)
                fprintf(out, "operation %s", operation);
        else
                fputs("the service", out);
}

static void describe_moved(FILE *out, json_object *event) {
        fprintf(out, "%s moved %s -> %s", json_string(event, "address"),
                driver_or_none(json_string(event, "from")), driver_or_none(json_string(event, "to")));
        if (strcmp(json_string(event, "by"), "vfiobind") != 0)
                fputs(", not by vfiobind", out);
}

static void write_value(FILE *out, json_object *value) {
        const char *separator = "";
        char address[ADDRESS_SIZE];

        switch (json_object_get_type(value)) {
        case json_type_boolean:
                fputs(json_object_get_boolean(value) ? "yes" : "no", out);
                break;
        case json_type_array:
                for (size_t i = 0; i < json_object_array_length(value); i++) {
                        fputs(separator, out);
                        write_value(out, json_object_array_get_idx(value, i));
                        separator = " ";
                }
                if (json_object_array_length(value) == 0)
                        fputs("none", out);
                break;
        default: {
                const char *text = json_object_get_string(value) ?: "", *group = group_from_path(text);

                if (group)
                        fputs(group, out);
                else if (*address_from_path(text, address))
                        fputs(address, out);
                else
                        /* "none" is a driver override, and what had no driver has it for its host driver */
                        fputs(strcmp(text, "/") == 0 ? "none" : *text ? text : "\"\"", out);
        }
        }
}

static void describe_added(FILE *out, json_object *event) {
        json_object *interfaces = json_member(event, "interfaces_and_properties");
        json_object *operation = json_member(interfaces, VFIOBIND_OPERATION_INTERFACE);
        _cleanup_free_ char *name = describe_name(json_member(interfaces, VFIOBIND_DEVICE_INTERFACE));

        write_subject(out, json_string(event, "object_path"));
        fputs(" appeared", out);
        if (operation) {
                fprintf(out, ", for the user %lld: ", (long long) json_number(operation, "uid"));
                write_value(out, json_member(operation, "devices"));
                fprintf(out, ", %s", json_string(operation, "state"));
        } else if (name && *name)
                fprintf(out, ": %s", name);
}

/* Of an operation's end the signal OperationFinished, which follows, tells more. */
static void describe_removed(FILE *out, json_object *event) {
        const char *path = json_string(event, "object_path");

        if (operation_from_path(path))
                return;
        write_subject(out, path);
        fputs(" is gone", out);
}

static void describe_finished(FILE *out, json_object *event) {
        write_subject(out, json_string(event, "operation"));
        if (*json_string(event, "error"))
                fprintf(out, " has failed: %s", json_string(event, "message"));
        else
                fputs(" is done", out);
}

static void describe_changed(FILE *out, json_object *event) {
        json_object *changed = json_member(event, "changed_properties");
        const char *separator = " now has ";

        if (!changed || json_object_object_length(changed) == 0)
                return;

        write_subject(out, json_string(event, "object_path"));
        json_object_object_foreach(changed, key, value) {
                fputs(separator, out);
                for (const char *p = key; *p; p++)
                        fputc(*p == '_' ? ' ' : *p, out);
                fputc(' ', out);
                write_value(out, value);
                separator = ", ";
        }
}

static void describe_owner(FILE *out, json_object *event) {
        fprintf(out, "the service has %s", *json_string(event, "new_owner") ? "started" : "stopped");
}

#define DBUS "org.freedesktop.DBus"
#define FROM_SERVICE "type='signal',sender='" VFIOBIND_BUS_NAME "',"

static const Event events[] = {
        { "DeviceMoved",
          FROM_SERVICE "interface='" VFIOBIND_MANAGER_INTERFACE "',member='DeviceMoved'",
          { "address", "from", "to", "by" },
          describe_moved },
        { "OperationFinished",
          FROM_SERVICE "interface='" VFIOBIND_MANAGER_INTERFACE "',member='OperationFinished'",
          { "operation", "uid", "error", "message", "moves" },
          describe_finished },
        { "InterfacesAdded",
          FROM_SERVICE "path='" VFIOBIND_PATH "',member='InterfacesAdded'",
          { "object_path", "interfaces_and_properties" },
          describe_added },
        { "InterfacesRemoved",
          FROM_SERVICE "path='" VFIOBIND_PATH "',member='InterfacesRemoved'",
          { "object_path", "interfaces" },
          describe_removed },
        { "PropertiesChanged",
          FROM_SERVICE "path_namespace='" VFIOBIND_PATH "',member='PropertiesChanged'",
          { "interface_name", "changed_properties", "invalidated_properties" },
          describe_changed },
        { "NameOwnerChanged",
          "type='signal',sender='" DBUS "',member='NameOwnerChanged',arg0='" VFIOBIND_BUS_NAME "'",
          { "name", "old_owner", "new_owner" },
          describe_owner },
};

static const Event *find_event(const char *member) {
        for (size_t i = 0; member && i < ELEMENTSOF(events); i++)
                if (strcmp(events[i].member, member) == 0)
                        return events + i;

        return NULL;
}

/* The arguments by name, and what they do not tell: of which object the properties are, only the message
 * itself does. */
static int read_event(const Event *kind, sd_bus_message *m, json_object **ret) {
        _cleanup_json_ json_object *event = NULL;
        json_object *moves;
        int r;

        r = json_read_named(m, kind->keys, &event);
        if (r < 0)
                return r;

        if (kind->describe == describe_changed)
                json_object_object_add(event, "object_path",
                                       json_object_new_string(sd_bus_message_get_path(m)));
        if (kind->describe == describe_finished) {
                r = json_name_structures(json_member(event, "moves"), client_move_keys, &moves);
                if (r < 0)
                        return r;
                json_object_object_add(event, "moves", moves);
        }

        *ret = event;
        event = NULL;
        return 0;
}

static int print_text(const Client *client, const Event *kind, json_object *event) {
        _cleanup_free_ char *text = NULL, *escaped = NULL;
        char clock[16];
        time_t now = time(NULL);
        struct tm local;
        size_t size;
        FILE *out;

        out = open_memstream(&text, &size);
        if (!out)
                return -ENOMEM;
        kind->describe(out, event);
        if (fclose(out) == EOF)
                return -ENOMEM;
        if (size == 0)
                return 0;

        escaped = text_escape(text, client->terminal.utf8);
        if (!escaped)
                return -ENOMEM;

        localtime_r(&now, &local);
        strftime(clock, sizeof(clock), "%H:%M:%S", &local);
        printf("%s%s%s %s\n", terminal_style(&client->terminal, STYLE_DIM), clock,
               terminal_style_end(&client->terminal, STYLE_DIM), escaped);
        return 0;
}

static int print_json(const Client *client, const Event *kind, json_object *event) {
        _cleanup_json_ json_object *line = json_object_new_object();

        if (!line)
                return -ENOMEM;

        json_object_object_add(line, "signal", json_object_new_string(kind->member));
        if (json_member(event, "object_path"))
                json_object_object_add(line, "object_path",
                                       json_object_get(json_member(event, "object_path")));
        json_object_object_foreach(event, key, value)
                        json_object_object_add(line, key, json_object_get(value));

        return json_print(line, client->options.json);
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Monitor *monitor = userdata;
        const Event *kind = find_event(sd_bus_message_get_member(m));
        _cleanup_json_ json_object *event = NULL;
        int r;

        if (!kind)
                return 0;

        r = read_event(kind, m, &event);
        if (r < 0)
                return 0; /* not as it should be: no reason to end */

        if (monitor->client->options.json != JSON_OFF)
                r = print_json(monitor->client, kind, event);
        else
                r = print_text(monitor->client, kind, event);

        /* Whoever reads has gone, or cannot take more: main() says so. */
        if (fflush(stdout) == EOF)
                return sd_event_exit(monitor->loop, 0);
        return r;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error lost = SD_BUS_ERROR_MAKE_CONST(DBUS ".Error.Disconnected", "");
        Monitor *monitor = userdata;

        monitor->status = client_fail(monitor->client, "go on", &lost, 0);
        return sd_event_exit(monitor->loop, 0);
}

static int subscribe(Monitor *monitor) {
        sd_bus *bus = monitor->client->bus;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                r = sd_bus_add_match(bus, NULL, events[i].match, on_signal, monitor);
                if (r < 0)
                        return r;
        }

        return sd_bus_match_signal(bus, NULL, DBUS ".Local", "/org/freedesktop/DBus/Local", DBUS ".Local",
                                   "Disconnected", on_disconnected, monitor);
}

static int end_on_signals(sd_event *loop) {
        static const int signals[] = { SIGINT, SIGTERM };
        sigset_t set;
        int r;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(loop, NULL, signals[i], NULL, NULL); /* no handler: ends the loop */
                if (r < 0)
                        return r;
        }
        return 0;
}

Status verb_monitor(Client *client) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_event_ sd_event *loop = NULL;
        Monitor monitor = { .client = client };
        int r;

        r = sd_event_new(&loop);
        if (r < 0)
                return client_fail(client, "watch the devices", &error, r);
        monitor.loop = loop;

        r = subscribe(&monitor);
        /* Nobody changes signals where nobody runs: any call starts the service, and its answer shows that
         * it is there. */
        if (r >= 0)
                r = sd_bus_call_method(client->bus, VFIOBIND_BUS_NAME, VFIOBIND_PATH,
                                       "org.freedesktop.DBus.Properties", "Get", &error, &reply, "ss",
                                       VFIOBIND_MANAGER_INTERFACE, "Version");
        /* Before this a signal ends the process at once, even if the service takes its time to start. */
        if (r >= 0)
                r = end_on_signals(loop);
        if (r >= 0)
                r = sd_bus_attach_event(client->bus, loop, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_event_loop(loop);

        return r < 0 ? client_fail(client, "watch the devices", &error, r) : monitor.status;
}
