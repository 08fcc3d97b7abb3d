/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI functions: how they appear in sysfs and leave it. */

#include <stdio.h>

#include "pci.h"

static void function_destroy(struct object *o) {
        struct function *f = (struct function *) o;

        free(f->resets);
        free(f->reset_order);
        free(f->working_resets);
        free(f->wanted);
        free(f->blocks);
        free(f->drm);
        free(f->net);
        free(f->override);
        if (f->physical)
                object_unref(&f->physical->object);
}

struct function *function_new(unsigned domain, unsigned bus, unsigned devfn) {
        struct function *f = must_alloc(sizeof(*f));
        char label[32];

        snprintf(label, sizeof(label), "%04x:%02x:%02x.%x", domain, bus, devfn >> 3, devfn & 7);
        object_init(&f->object, label, function_destroy);
        f->domain = domain;
        f->bus = bus;
        f->devfn = devfn;
        f->numa_node = f->group_id = f->node_delay_ms = f->vf_group = -1;
        f->vf_autoprobe = true;
        f->vf_offset = f->vf_stride = 1;
        return f;
}

struct function *function_find(struct sim *s, const char *name) {
        size_t n = strcspn(name, "\n");

        if (name[n] && name[n + 1])
                return NULL;
        for (struct function *f = s->functions; f; f = f->next)
                if (strncmp(f->object.label, name, n) == 0 && !f->object.label[n])
                        return f;
        return NULL;
}

struct function *function_at(struct sim *s, unsigned domain, unsigned bus, unsigned devfn) {
        for (struct function *f = s->functions; f; f = f->next)
                if (f->devfn == devfn && f->bus == bus && f->domain == domain)
                        return f;
        return NULL;
}

bool function_is_bridge(const struct function *f) {
        return f->secondary > 0;
}

static bool is_behind(const struct function *bridge, const struct function *f) {
        return function_is_bridge(bridge) && bridge->domain == f->domain && f->bus >= bridge->secondary &&
                f->bus <= bridge->subordinate && !(bridge->bus == f->bus && bridge->devfn == f->devfn);
}

/* The bridge nearest to it. */
static struct function *find_parent(struct sim *s, const struct function *f) {
        struct function *best = NULL;

        for (struct function *b = s->functions; b; b = b->next)
                if (is_behind(b, f) && (!best || b->secondary > best->secondary))
                        best = b;
        return best;
}

static struct node *parent_directory(struct sim *s, const struct function *f) {
        const struct function *above = f->physical ?: f, *bridge = find_parent(s, above);
        char root[32];

        if (bridge)
                return bridge->directory;
        snprintf(root, sizeof(root), "devices/pci%04x:%02x", above->domain, above->bus);
        return tree_permanent(&s->tree, root);
}

void function_properties(const struct function *f, struct text *t) {
        if (f->driver)
                text_add(t, "DRIVER=%s\n", f->driver->name);
        text_add(t, "PCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\nPCI_SLOT_NAME=%s\n",
                 f->class, f->vendor, f->device, f->subvendor, f->subdevice, f->object.label);
        text_add(t, "MODALIAS=pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", f->vendor, f->device,
                 f->subvendor, f->subdevice, f->class >> 16, f->class >> 8 & 0xff, f->class & 0xff);
}

void function_uevent(struct sim *s, const char *action, struct function *f) {
        _cleanup_text_ struct text t = {};

        function_properties(f, &t);
        uevent_send(s, action, f->directory, "pci", t.data);
}

static void list_append(struct sim *s, struct function *f) {
        f->previous = s->last_function;
        if (s->last_function)
                s->last_function->next = f;
        else
                s->functions = f;
        s->last_function = f;
}

static void list_remove(struct sim *s, struct function *f) {
        if (f->previous)
                f->previous->next = f->next;
        else
                s->functions = f->next;
        if (f->next)
                f->next->previous = f->previous;
        else
                s->last_function = f->previous;
        f->next = f->previous = NULL;
}

/* device_add(): the group is there before anybody hears of the device */
void function_register(struct sim *s, struct function *f) {
        struct tree *t = &s->tree;

        f->directory = tree_directory(t, parent_directory(s, f), f->object.label);
        list_append(s, f);
        attributes_add(s, f);
        tree_link(t, f->directory, "subsystem", tree_permanent(t, "bus/pci"));
        tree_link(t, s->bus_devices, f->object.label, f->directory);
        if (s->iommu && f->group_id != -2)
                group_join(s, f, f->group_id, false);
        function_uevent(s, "add", f);
        sim_changed(s);
}

void function_hand_out(struct sim *s, struct function *f) {
        f->matchable = true;
        if (!f->wanted && s->autoprobe)
                (void) bus_attach(s, f);
        else if (f->wanted && !streq(f->wanted, "none")) {
                struct driver *d = driver_find(s, f->wanted);

                if (!d || bus_grab(s, d, f) < 0)
                        fprintf(stderr, "%s: no driver %s takes it\n", f->object.label, f->wanted);
        }
}

static void destroy(struct sim *s, struct function *f) {
        tree_remove_child(&s->tree, s->bus_devices, f->object.label);
        group_leave(s, f);
        f->dead = true;
        list_remove(s, f);
        slot_forget(s, f);
        function_uevent(s, "remove", f);
        tree_remove(&s->tree, f->directory);
        f->directory = NULL;
        sim_changed(s);
        object_unref(&f->object);
}

void function_unregister(struct sim *s, struct function *f) {
        struct function *child;

        if (f->leaving || f->dead)
                return;
        f->leaving = true;
        object_ref(&f->object);
        do {
                for (child = s->last_function; child; child = child->previous)
                        if (!child->leaving && is_behind(f, child))
                                break;
                if (child)
                        function_unregister(s, child);
        } while (child);

        bus_release(s, f, NULL);
        if (f->num_vfs > 0)
                sriov_disable(s, f);
        destroy(s, f);
        object_unref(&f->object);
}

struct departure {
        struct function *function;
        bool done, waited;
};

static void vanish_thread(struct sim *s, void *data) {
        struct departure *d = data;

        pthread_mutex_lock(&s->lock);
        gate_enter(s, &s->rescan);
        function_unregister(s, d->function);
        gate_leave(s, &s->rescan);
        object_unref(&d->function->object);
        d->done = true;
        if (!d->waited)
                free(d);
        sim_changed(s);
        pthread_mutex_unlock(&s->lock);
}

/* As a hot-plug controller that finds the link down: a thread of the kernel's takes the function away. */
void function_vanish(struct sim *s, struct function *f, bool wait) {
        struct departure *d = must_alloc(sizeof(*d));

        f->disconnected = true;
        (void) slot_unplug(s, f->object.label);
        object_ref(&f->object);
        *d = (struct departure) { .function = f, .waited = wait };
        sim_thread(s, vanish_thread, d);
        if (!wait)
                return;
        while (!d->done)
                sim_wait(s);
        free(d);
}
