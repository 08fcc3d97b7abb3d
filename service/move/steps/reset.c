/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One method at a time. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "service/host/macros.h"
#include "service/host/sysfs.h"
#include "service/move/steps/reset.h"
#include "service/move/steps/write.h"

#define METHODS "reset_method"

bool reset_method_is_name(const char *method) {
        size_t length = strspn(method, "abcdefghijklmnopqrstuvwxyz0123456789_");

        return length > 0 && length <= NAME_MAX && method[length] == '\0';
}

bool reset_methods_have(const char *list, const char *method) {
        size_t length = strlen(method);

        for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
                if (strcspn(p, " ") == length && strncmp(p, method, length) == 0)
                        return true;

        return false;
}

static int try_reset(const struct place *place) {
        return sysfs_write(place, "reset", "1");
}

/* The kernel tries what is in the list, and there is only this one. */
static int try_method(const struct place *place, const char *method) {
        int r;

        r = sysfs_write(place, METHODS, method);
        if (r == -EINVAL)
                return -ENOTTY; /* it was possible when the list was made */
        return r < 0 ? r : try_reset(place);
}

static int try_in_turn(const struct place *place, const char *list, const char *method, char *used,
                       size_t size) {
        _cleanup_free_ char *copy = strdup(*method ? method : list);
        int r = copy ? -ENOTTY : -ENOMEM;
        char *save = NULL;

        for (char *m = copy ? strtok_r(copy, " ", &save) : NULL; m && r == -ENOTTY;
             m = strtok_r(NULL, " ", &save)) {
                r = try_method(place, m);
                if (r >= 0)
                        snprintf(used, size, "%s", m);
        }

        return r;
}

/* For the directory of a bridge: counts the functions that are on the bus of this one. */
struct bus {
        const struct pci_address *address;
        unsigned n;
};

static int count_function(const char *name, void *userdata) {
        struct bus *bus = userdata;
        struct pci_address address;

        bus->n += pci_address_parse(name, &address) >= 0 && address.domain == bus->address->domain &&
                  address.bus == bus->address->bus;
        return 0;
}

static bool is_alone(int dir, const struct pci_address *address) {
        struct bus bus = { .address = address };

        return sysfs_foreach(dir, "..", count_function, &bus) >= 0 && bus.n == 1;
}

/* A reset of the whole bus is possible only for a function that is alone on it (pci_parent_bus_reset()), and
 * yet the kernel lists it for the one of several that it finds first. */
static bool is_outdated(int dir, const struct pci_address *address, const char *list) {
        return (reset_methods_have(list, "bus") || reset_methods_have(list, "cxl_bus")) &&
               !is_alone(dir, address);
}

/* The first of LIST that can work for one of several functions of a bus. */
static void find_first(const char *list, char *first, size_t size) {
        _cleanup_free_ char *copy = strdup(list);
        char *save = NULL;

        for (char *m = copy ? strtok_r(copy, " ", &save) : NULL; m && *first == '\0';
             m = strtok_r(NULL, " ", &save))
                if (!streq(m, "bus") && !streq(m, "cxl_bus"))
                        snprintf(first, size, "%s", m);
}

/* The list cannot be touched, so the kernel has to go through it by itself. */
static int reset_as_listed(const struct place *place, const struct pci_address *address, const char *list,
                           const char *method, char *used, size_t size) {
        char first[NAME_MAX + 1] = "";
        int r;

        if (!is_alone(place->dir, address))
                find_first(list, first, sizeof(first));
        if (*method && !streq(first, method))
                return -EUCLEAN;

        r = try_reset(place);
        if (r >= 0)
                snprintf(used, size, "%s", first);
        return r;
}

static int reset_unlisted(const struct place *place, const char *method) {
        int r;

        if (*method)
                return -EOPNOTSUPP;
        r = try_reset(place);
        return r == -ENOENT ? -EOPNOTSUPP : r;
}

int reset_function(const struct place *place, const struct pci_address *address, const char *method,
                   char *used, size_t size) {
        char list[SYSFS_VALUE_MAX];
        ssize_t n;
        int r, back;

        n = sysfs_read(place->dir, METHODS, list, sizeof(list));
        if (n == -ENOENT)
                return reset_unlisted(place, method);
        if (n < 0)
                return (int) n;
        if (n == 0 || (*method && !reset_methods_have(list, method)))
                return -EOPNOTSUPP;

        if (!strchr(list, ' ')) {
                r = try_reset(place);
                if (r >= 0)
                        snprintf(used, size, "%s", list);
                return r;
        }

        /* The kernel takes the list only if every method of it is possible now, and complains in its log
         * about one that is not: where that is known it is not tried. */
        r = is_outdated(place->dir, address, list) ? -EINVAL : sysfs_write(place, METHODS, list);
        if (r == -EINVAL)
                return reset_as_listed(place, address, list, method, used, size);
        if (r < 0)
                return r;

        r = try_in_turn(place, list, method, used, size);
        back = sysfs_write(place, METHODS, list);
        return r < 0 ? r : back;
}

int reset_put_back(const struct place *place, const char *list) {
        char now[SYSFS_VALUE_MAX];
        ssize_t n = sysfs_read(place->dir, METHODS, now, sizeof(now));

        if (n < 0 || streq(now, list))
                return n < 0 ? (int) n : 0;
        return sysfs_write(place, METHODS, list);
}
