/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drivers and their directory: drivers/base/bus.c and driver.c, drivers/pci/pci-driver.c. */

#include <errno.h>
#include <stdio.h>

#include "pci.h"

#define DRIVER(o) ((struct driver *) (o))

static void driver_destroy(struct object *o) {
        free(DRIVER(o)->name);
        free(DRIVER(o)->ids);
        free(DRIVER(o)->slots);
}

struct driver *driver_find(struct sim *s, const char *name) {
        for (struct driver *d = s->drivers; d; d = d->next)
                if (streq(d->name, name))
                        return d;
        return NULL;
}

struct driver *driver_new(struct sim *s, const char *name, struct module *m) {
        struct driver *d = must_alloc(sizeof(*d)), **end;
        _cleanup_free_ char *label = must_format("drivers/%s", name);

        object_init(&d->object, label, driver_destroy);
        d->name = must_dup(name);
        d->module = m;
        d->kind = kind_by_name("plain");
        d->slots = must_dup("");
        for (end = &s->drivers; *end; end = &(*end)->next)
                ;
        *end = d;
        return d;
}

void driver_add_id(struct driver *d, const struct driver_id *id) {
        d->ids = must_realloc(d->ids, (d->n_ids + 1) * sizeof(*id));
        d->ids[d->n_ids++] = *id;
}

struct driver *driver_next(struct sim *s, unsigned after) {
        struct driver *next = NULL;

        for (struct driver *d = s->drivers; d; d = d->next)
                if (d->registration > after && (!next || d->registration < next->registration))
                        next = d;
        return next;
}

/* bind_store() */
static int store_bind(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                      size_t len) {
        struct function *f = function_find(s, data);

        if (!f || !f->matchable || !bus_match(DRIVER(o), f))
                return -ENODEV;
        return bus_attach_driver(s, DRIVER(o), f);
}

/* unbind_store() */
static int store_unbind(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        struct function *f = function_find(s, data);

        if (!f || f->driver != DRIVER(o))
                return -ENODEV;
        bus_release(s, f, NULL);
        return 0;
}

/* driver_attach(): every function of the bus, in its order; they may come and go meanwhile */
static void attach_all(struct sim *s, struct driver *d) {
        struct function **all;
        size_t n = 0;

        for (struct function *f = s->functions; f; f = f->next)
                n++;
        all = must_alloc((n + 1) * sizeof(*all));
        n = 0;
        for (struct function *f = s->functions; f; f = f->next)
                if (f->matchable) {
                        object_ref(&f->object);
                        all[n++] = f;
                }
        for (size_t i = 0; i < n; i++) {
                if (!all[i]->driver && bus_match(d, all[i]))
                        (void) bus_attach_driver(s, d, all[i]);
                object_unref(&all[i]->object);
        }
        free(all);
}

static int parse_id(const char *data, struct driver_id *ret) {
        struct driver_id id = { .subvendor = ANY_ID, .subdevice = ANY_ID };
        unsigned long driver_data;
        int n;

        n = sscanf(data, "%x %x %x %x %x %x %lx", &id.vendor, &id.device, &id.subvendor, &id.subdevice,
                   &id.class, &id.class_mask, &driver_data);
        if (n < 2)
                return -EINVAL;
        id.dynamic = true;
        *ret = id;
        return 0;
}

/* new_id_store() */
static int store_new_id(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        struct driver_id id;
        struct function probe = {};
        int r;

        r = parse_id(data, &id);
        if (r < 0)
                return r;
        probe.vendor = id.vendor;
        probe.device = id.device;
        probe.subvendor = id.subvendor;
        probe.subdevice = id.subdevice;
        probe.class = id.class;
        if (bus_match(DRIVER(o), &probe))
                return -EEXIST;
        driver_add_id(DRIVER(o), &id);
        attach_all(s, DRIVER(o));
        return 0;
}

/* remove_id_store() */
static int store_remove_id(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                           size_t len) {
        struct driver *d = DRIVER(o);
        struct driver_id id;
        int r;

        r = parse_id(data, &id);
        if (r < 0)
                return r;
        for (size_t i = 0; i < d->n_ids; i++)
                if (d->ids[i].dynamic && d->ids[i].vendor == id.vendor && d->ids[i].device == id.device) {
                        d->ids[i] = d->ids[--d->n_ids];
                        return 0;
                }
        return -ENODEV;
}

static int store_uevent(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        if (!DRIVER(o)->directory)
                return -ENODEV;
        return uevent_synthesize(s, DRIVER(o)->directory, "drivers", NULL, data);
}

static const struct attribute attributes[] = {
        { "bind", 0200, NULL, store_bind },
        { "unbind", 0200, NULL, store_unbind },
        { "new_id", 0200, NULL, store_new_id },
        { "remove_id", 0200, NULL, store_remove_id },
        { "uevent", 0200, NULL, store_uevent },
};

static void add_module_links(struct sim *s, struct driver *d) {
        _cleanup_free_ char *name = must_format("pci:%s", d->name);

        /* one that is built in is linked only if its module had a directory before, which is rare */
        if (!d->module || !d->module->directory || d->module->state == MODULE_BUILTIN)
                return;
        tree_link(&s->tree, tree_directory(&s->tree, d->module->directory, "drivers"), name, d->directory);
        tree_link(&s->tree, d->directory, "module", d->module->directory);
}

/* driver_register() */
void driver_register(struct sim *s, struct driver *d) {
        d->directory = tree_directory(&s->tree, s->bus_drivers, d->name);
        d->registration = ++s->registrations;
        if (s->autoprobe)
                attach_all(s, d);
        add_module_links(s, d);
        tree_files(&s->tree, d->directory, attributes, ELEMENTSOF(attributes), &d->object);
        tree_files(&s->tree, d->directory, d->kind->attributes, d->kind->n_attributes, &d->object);
        uevent_send(s, "add", d->directory, "drivers", NULL);
        sim_changed(s);
}

void driver_unregister(struct sim *s, struct driver *d) {
        struct function *f;

        d->registration = 0;
        for (;;) {
                for (f = s->functions; f && f->driver != d; f = f->next)
                        ;
                if (!f)
                        break;
                bus_release(s, f, d);
        }
        uevent_send(s, "remove", d->directory, "drivers", NULL);
        tree_remove(&s->tree, d->directory);
        d->directory = NULL;
        if (d->module && d->module->directory) {
                _cleanup_free_ char *name = must_format("pci:%s", d->name);

                tree_remove_child(&s->tree, tree_directory(&s->tree, d->module->directory, "drivers"), name);
        }
        sim_changed(s);
}
