/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Network interfaces that are used. */

#include <errno.h>
#include <limits.h>
#include <linux/if.h>
#include <stdio.h>

#include "service/host/sysfs.h"
#include "service/usage/lookers.h"
#include "service/usage/netlink.h"

/* An interface that is looked at. */
struct interface {
        const struct look *look;
        const char *path; /* below /sys */
        char above[NAME_MAX + 1];
};

static int note_upper(const char *name, void *userdata) {
        struct interface *interface = userdata;
        const char *upper = startswith(name, "upper_");

        if (!upper)
                return 0;

        snprintf(interface->above, sizeof(interface->above), "%s", upper);
        return 1;
}

/* A bridge or bond that it is a port of, a VLAN or macvlan on it: netdev_adjacent_sysfs_add() in
 * net/core/dev.c. */
static int stands_below(struct interface *interface) {
        return sysfs_foreach(interface->look->root->sys, interface->path, note_upper, interface);
}

static int read_number(const struct interface *interface, const char *attribute, int64_t *ret) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", interface->path, attribute);
        return sysfs_read_number(interface->look->root->sys, path, ret);
}

static int add(struct look *look, const struct part *part, const char *why, const char *what,
               const char *advice) {
        return findings_add(&look->found, FINDING_NETWORK, SEVERITY_FORCE, &part->function->address,
                            part->name, "%s is the network interface %s, which is up and %s%s: %s",
                            PCI_ADDRESS_TEXT(&part->function->address), part->name, why, what, advice);
}

/* An interface may have got another name, as udev gives it one, or be about to go, when its attributes
 * answer EINVAL (netdev_show() in net/core/net-sysfs.c). Under its new name it can be in use all the same.
 */
static int moved(int error) {
        return error == -ENOENT || error == -ENODEV || error == -EINVAL ? -ESTALE : error;
}

static int look_at_interface(struct look *look, const struct part *part) {
        struct interface interface = { .look = look, .path = part->path };
        int64_t flags, index;
        int r;

        r = read_number(&interface, "flags", &flags);
        if (r >= 0)
                r = read_number(&interface, "ifindex", &index);
        if (r < 0)
                return moved(r);
        if (!(flags & IFF_UP))
                return 0;

        r = stands_below(&interface);
        if (r != 0)
                return r < 0 ? moved(r)
                             : add(look, part, "carries ", interface.above,
                                   "take it out of there or set it down first");

        r = netlink_has_address((unsigned) index);
        if (r > 0)
                return add(look, part, "has an address", "",
                           "set it down first, if nobody is connected through it");
        if (r == 0)
                r = netlink_has_route((unsigned) index);
        if (r > 0)
                return add(look, part, "has a route", "",
                           "set it down first, if nobody is connected through it");

        return r == -ENODEV ? 0 : r;
}

static int stop(const char *name, void *userdata) {
        return 1;
}

/* An interface that was moved to another network namespace is not shown, but the directory that it stood in
 * remains. */
static int look_elsewhere(struct look *look, const struct part *part) {
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s/net", part->path);
        r = sysfs_foreach(look->root->sys, path, stop, NULL);
        if (r != 0)
                return r == -ENOENT || r == -ENODEV || r == -ENOTDIR || r > 0 ? 0 : r;

        return findings_add(
                        &look->found, FINDING_NETWORK, SEVERITY_FORCE, &part->function->address, "",
                        "%s is a network interface in another network namespace: move it back or end what runs there first",
                        PCI_ADDRESS_TEXT(&part->function->address));
}

int network_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_parts; i++) {
                const struct part *part = &look->parts[i];

                if (!part->function)
                        continue;

                r = streq(part->subsystem, "net") ? look_at_interface(look, part)
                                                  : look_elsewhere(look, part);
        }

        return r;
}
