/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who drives what: drivers/base/dd.c, drivers/base/bus.c, drivers/pci/pci-driver.c. Names in comments are
 * the kernel's. */

#include <errno.h>

#include "fault.h"
#include "pci.h"

static bool id_matches(const struct driver_id *id, const struct function *f) {
        return (id->vendor == ANY_ID || id->vendor == f->vendor) &&
                (id->device == ANY_ID || id->device == f->device) &&
                (id->subvendor == ANY_ID || id->subvendor == f->subvendor) &&
                (id->subdevice == ANY_ID || id->subdevice == f->subdevice) &&
                ((id->class ^ f->class) & id->class_mask) == 0;
}

bool bus_match(const struct driver *d, const struct function *f) {
        if (f->override && !streq(f->override, d->name))
                return false;
        for (size_t i = 0; i < d->n_ids; i++)
                if (id_matches(d->ids + i, f) && (!d->ids[i].override_only || f->override))
                        return true;
        return f->override;
}

/* pci_device_can_probe() */
static bool can_probe(const struct function *f) {
        return !f->physical || f->physical->vf_autoprobe || f->override;
}

static int call_probe(struct sim *s, struct driver *d, struct function *f, bool force) {
        int r;

        if (!force && (!can_probe(f) || !bus_match(d, f)))
                return -ENODEV;
        r = fault_strike(s, FAULT_PROBE, false, d->name, f->object.label, NULL);
        if (r < 0)
                return r;
        if (s->started)
                sim_sleep(s, d->probe_ms);
        if (f->disconnected)
                return -ENODEV;
        r = d->kind->probe(s, d, f);
        if (r < 0)
                return r;
        r = fault_strike(s, FAULT_PROBE, true, d->name, f->object.label, NULL);
        if (r < 0)
                d->kind->remove(s, d, f);
        return r;
}

static void add_links(struct sim *s, struct driver *d, struct function *f) {
        tree_link(&s->tree, d->directory, f->object.label, f->directory);
        tree_link(&s->tree, f->directory, "driver", d->directory);
        sim_changed(s);
}

static void remove_links(struct sim *s, struct driver *d, struct function *f) {
        tree_remove_child(&s->tree, d->directory, f->object.label);
        tree_remove_child(&s->tree, f->directory, "driver");
        sim_changed(s);
}

/* really_probe(): positive errno if the probe failed, negative if it did not come to that */
static int really_probe(struct sim *s, struct driver *d, struct function *f, bool force) {
        int r;

        if (!d->kind->manages_dma && f->group) {
                r = group_use(f->group);
                if (r < 0)
                        return r;
        }
        f->driver = d;
        add_links(s, d, f);
        r = call_probe(s, d, f, force);
        if (r < 0) {
                remove_links(s, d, f);
                f->driver = NULL;
                return -r;
        }
        f->enable_count++;
        function_uevent(s, "bind", f);
        sim_changed(s);
        return 0;
}

/* __driver_probe_device() */
static int probe_device(struct sim *s, struct driver *d, struct function *f, bool force) {
        if (f->dead || f->leaving || d->registration == 0)
                return -ENODEV;
        if (f->driver)
                return -EBUSY;
        return really_probe(s, d, f, force);
}

int bus_attach_driver(struct sim *s, struct driver *d, struct function *f) {
        int r;

        object_ref(&f->object);
        gate_enter(s, &f->lock);
        r = probe_device(s, d, f, false);
        gate_leave(s, &f->lock);
        object_unref(&f->object);
        return r > 0 ? -r : r;
}

/* __device_attach(), __device_attach_driver() */
static int attach_locked(struct sim *s, struct function *f) {
        struct driver *d;
        unsigned after = 0;

        if (f->dead || f->leaving)
                return 0;
        if (f->driver)
                return 1;
        while ((d = driver_next(s, after))) {
                int r;

                after = d->registration;
                if (!bus_match(d, f))
                        continue;
                r = probe_device(s, d, f, false);
                if (r <= 0)
                        return r < 0 ? r : 1;
                /* a probe that failed: the next driver may try its luck */
        }
        return 0;
}

int bus_attach(struct sim *s, struct function *f) {
        int r;

        object_ref(&f->object);
        gate_enter(s, &f->lock);
        r = attach_locked(s, f);
        gate_leave(s, &f->lock);
        object_unref(&f->object);
        return r;
}

/* __device_release_driver() */
static void release_locked(struct sim *s, struct function *f) {
        struct driver *d = f->driver;

        if (!d)
                return;
        remove_links(s, d, f);
        (void) fault_strike(s, FAULT_REMOVE, false, d->name, f->object.label, NULL);
        sim_sleep(s, d->remove_ms);
        d->kind->remove(s, d, f);
        (void) fault_strike(s, FAULT_REMOVE, true, d->name, f->object.label, NULL);
        f->driver = NULL;
        if (f->enable_count > 0)
                f->enable_count--;
        function_uevent(s, "unbind", f);
        sim_changed(s);
}

void bus_release(struct sim *s, struct function *f, struct driver *d) {
        object_ref(&f->object);
        gate_enter(s, &f->lock);
        if (!d || f->driver == d)
                release_locked(s, f);
        gate_leave(s, &f->lock);
        object_unref(&f->object);
}

int bus_grab(struct sim *s, struct driver *d, struct function *f) {
        int r = 0;

        object_ref(&f->object);
        gate_enter(s, &f->lock);
        if (f->driver != d) {
                release_locked(s, f);
                r = probe_device(s, d, f, true);
        }
        gate_leave(s, &f->lock);
        object_unref(&f->object);
        return r > 0 ? -r : r;
}

/* drivers_probe_store(): whatever a probe answered, it is a success; what went wrong before one is EINVAL */
static int store_probe(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                       size_t len) {
        struct function *f = function_find(s, data);

        if (!f)
                return -ENODEV;
        if (f->driver)
                return 0;
        return bus_attach(s, f) < 0 ? -EINVAL : 0;
}

static int show_autoprobe(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "%d\n", s->autoprobe);
        return 0;
}

static int store_autoprobe(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                           size_t len) {
        s->autoprobe = data[0] != '0';
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

static const struct attribute attributes[] = {
        { "drivers_probe", 0200, NULL, store_probe },
        { "drivers_autoprobe", 0644, show_autoprobe, store_autoprobe },
        { "rescan", 0200, NULL, store_rescan },
};

void bus_init(struct sim *s) {
        struct node *n = tree_permanent(&s->tree, "bus/pci");

        s->bus = must_alloc(sizeof(*s->bus));
        object_init(s->bus, "bus", NULL);
        s->bus_devices = tree_permanent(&s->tree, "bus/pci/devices");
        s->bus_drivers = tree_permanent(&s->tree, "bus/pci/drivers");
        tree_permanent(&s->tree, "bus/pci/slots");
        tree_files(&s->tree, n, attributes, ELEMENTSOF(attributes), s->bus);
}
