/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attributes of a PCI function: drivers/pci/pci-sysfs.c, drivers/base/core.c. Reading driver_override
 * and uevent takes the device's lock, as in 6.1 (uevent: since 6.1.95).
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "pci.h"

#define FUNCTION(o) ((struct function *) (o))

enum field {
        VENDOR, DEVICE, SUBVENDOR, SUBDEVICE, CLASS, REVISION, MODALIAS, NUMA_NODE, BOOT_VGA, IRQ, ENABLE,
        POWER_STATE, SPEED, WIDTH, SECONDARY, SUBORDINATE, DMA_MASK, ARI, D3COLD, MSI_BUS, BROKEN, CPUS,
        CPU_LIST, CONTROL, RUNTIME_STATUS,
};

#define FIELD(f) (const void *) (uintptr_t) (f)

/* vfio-pci lets an idle function sleep. */
static bool sleeps(const struct function *f) {
        return f->driver && streq(f->driver->kind->name, "vfio") && !f->vfio_open;
}

static int show_field(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        const struct function *f = FUNCTION(o);

        switch ((enum field) (uintptr_t) a->argument) {
        case VENDOR: text_add(t, "0x%04x\n", f->vendor); break;
        case DEVICE: text_add(t, "0x%04x\n", f->device); break;
        case SUBVENDOR: text_add(t, "0x%04x\n", f->subvendor); break;
        case SUBDEVICE: text_add(t, "0x%04x\n", f->subdevice); break;
        case CLASS: text_add(t, "0x%06x\n", f->class); break;
        case REVISION: text_add(t, "0x%02x\n", f->revision); break;
        case MODALIAS:
                text_add(t, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", f->vendor, f->device,
                         f->subvendor, f->subdevice, f->class >> 16, f->class >> 8 & 0xff, f->class & 0xff);
                break;
        case NUMA_NODE: text_add(t, "%d\n", f->numa_node); break;
        case BOOT_VGA: text_add(t, "%d\n", f->boot_vga); break;
        case IRQ: text_add(t, "%d\n", function_is_bridge(f) ? 24 : 11); break;
        case ENABLE: text_add(t, "%u\n", f->enable_count); break;
        case POWER_STATE: text_add(t, "%s\n", sleeps(f) ? "D3hot" : "D0"); break;
        case SPEED: text_add(t, "8.0 GT/s PCIe\n"); break;
        case WIDTH: text_add(t, "4\n"); break;
        case SECONDARY: text_add(t, "%u\n", f->secondary); break;
        case SUBORDINATE: text_add(t, "%u\n", f->subordinate); break;
        case DMA_MASK: text_add(t, "%d\n", f->driver ? 64 : 32); break;
        case ARI: case BROKEN: text_add(t, "0\n"); break;
        case D3COLD: case MSI_BUS: text_add(t, "1\n"); break;
        case CPUS: text_add(t, "3\n"); break;
        case CPU_LIST: text_add(t, "0-1\n"); break;
        case CONTROL: text_add(t, "on\n"); break;
        case RUNTIME_STATUS: text_add(t, "active\n"); break;
        }
        return 0;
}

/* Knobs that change nothing that anybody here looks at. */
static int store_accepted(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                          size_t len) {
        return 0;
}

static int store_numa_node(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                           size_t len) {
        unsigned long v;
        int r;

        if (streq(data, "-1") || streq(data, "-1\n")) {
                FUNCTION(o)->numa_node = -1;
                return 0;
        }
        r = parse_number(data, 0, 0, &v);
        if (r < 0)
                return -EINVAL;
        FUNCTION(o)->numa_node = v;
        return 0;
}

/* enable_store() */
static int store_enable(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        struct function *f = FUNCTION(o);
        unsigned long v;
        int r;

        r = parse_number(data, 0, UINT32_MAX, &v);
        if (r < 0)
                return r;
        gate_enter(s, &f->lock);
        if (f->driver)
                r = -EBUSY;
        else if (v > 0)
                f->enable_count++;
        else if (f->enable_count > 0)
                f->enable_count--;
        else
                r = -EIO;
        gate_leave(s, &f->lock);
        return r;
}

/* driver_override_store(), driver_set_override(): a newline or nothing at its start clears it */
static int store_override(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                          size_t len) {
        struct function *f = FUNCTION(o);
        char *new = NULL;

        if (len >= 4096 - 1)
                return -EINVAL;
        if (data[0] != '\0' && data[0] != '\n') {
                new = must_dup(data);
                new[strcspn(new, "\n")] = '\0';
        }
        gate_enter(s, &f->lock);
        free(f->override);
        f->override = new;
        gate_leave(s, &f->lock);
        return 0;
}

static int show_override(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        struct function *f = FUNCTION(o);

        gate_enter(s, &f->lock);
        text_add(t, "%s\n", f->override ?: "(null)");
        gate_leave(s, &f->lock);
        return 0;
}

static int show_uevent(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        struct function *f = FUNCTION(o);

        gate_enter(s, &f->lock);
        function_properties(f, t);
        gate_leave(s, &f->lock);
        return 0;
}

static int store_uevent(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        struct function *f = FUNCTION(o);
        _cleanup_text_ struct text t = {};

        if (f->dead)
                return -ENODEV;
        function_properties(f, &t);
        return uevent_synthesize(s, f->directory, "pci", t.data, data);
}

/* Six BARs, the ROM, six of SR-IOV, and a bridge's four windows. */
static int show_resource(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        const struct function *f = FUNCTION(o);
        uint64_t base = 0xe0000000 + ((uint64_t) f->domain << 36 | (uint64_t) f->bus << 24 | f->devfn << 16);

        for (int i = 0; i < (function_is_bridge(f) ? 17 : 13); i++)
                if (i == 0 && !function_is_bridge(f))
                        text_add(t, "0x%016llx 0x%016llx 0x0000000000040200\n", (unsigned long long) base,
                                 (unsigned long long) base + 0x3fff);
                else
                        text_add(t, "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
        return 0;
}

static int store_remove(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        struct function *f = FUNCTION(o);
        unsigned long v;

        if (parse_number(data, 0, UINT32_MAX, &v) < 0)
                return -EINVAL;
        if (v == 0 || f->leaving)
                return 0;
        gate_enter(s, &s->rescan);
        function_unregister(s, f);
        gate_leave(s, &s->rescan);
        return 0;
}

static int store_rescan(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        unsigned long v;

        if (parse_number(data, 0, UINT32_MAX, &v) < 0)
                return -EINVAL;
        if (v == 0)
                return 0;
        gate_enter(s, &s->rescan);
        slot_rescan(s);
        gate_leave(s, &s->rescan);
        return 0;
}

static bool is_vga(const struct object *o) {
        return ((const struct function *) o)->class >> 8 == 0x0300;
}

static bool is_bridge(const struct object *o) {
        return function_is_bridge((const struct function *) o);
}

static bool is_express(const struct object *o) {
        return !((const struct function *) o)->conventional;
}

static bool is_conventional(const struct object *o) {
        return !is_express(o);
}

static bool is_not_virtual(const struct object *o) {
        return !((const struct function *) o)->physical;
}

static const struct attribute attributes[] = {
        { "uevent", 0644, show_uevent, store_uevent, ATTRIBUTE_SLEEPS },
        { "vendor", 0444, show_field, .argument = FIELD(VENDOR) },
        { "device", 0444, show_field, .argument = FIELD(DEVICE) },
        { "subsystem_vendor", 0444, show_field, .argument = FIELD(SUBVENDOR) },
        { "subsystem_device", 0444, show_field, .argument = FIELD(SUBDEVICE) },
        { "class", 0444, show_field, .argument = FIELD(CLASS) },
        { "revision", 0444, show_field, .argument = FIELD(REVISION) },
        { "modalias", 0444, show_field, .argument = FIELD(MODALIAS) },
        { "numa_node", 0644, show_field, store_numa_node, .argument = FIELD(NUMA_NODE) },
        { "boot_vga", 0444, show_field, .visible = is_vga, .argument = FIELD(BOOT_VGA) },
        { "irq", 0444, show_field, .argument = FIELD(IRQ) },
        { "enable", 0644, show_field, store_enable, .argument = FIELD(ENABLE) },
        { "power_state", 0444, show_field, .argument = FIELD(POWER_STATE) },
        { "current_link_speed", 0444, show_field, .visible = is_express, .argument = FIELD(SPEED) },
        { "current_link_width", 0444, show_field, .visible = is_express, .argument = FIELD(WIDTH) },
        { "max_link_speed", 0444, show_field, .visible = is_express, .argument = FIELD(SPEED) },
        { "max_link_width", 0444, show_field, .visible = is_express, .argument = FIELD(WIDTH) },
        { "secondary_bus_number", 0444, show_field, .visible = is_bridge, .argument = FIELD(SECONDARY) },
        { "subordinate_bus_number", 0444, show_field, .visible = is_bridge, .argument = FIELD(SUBORDINATE) },
        { "dma_mask_bits", 0444, show_field, .argument = FIELD(DMA_MASK) },
        { "consistent_dma_mask_bits", 0444, show_field, .argument = FIELD(DMA_MASK) },
        { "ari_enabled", 0444, show_field, .argument = FIELD(ARI) },
        { "d3cold_allowed", 0644, show_field, store_accepted, .argument = FIELD(D3COLD) },
        { "msi_bus", 0644, show_field, store_accepted, .argument = FIELD(MSI_BUS) },
        { "broken_parity_status", 0644, show_field, store_accepted, .argument = FIELD(BROKEN) },
        { "local_cpus", 0444, show_field, .argument = FIELD(CPUS) },
        { "local_cpulist", 0444, show_field, .argument = FIELD(CPU_LIST) },
        { "resource", 0444, show_resource },
        { "config", 0644, config_show, store_accepted, ATTRIBUTE_CONFIG, 4096, is_express },
        { "config", 0644, config_show, store_accepted, ATTRIBUTE_CONFIG, 256, is_conventional },
        { "driver_override", 0644, show_override, store_override, ATTRIBUTE_SLEEPS },
        { "remove", 0220, NULL, store_remove, .visible = is_not_virtual },
        { "rescan", 0200, NULL, store_rescan, .visible = is_not_virtual },
};

static const struct attribute power_attributes[] = {
        { "control", 0644, show_field, store_accepted, .argument = FIELD(CONTROL) },
        { "runtime_status", 0444, show_field, .argument = FIELD(RUNTIME_STATUS) },
};

void attributes_add(struct sim *s, struct function *f) {
        struct node *power = tree_directory(&s->tree, f->directory, "power");

        tree_files(&s->tree, power, power_attributes, ELEMENTSOF(power_attributes), &f->object);
        tree_files(&s->tree, f->directory, attributes, ELEMENTSOF(attributes), &f->object);
        tree_files(&s->tree, f->directory, sriov_attributes, n_sriov_attributes, &f->object);
        tree_files(&s->tree, f->directory, reset_attributes, n_reset_attributes, &f->object);
}
