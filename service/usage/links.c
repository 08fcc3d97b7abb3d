/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Functions that the kernel unbinds along with another one: its consumers through managed device links. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/lookers.h"

/* A function whose consumers are looked for. */
struct supplier {
        struct look *look;
        struct pci_address address, about;
};

/* When a supplier loses its driver, the driver core takes it from consumers that are bound
 * (device_links_unbind_consumers() in drivers/base/core.c), unless nobody tracks the link's state, or it
 * only waits for sync_state(). */
static bool is_unbound_along(const struct supplier *supplier, const char *link) {
        static const char *const bound[] = { "active", "consumer probing" };
        const int sys = supplier->look->root->sys;
        const char *address = PCI_ADDRESS_TEXT(&supplier->address);
        char path[PATH_MAX], value[64];

        snprintf(path, sizeof(path), "bus/pci/devices/%s/%s/sync_state_only", address, link);
        if (sysfs_read(sys, path, value, sizeof(value)) >= 0 && streq(value, "1"))
                return false;

        snprintf(path, sizeof(path), "bus/pci/devices/%s/%s/status", address, link);
        if (sysfs_read(sys, path, value, sizeof(value)) < 0)
                return false;

        for (size_t i = 0; i < ELEMENTSOF(bound); i++)
                if (streq(value, bound[i]))
                        return true;

        return false;
}

static bool is_known(const struct look *look, const struct pci_address *address,
                     const struct pci_address *about) {
        for (size_t i = 0; i < look->n_dependants; i++)
                if (pci_address_compare(&look->dependants[i].function->address, address) == 0 &&
                    pci_address_compare(&look->dependants[i].about, about) == 0)
                        return true;

        return pci_address_compare(address, about) == 0;
}

static int add_dependant(struct look *look, const struct pci_address *address,
                         const struct pci_address *about) {
        struct function *f = NULL, **slot;
        struct dependant *dependant;
        int r;

        r = function_read(look->root, address, &f);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        dependant = array_append(&look->dependants, &look->n_dependants, sizeof(*dependant));
        if (!dependant) {
                function_free(f);
                return -ENOMEM;
        }
        *dependant = (struct dependant){ f, *about };

        slot = array_append(&look->functions, &look->n_functions, sizeof(*slot));
        if (!slot)
                return -ENOMEM;
        *slot = f;

        return findings_add(&look->found, FINDING_CONSUMER, SEVERITY_WARN, about, PCI_ADDRESS_TEXT(address),
                            "%s takes %s along: the kernel unbinds it as well, since it depends on it",
                            PCI_ADDRESS_TEXT(about), PCI_ADDRESS_TEXT(address));
}

/* An entry "consumer:pci:0000:01:00.1" of the supplier's directory. */
static int look_at_entry(const char *name, void *userdata) {
        const struct supplier *supplier = userdata;
        const char *consumer = startswith(name, "consumer:pci:");
        struct pci_address address;

        if (!consumer || pci_address_parse(consumer, &address) < 0 ||
            is_known(supplier->look, &address, &supplier->about) || !is_unbound_along(supplier, name))
                return 0;

        return add_dependant(supplier->look, &address, &supplier->about);
}

static int look_for_consumers(struct look *look, const struct pci_address *address,
                              const struct pci_address *about) {
        struct supplier supplier = { look, *address, *about };
        char path[sizeof("bus/pci/devices/") + PCI_ADDRESS_SIZE];
        int r;

        snprintf(path, sizeof(path), "bus/pci/devices/%s", PCI_ADDRESS_TEXT(address));
        r = sysfs_foreach(look->root->sys, path, look_at_entry, &supplier);
        return r == -ENOENT ? 0 : r;
}

int links_look(struct look *look) {
        size_t n = look->n_functions;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = look_for_consumers(look, &look->functions[i]->address, &look->functions[i]->address);

        /* Consumers may have consumers. */
        for (size_t i = 0; r >= 0 && i < look->n_dependants; i++)
                r = look_for_consumers(look, &look->dependants[i].function->address,
                                       &look->dependants[i].about);

        return r;
}
