/* SPDX-License-Identifier: GPL-2.0-or-later */

/* org.vfiobind.Device: one PCI function. Everything answers from memory, but what explicit.c takes away
 * beforehand. */

#include <errno.h>

#include "dbus/lease.h"
#include "dbus/path.h"
#include "dbus/service.h"
#include "dbus/wish.h"
#include "service/host/printable.h"

/* A getter for a field that is answered as it is. */
#define DEFINE_FIELD_GETTER(name, type, expression)                                                         \
        GETTER(name) {                                                                                      \
                const struct function *f = userdata;                                                        \
                                                                                                            \
                return sd_bus_message_append(reply, type, expression);                                      \
        }

DEFINE_FIELD_GETTER(get_address, "s", PCI_ADDRESS_TEXT(&f->address))
DEFINE_FIELD_GETTER(get_vendor, "q", f->vendor)
DEFINE_FIELD_GETTER(get_device, "q", f->device)
DEFINE_FIELD_GETTER(get_subsystem_vendor, "q", f->subsystem_vendor)
DEFINE_FIELD_GETTER(get_subsystem_device, "q", f->subsystem_device)
DEFINE_FIELD_GETTER(get_class_code, "u", f->class_code)
DEFINE_FIELD_GETTER(get_revision, "y", f->revision)
DEFINE_FIELD_GETTER(get_vendor_name, "s", f->vendor_name)
DEFINE_FIELD_GETTER(get_device_name, "s", f->device_name)
DEFINE_FIELD_GETTER(get_class_name, "s", f->class_name)
DEFINE_FIELD_GETTER(get_driver, "s", f->driver)
DEFINE_FIELD_GETTER(get_state, "s", driver_kind_name(f->kind))
DEFINE_FIELD_GETTER(get_home, "s", f->home)
DEFINE_FIELD_GETTER(get_vfio_driver, "s", f->vfio_driver)
DEFINE_FIELD_GETTER(get_group, "o", GROUP_PATH(f->group))
DEFINE_FIELD_GETTER(get_node, "s", f->vfio_node)
DEFINE_FIELD_GETTER(get_parent, "o", f->has_parent ? DEVICE_PATH(&f->parent) : "/")
DEFINE_FIELD_GETTER(get_bridge, "b", f->bridge)
DEFINE_FIELD_GETTER(get_boot_vga, "b", f->boot_vga)
DEFINE_FIELD_GETTER(get_numa_node, "i", f->numa_node)
DEFINE_FIELD_GETTER(get_physical, "o", f->is_virtual ? DEVICE_PATH(&f->physical) : "/")
DEFINE_FIELD_GETTER(get_max_virtual, "u", f->max_virtual_functions)
DEFINE_FIELD_GETTER(get_lease, "s", f->lease)
DEFINE_FIELD_GETTER(get_lease_state, "s", lease_state_name(f->lease, f->returning))
DEFINE_FIELD_GETTER(get_busy, "b", f->busy)

static int append_words(sd_bus_message *reply, const char *words) {
        _cleanup_free_ char *copy = strdup(words);
        char *save = NULL;
        int r;

        if (!copy)
                return -ENOMEM;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (char *w = strtok_r(copy, " ", &save); r >= 0 && w; w = strtok_r(NULL, " ", &save))
                r = sd_bus_message_append(reply, "s", w);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Root may write anything there, and the bus takes nothing but UTF-8. */
GETTER(get_override) {
        const struct function *f = userdata;
        _cleanup_free_ char *printable = text_printable(f->override);

        return printable ? sd_bus_message_append(reply, "s", printable) : -ENOMEM;
}

GETTER(get_host_modules) {
        const struct function *f = userdata;

        return append_words(reply, aliases_host_modules(model_aliases(f->model), f));
}

GETTER(get_reset_methods) {
        const struct function *f = userdata;

        return append_words(reply, f->reset_methods);
}

GETTER(get_virtual) {
        const struct function *f = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "o");
        for (size_t i = 0; r >= 0 && i < f->n_virtual_functions; i++)
                r = sd_bus_message_append(reply, "o", DEVICE_PATH(&f->virtual_functions[i]));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Only for the table: explicit.c answers before this is asked. */
GETTER(get_explicit) {
        return -EOPNOTSUPP;
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define EXPLICIT SD_BUS_VTABLE_PROPERTY_EXPLICIT

const sd_bus_vtable device_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Bind", SD_BUS_ARGS("s", driver, "t", flags), SD_BUS_RESULT("a(sss)", moves),
                                method_bind_object, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("a(sss)", moves),
                                method_restore_object, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reset", SD_BUS_ARGS("s", method, "t", flags), SD_BUS_RESULT("s", used),
                                method_reset_object, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Address", "s", get_address, 0, CONST),
        SD_BUS_PROPERTY("VendorId", "q", get_vendor, 0, CONST),
        SD_BUS_PROPERTY("DeviceId", "q", get_device, 0, CONST),
        SD_BUS_PROPERTY("SubsystemVendorId", "q", get_subsystem_vendor, 0, CONST),
        SD_BUS_PROPERTY("SubsystemDeviceId", "q", get_subsystem_device, 0, CONST),
        SD_BUS_PROPERTY("ClassCode", "u", get_class_code, 0, CONST),
        SD_BUS_PROPERTY("Revision", "y", get_revision, 0, CONST),
        SD_BUS_PROPERTY("VendorName", "s", get_vendor_name, 0, CONST),
        SD_BUS_PROPERTY("DeviceName", "s", get_device_name, 0, CONST),
        SD_BUS_PROPERTY("ClassName", "s", get_class_name, 0, CONST),
        SD_BUS_PROPERTY("Driver", "s", get_driver, 0, CHANGES),
        SD_BUS_PROPERTY("DriverOverride", "s", get_override, 0, CHANGES),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("HostDriver", "s", get_home, 0, CHANGES),
        SD_BUS_PROPERTY("VfioDriver", "s", get_vfio_driver, 0, CHANGES),
        SD_BUS_PROPERTY("HostModules", "as", get_host_modules, 0, CONST),
        SD_BUS_PROPERTY("Group", "o", get_group, 0, CHANGES),
        SD_BUS_PROPERTY("VfioNode", "s", get_node, 0, CHANGES),
        SD_BUS_PROPERTY("Parent", "o", get_parent, 0, CONST),
        SD_BUS_PROPERTY("IsBridge", "b", get_bridge, 0, CONST),
        SD_BUS_PROPERTY("BootVga", "b", get_boot_vga, 0, CONST),
        SD_BUS_PROPERTY("NumaNode", "i", get_numa_node, 0, CONST),
        SD_BUS_PROPERTY("PhysicalFunction", "o", get_physical, 0, CONST),
        SD_BUS_PROPERTY("VirtualFunctions", "ao", get_virtual, 0, CHANGES),
        SD_BUS_PROPERTY("MaxVirtualFunctions", "u", get_max_virtual, 0, CONST),
        SD_BUS_PROPERTY("ResetMethods", "as", get_reset_methods, 0, CHANGES),
        SD_BUS_PROPERTY("Lease", "s", get_lease, 0, CHANGES),
        SD_BUS_PROPERTY("LeaseState", "s", get_lease_state, 0, CHANGES),
        SD_BUS_PROPERTY("Busy", "b", get_busy, 0, CHANGES),
        SD_BUS_PROPERTY("PowerState", "s", get_explicit, 0, EXPLICIT),
        SD_BUS_PROPERTY("LinkSpeed", "s", get_explicit, 0, EXPLICIT),
        SD_BUS_PROPERTY("LinkWidth", "u", get_explicit, 0, EXPLICIT),
        SD_BUS_PROPERTY("MaxLinkSpeed", "s", get_explicit, 0, EXPLICIT),
        SD_BUS_PROPERTY("MaxLinkWidth", "u", get_explicit, 0, EXPLICIT),
        SD_BUS_VTABLE_END,
};
