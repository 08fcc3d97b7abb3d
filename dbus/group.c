/* SPDX-License-Identifier: GPL-2.0-or-later */

/* org.vfiobind.Group: one IOMMU group. */

#include <stdio.h>

#include "dbus/path.h"
#include "dbus/service.h"
#include "dbus/wish.h"

GETTER(get_id) {
        const struct group *g = userdata;

        return sd_bus_message_append(reply, "u", g->id);
}

GETTER(get_type) {
        const struct group *g = userdata;

        return sd_bus_message_append(reply, "s", g->type);
}

static int append_members(sd_bus_message *reply, const struct group *g, bool only_blockers) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "o");
        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                if (!only_blockers || function_blocks_group(g->members[i]))
                        r = sd_bus_message_append(reply, "o", DEVICE_PATH(&g->members[i]->address));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(get_devices) {
        return append_members(reply, userdata, false);
}

GETTER(get_blockers) {
        return append_members(reply, userdata, true);
}

GETTER(get_viable) {
        const struct group *g = userdata;

        return sd_bus_message_append(reply, "b", g->n_blockers == 0);
}

GETTER(get_node) {
        const struct group *g = userdata;
        char node[32];

        snprintf(node, sizeof(node), "/dev/vfio/%u", g->id);
        return sd_bus_message_append(reply, "s", node);
}

const sd_bus_vtable group_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Bind", SD_BUS_ARGS("s", driver, "t", flags), SD_BUS_RESULT("a(sss)", moves),
                                method_bind_object, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("a(sss)", moves),
                                method_restore_object, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "u", get_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Type", "s", get_type, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Devices", "ao", get_devices, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Viable", "b", get_viable, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Blockers", "ao", get_blockers, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("VfioNode", "s", get_node, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
