/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SR-IOV: drivers/pci/iov.c. Since 6.1.158 VFs come and go under the rescan lock. */

#include <errno.h>
#include <stdio.h>

#include "fault.h"
#include "pci.h"

static void vf_address(const struct function *f, unsigned index, unsigned *ret_bus, unsigned *ret_devfn) {
        unsigned id = (f->bus << 8 | f->devfn) + f->vf_offset + f->vf_stride * index;

        *ret_bus = id >> 8;
        *ret_devfn = id & 0xff;
}

/* pci_iov_add_virtfn() */
static void add_virtual(struct sim *s, struct function *f, unsigned index) {
        unsigned bus, devfn;
        struct function *v;
        char name[32];

        vf_address(f, index, &bus, &devfn);
        v = function_new(f->domain, bus, devfn);
        v->vendor = f->vendor;
        v->device = f->vf_device;
        v->subvendor = f->subvendor;
        v->subdevice = f->subdevice;
        v->class = f->class;
        v->revision = f->revision;
        v->numa_node = f->numa_node;
        v->vf_index = index;
        v->group_id = f->group_id == -2 ? -2 : f->vf_group >= 0 ? f->vf_group + (int) index : -1;
        v->resets = must_dup(" flr ");
        v->reset_order = must_dup(v->resets);
        v->physical = f;
        object_ref(&f->object);
        object_ref(&v->object);
        function_register(s, v);

        snprintf(name, sizeof(name), "virtfn%u", index);
        tree_link(&s->tree, f->directory, name, v->directory);
        tree_link(&s->tree, v->directory, "physfn", f->directory);
        function_uevent(s, "change", v);
        function_hand_out(s, v);
        object_unref(&v->object);
}

static void remove_virtual(struct sim *s, struct function *f, unsigned index) {
        unsigned bus, devfn;
        struct function *v;
        char name[32];

        vf_address(f, index, &bus, &devfn);
        v = function_at(s, f->domain, bus, devfn);
        if (!v || v->physical != f)
                return;
        snprintf(name, sizeof(name), "virtfn%u", index);
        tree_remove_child(&s->tree, f->directory, name);
        tree_remove_child(&s->tree, v->directory, "physfn");
        function_unregister(s, v);
}

int sriov_enable(struct sim *s, struct function *f, unsigned count) {
        unsigned bus, devfn;

        for (unsigned i = 0; i < count; i++) {
                vf_address(f, i, &bus, &devfn);
                if (bus > 0xff || function_at(s, f->domain, bus, devfn))
                        return -ENOMEM;
        }
        for (unsigned i = 0; i < count; i++)
                add_virtual(s, f, i);
        function_uevent(s, "change", f);
        f->num_vfs = count;
        return 0;
}

void sriov_disable(struct sim *s, struct function *f) {
        for (unsigned i = 0; i < f->num_vfs; i++)
                remove_virtual(s, f, i);
        f->num_vfs = 0;
}

static int set_count(struct sim *s, struct function *f, unsigned count) {
        int r = 0;

        if (count == f->num_vfs)
                return 0;
        if (!f->driver || !f->driver->sriov)
                return -ENOENT;
        if (count > 0 && f->num_vfs > 0)
                return -EBUSY;
        gate_enter(s, &s->rescan);
        if (count == 0)
                sriov_disable(s, f);
        else
                r = sriov_enable(s, f, count);
        gate_leave(s, &s->rescan);
        return r;
}

/* sriov_numvfs_store() */
static int store_count(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                       size_t len) {
        struct function *f = (struct function *) o;
        unsigned long v;
        int r;

        r = parse_number(data, 0, UINT16_MAX, &v);
        if (r < 0)
                return r;
        if (v > f->total_vfs)
                return -ERANGE;
        gate_enter(s, &f->lock);
        r = set_count(s, f, v);
        gate_leave(s, &f->lock);
        return r;
}

static int show_count(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        struct function *f = (struct function *) o;

        gate_enter(s, &f->lock);
        text_add(t, "%u\n", f->num_vfs);
        gate_leave(s, &f->lock);
        return 0;
}

enum field { TOTAL, OFFSET, STRIDE, DEVICE, AUTOPROBE };
#define FIELD(f) (const void *) (uintptr_t) (f)

static int show_field(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        const struct function *f = (struct function *) o;

        switch ((enum field) (uintptr_t) a->argument) {
        case TOTAL: text_add(t, "%u\n", f->total_vfs); break;
        case OFFSET: text_add(t, "%u\n", f->vf_offset); break;
        case STRIDE: text_add(t, "%u\n", f->vf_stride); break;
        case DEVICE: text_add(t, "%x\n", f->vf_device); break;
        case AUTOPROBE: text_add(t, "%u\n", f->vf_autoprobe); break;
        }
        return 0;
}

/* kstrtobool() */
static int store_autoprobe(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                           size_t len) {
        if (len == 0 || !strchr("yY1tTnN0fF", data[0]))
                return -EINVAL;
        ((struct function *) o)->vf_autoprobe = strchr("yY1tT", data[0]);
        return 0;
}

static bool is_physical(const struct object *o) {
        return ((const struct function *) o)->total_vfs > 0;
}

const struct attribute sriov_attributes[] = {
        { "sriov_numvfs", 0644, show_count, store_count, ATTRIBUTE_SLEEPS, .visible = is_physical },
        { "sriov_totalvfs", 0444, show_field, .visible = is_physical, .argument = FIELD(TOTAL) },
        { "sriov_offset", 0444, show_field, .visible = is_physical, .argument = FIELD(OFFSET) },
        { "sriov_stride", 0444, show_field, .visible = is_physical, .argument = FIELD(STRIDE) },
        { "sriov_vf_device", 0444, show_field, .visible = is_physical, .argument = FIELD(DEVICE) },
        { "sriov_drivers_autoprobe", 0644, show_field, store_autoprobe, .visible = is_physical,
          .argument = FIELD(AUTOPROBE) },
};
const size_t n_sriov_attributes = ELEMENTSOF(sriov_attributes);
