/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device in words: one function a fact, which writes nothing where there is nothing to say. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "describe.h"
#include "driver.h"
#include "json.h"
#include "text.h"

typedef struct Facts {
        json_object *device, *group;
} Facts;

typedef void (*Writer)(FILE *out, const Facts *facts);

static void write_list(FILE *out, json_object *object, const char *key) {
        char address[ADDRESS_SIZE];

        for (size_t i = 0; i < json_length(object, key); i++) {
                const char *element = json_element(object, key, i);

                address_from_path(element, address);
                fprintf(out, "%s%s", i > 0 ? ", " : "", *address ? address : element);
        }
}

/* Writes the address that the object path in `key` stands for, if it stands for a device. */
static void write_device(FILE *out, const Facts *facts, const char *key) {
        char address[ADDRESS_SIZE];

        fputs(address_from_path(json_string(facts->device, key), address), out);
}

static void write_class(FILE *out, const Facts *facts) {
        fprintf(out, "%s (%06llx, revision %02llx)", json_string(facts->device, "class_name"),
                (unsigned long long) json_number(facts->device, "class_code"),
                (unsigned long long) json_number(facts->device, "revision"));
}

static void write_ids(FILE *out, const Facts *facts) {
        unsigned vendor = (unsigned) json_number(facts->device, "subsystem_vendor_id");
        unsigned device = (unsigned) json_number(facts->device, "subsystem_device_id");

        fprintf(out, "%04x:%04x", (unsigned) json_number(facts->device, "vendor_id"),
                (unsigned) json_number(facts->device, "device_id"));
        if (vendor || device)
                fprintf(out, ", subsystem %04x:%04x", vendor, device);
}

static void write_driver(FILE *out, const Facts *facts) {
        static const struct {
                const char *state, *words;
        } states[] = {
                { "host", "the host uses it" },
                { "vfio", "handed over through VFIO" },
                { "kvm", "handed over through the legacy stub" },
                { "xen", "handed over to Xen" },
        };
        const char *state = json_string(facts->device, "state");

        fputs(driver_or_none(json_string(facts->device, "driver")), out);
        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                if (strcmp(states[i].state, state) == 0)
                        fprintf(out, " (%s)", states[i].words);
}

static void write_host_driver(FILE *out, const Facts *facts) {
        const char *driver = json_string(facts->device, "host_driver");

        if (strcmp(driver, "none") == 0)
                fputs("none: it had no driver before it was moved", out);
        else if (*driver)
                fprintf(out, "%s: 'restore' goes back to it", driver);
}

static void write_override(FILE *out, const Facts *facts) {
        fputs(json_string(facts->device, "driver_override"), out);
}

static void write_host_modules(FILE *out, const Facts *facts) {
        write_list(out, facts->device, "host_modules");
}

static void write_vfio_driver(FILE *out, const Facts *facts) {
        if (!json_boolean(facts->device, "is_bridge"))
                fputs(json_string(facts->device, "vfio_driver"), out);
}

static void write_group(FILE *out, const Facts *facts) {
        if (!facts->group) {
                fputs("none: the IOMMU does not cover it, so VFIO cannot take it", out);
                return;
        }

        fprintf(out, "%lld, ", (long long) json_number(facts->group, "id"));
        if (json_boolean(facts->group, "viable"))
                fputs("viable", out);
        else {
                fputs("not viable", out);
                if (json_length(facts->group, "blockers") > 0)
                        fputs(", spoiled by ", out);
                write_list(out, facts->group, "blockers");
        }
}

static void write_members(FILE *out, const Facts *facts) {
        if (json_length(facts->group, "devices") > 1)
                write_list(out, facts->group, "devices");
}

static void write_node(FILE *out, const Facts *facts) {
        const char *own = json_string(facts->device, "vfio_node"),
                   *groups = json_string(facts->group, "vfio_node");

        if (strcmp(json_string(facts->device, "state"), "vfio") == 0)
                fprintf(out, "%s%s%s", groups, *groups && *own ? ", " : "", own);
}

static void write_parent(FILE *out, const Facts *facts) {
        write_device(out, facts, "parent");
}

static void write_numa_node(FILE *out, const Facts *facts) {
        if (json_member(facts->device, "numa_node") && json_number(facts->device, "numa_node") >= 0)
                fprintf(out, "%lld", (long long) json_number(facts->device, "numa_node"));
}

static void write_lease(FILE *out, const Facts *facts) {
        const char *holder = json_string(facts->device, "lease");

        if (strcmp(json_string(facts->device, "lease_state"), "returning") == 0)
                fputs("not any more: it waits to go back", out);
        else if (*holder)
                fprintf(out, "to %s: 'vfiobindctl leases' tells more", holder);
}

static void write_remarks(FILE *out, const Facts *facts) {
        static const struct {
                const char *key, *words;
        } remarks[] = {
                { "is_bridge", "a bridge, which always stays with the host" },
                { "boot_vga", "the display that the firmware booted with" },
                { "busy", "being moved right now" },
        };
        const char *separator = "";

        for (size_t i = 0; i < ELEMENTSOF(remarks); i++)
                if (json_boolean(facts->device, remarks[i].key)) {
                        fprintf(out, "%s%s", separator, remarks[i].words);
                        separator = "; ";
                }
}

static void write_physical_function(FILE *out, const Facts *facts) {
        write_device(out, facts, "physical_function");
}

static void write_virtual_functions(FILE *out, const Facts *facts) {
        long long max = (long long) json_number(facts->device, "max_virtual_functions");
        size_t n = json_length(facts->device, "virtual_functions");

        if (max == 0 && n == 0)
                return;
        fprintf(out, "%zu of at most %lld%s", n, max, n > 0 ? ": " : "");
        write_list(out, facts->device, "virtual_functions");
}

static void write_reset_methods(FILE *out, const Facts *facts) {
        write_list(out, facts->device, "reset_methods");
}

static void write_power(FILE *out, const Facts *facts) {
        static const struct {
                const char *state, *words;
        } states[] = {
                { "D0", "on" },
                { "D1", "light sleep" },
                { "D2", "sleep" },
                { "D3hot", "deep sleep" },
                { "D3cold", "without power" },
        };
        const char *state = json_string(facts->device, "power_state");

        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                if (strcmp(states[i].state, state) == 0)
                        fprintf(out, "%s (%s)", state, states[i].words);
}

static void write_link(FILE *out, const Facts *facts) {
        const char *speed = json_string(facts->device, "link_speed"),
                   *most = json_string(facts->device, "max_link_speed");
        long long width = (long long) json_number(facts->device, "link_width");
        long long widest = (long long) json_number(facts->device, "max_link_width");

        if (width == 0 || !*speed || strncmp(speed, "Unknown", strlen("Unknown")) == 0)
                return;

        fprintf(out, "%s x%lld", speed, width);
        if (widest > 0 && *most && (strcmp(most, speed) != 0 || widest != width))
                fprintf(out, " (capable of %s x%lld)", most, widest);
}

static const struct {
        const char *label;
        Writer write;
} facts_table[] = {
        { "Class", write_class },
        { "Device ID", write_ids },
        { "Driver", write_driver },
        { "Host driver", write_host_driver },
        { "Override", write_override },
        { "Host modules", write_host_modules },
        { "VFIO driver", write_vfio_driver },
        { "IOMMU group", write_group },
        { "Group members", write_members },
        { "VFIO node", write_node },
        { "Leased", write_lease },
        { "Remarks", write_remarks },
        { "Behind", write_parent },
        { "Part of", write_physical_function },
        { "Virtual functions", write_virtual_functions },
        { "Reset methods", write_reset_methods },
        { "NUMA node", write_numa_node },
        { "Power", write_power },
        { "Link", write_link },
};

static int print_fact(const Terminal *terminal, const char *label, Writer write, const Facts *facts) {
        const size_t indent = strlen("Virtual functions: ");
        _cleanup_free_ char *text = NULL, *escaped = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&text, &size);
        if (!out)
                return -ENOMEM;
        write(out, facts);
        if (fclose(out) == EOF)
                return -ENOMEM;
        if (size == 0)
                return 0;

        escaped = text_escape(text, terminal->utf8);
        if (!escaped)
                return -ENOMEM;

        printf("%*s: ", (int) indent - 2, label);
        text_print_folded(stdout, escaped, indent, terminal->columns, terminal->utf8);
        return 0;
}

char *describe_name(json_object *device) {
        const char *vendor = json_string(device, "vendor_name"), *name = json_string(device, "device_name");
        char *words;

        return asprintf(&words, "%s%s%s", vendor, *vendor && *name ? " " : "", name) < 0 ? NULL : words;
}

int describe_device(const Terminal *terminal, json_object *device, json_object *group) {
        _cleanup_free_ char *name = NULL, *escaped = NULL;
        Facts facts = { device, group };
        int r;

        name = describe_name(device);
        if (!name)
                return -ENOMEM;
        escaped = text_escape(name, terminal->utf8);
        if (!escaped)
                return -ENOMEM;

        printf("%s%s%s%s%s\n", terminal_style(terminal, STYLE_STRONG), json_string(device, "address"),
               terminal_style_end(terminal, STYLE_STRONG), *escaped ? " " : "", escaped);

        for (size_t i = 0; i < ELEMENTSOF(facts_table); i++) {
                r = print_fact(terminal, facts_table[i].label, facts_table[i].write, &facts);
                if (r < 0)
                        return r;
        }
        return 0;
}
