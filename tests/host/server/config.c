/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A function's configuration space, as far as lspci and its like read it: PCI local bus and PCI Express
 * specifications. */

#include <linux/pci_regs.h>

#include "pci.h"

enum {
        PM_CAPABILITY = 0x40,
        EXPRESS_CAPABILITY = 0x50,
};

static void put8(uint8_t *c, unsigned at, uint8_t v) {
        c[at] = v;
}

static void put16(uint8_t *c, unsigned at, uint16_t v) {
        put8(c, at, v);
        put8(c, at + 1, v >> 8);
}

static void put32(uint8_t *c, unsigned at, uint32_t v) {
        put16(c, at, v);
        put16(c, at + 2, v >> 16);
}

static bool slot_is_shared(struct sim *s, const struct function *f) {
        for (unsigned i = 0; i < 8; i++) {
                unsigned devfn = (f->devfn & ~7U) | i;

                if (devfn != f->devfn && function_at(s, f->domain, f->bus, devfn))
                        return true;
        }
        return false;
}

static void put_capabilities(const struct function *f, uint8_t *c) {
        unsigned type = !function_is_bridge(f) ? PCI_EXP_TYPE_ENDPOINT :
                f->to_pci ? PCI_EXP_TYPE_PCI_BRIDGE : PCI_EXP_TYPE_ROOT_PORT;

        put16(c, PCI_STATUS, PCI_STATUS_CAP_LIST);
        put8(c, PCI_CAPABILITY_LIST, PM_CAPABILITY);
        put8(c, PM_CAPABILITY, PCI_CAP_ID_PM);
        put16(c, PM_CAPABILITY + PCI_PM_PMC, 3);
        if (f->conventional)
                return;
        put8(c, PM_CAPABILITY + PCI_CAP_LIST_NEXT, EXPRESS_CAPABILITY);
        put8(c, EXPRESS_CAPABILITY, PCI_CAP_ID_EXP);
        put16(c, EXPRESS_CAPABILITY + PCI_EXP_FLAGS, 2 | type << 4);
        put32(c, EXPRESS_CAPABILITY + PCI_EXP_LNKCAP, 3 | 4 << 4);
        put16(c, EXPRESS_CAPABILITY + PCI_EXP_LNKSTA, 3 | 4 << 4);
}

int config_show(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        const struct function *f = (struct function *) o;
        _cleanup_free_ uint8_t *c = must_alloc(a->size);
        bool bridge = function_is_bridge(f);

        put16(c, PCI_VENDOR_ID, f->vendor);
        put16(c, PCI_DEVICE_ID, f->device);
        put16(c, PCI_COMMAND, f->driver ? PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER : 0);
        put8(c, PCI_REVISION_ID, f->revision);
        put8(c, PCI_CLASS_PROG, f->class);
        put16(c, PCI_CLASS_DEVICE, f->class >> 8);
        put8(c, PCI_HEADER_TYPE, (bridge ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL) |
             (slot_is_shared(s, f) ? 0x80 : 0));
        if (bridge) {
                put8(c, PCI_PRIMARY_BUS, f->bus);
                put8(c, PCI_SECONDARY_BUS, f->secondary);
                put8(c, PCI_SUBORDINATE_BUS, f->subordinate);
        } else {
                put16(c, PCI_SUBSYSTEM_VENDOR_ID, f->subvendor);
                put16(c, PCI_SUBSYSTEM_ID, f->subdevice);
        }
        put_capabilities(f, c);
        text_add_bytes(t, c, a->size);
        return 0;
}
