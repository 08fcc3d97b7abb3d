/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of drivers do with a function: host drivers, port drivers, stubs, VFIO. */

#include <errno.h>
#include <stdio.h>

#include "pci.h"

/* ---- host drivers: a device of a class below the function, where the topology asks for one ---- */

static struct node *child_add(struct sim *s, struct function *f, const char *class, const char *name,
                              unsigned major) {
        struct node *parent = tree_directory(&s->tree, f->directory, class);

        return class_device_add(s, parent, class, name, major ? name : NULL, major, 0, 0600);
}

static void child_remove(struct sim *s, struct function *f, const char *class) {
        struct node *parent = tree_child(&s->tree, f->directory, class);

        while (parent && parent->children)
                class_device_remove(s, parent->children);
        tree_remove(&s->tree, parent);
}

static int plain_probe(struct sim *s, struct driver *d, struct function *f) {
        if (f->net)
                child_add(s, f, "net", f->net, 0);
        if (f->blocks)
                child_add(s, f, "block", f->blocks, 0);
        if (f->drm)
                child_add(s, f, "drm", f->drm, 0);
        return 0;
}

static void plain_remove(struct sim *s, struct driver *d, struct function *f) {
        static const char *const classes[] = { "net", "block", "drm" };

        if (f->num_vfs > 0)
                sriov_disable(s, f);
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                child_remove(s, f, classes[i]);
}

/* ---- pcieport and pci-stub: drivers/pci/pcie/portdrv_pci.c, drivers/pci/pci-stub.c ---- */

static int port_probe(struct sim *s, struct driver *d, struct function *f) {
        return function_is_bridge(f) && !f->to_pci && !f->conventional ? 0 : -ENODEV;
}

static int stub_probe(struct sim *s, struct driver *d, struct function *f) {
        return 0;
}

static void stub_remove(struct sim *s, struct driver *d, struct function *f) {
}

/* ---- vfio-pci and its variants: vfio_pci_core_register_device(), vfio_group_find_or_alloc() ---- */

static bool noiommu_allowed(struct sim *s) {
        struct module *m = module_find(s, "vfio");
        char value;

        return m && module_parameter(m, "enable_unsafe_noiommu_mode", &value) && strchr("Yy1", value);
}

static int vfio_probe(struct sim *s, struct driver *d, struct function *f) {
        if (function_is_bridge(f))
                return -EINVAL;
        if (f->num_vfs > 0)
                return -EBUSY;
        if (!f->group) {
                if (!noiommu_allowed(s))
                        return -EINVAL;
                group_join(s, f, -1, true);
        }
        group_vfio_add(s, f);
        return 0;
}

/* vfio_unregister_group_dev() waits until nobody has it open */
static void vfio_remove(struct sim *s, struct driver *d, struct function *f) {
        while (f->vfio_open)
                sim_wait(s);
        group_vfio_remove(s, f);
        if (f->group && f->group->noiommu)
                group_leave(s, f);
}

/* ---- pciback: drivers/xen/xen-pciback/pci_stub.c ---- */

static bool slots_have(const struct driver *d, const char *name) {
        _cleanup_free_ char *word = must_format("%.31s ", name);

        return strstr(d->slots, word);
}

static int pciback_probe(struct sim *s, struct driver *d, struct function *f) {
        bool seized = slots_have(d, f->object.label);
        char *slots;

        if (!seized && (!f->override || !streq(f->override, d->name)))
                return -ENODEV;
        if (!seized) {
                slots = must_format("%s%s ", d->slots, f->object.label);
                free(d->slots);
                d->slots = slots;
        }
        return 0;
}

static int show_slots(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        for (const char *p = ((struct driver *) o)->slots; *p; p += strcspn(p, " ") + 1)
                text_add(t, "%.*s\n", (int) strcspn(p, " "), p);
        return 0;
}

static int parse_slot(const char *data, char *ret, size_t size) {
        unsigned domain = 0, bus, slot, function;

        if (sscanf(data, " %x:%x:%x.%x", &domain, &bus, &slot, &function) != 4) {
                domain = 0;
                if (sscanf(data, " %x:%x.%x", &bus, &slot, &function) != 3)
                        return -EINVAL;
        }
        snprintf(ret, size, "%04x:%02x:%02x.%x", domain, bus & 0xff, slot & 0x1f, function & 7);
        return 0;
}

static int store_new_slot(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                          size_t len) {
        struct driver *d = (struct driver *) o;
        char name[32], *slots;

        if (parse_slot(data, name, sizeof(name)) < 0)
                return -EINVAL;
        if (slots_have(d, name))
                return 0;
        slots = must_format("%s%s ", d->slots, name);
        free(d->slots);
        d->slots = slots;
        return 0;
}

static int store_remove_slot(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                             size_t len) {
        struct driver *d = (struct driver *) o;
        char name[32], *at;

        if (parse_slot(data, name, sizeof(name)) < 0)
                return -EINVAL;
        if (!slots_have(d, name))
                return -ENOENT;
        at = strstr(d->slots, name);
        memmove(at, at + strlen(name) + 1, strlen(at + strlen(name) + 1) + 1);
        return 0;
}

static const struct attribute pciback_attributes[] = {
        { "slots", 0400, show_slots, NULL },
        { "new_slot", 0200, NULL, store_new_slot },
        { "remove_slot", 0200, NULL, store_remove_slot },
};

static const struct driver_kind kinds[] = {
        { "plain", false, plain_probe, plain_remove },
        { "port", true, port_probe, stub_remove },
        { "stub", true, stub_probe, stub_remove },
        { "vfio", true, vfio_probe, vfio_remove },
        { "pciback", false, pciback_probe, stub_remove, pciback_attributes, ELEMENTSOF(pciback_attributes) },
};

const struct driver_kind *kind_by_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].name, name))
                        return kinds + i;
        return NULL;
}
