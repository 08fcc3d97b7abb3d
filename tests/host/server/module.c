/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules: /sys/module, insertion and removal: kernel/module/main.c and sysfs.c. */

#include <errno.h>
#include <stdio.h>

#include "fault.h"
#include "pci.h"

#define MODULE(o) ((struct module *) (o))

static const char *const states[] = {
        [MODULE_AVAILABLE] = "available",
        [MODULE_COMING] = "coming",
        [MODULE_LIVE] = "live",
        [MODULE_GOING] = "going",
        [MODULE_BUILTIN] = "builtin",
};

static void module_destroy(struct object *o) {
        struct module *m = MODULE(o);

        free(m->name);
        free(m->depends);
        free(m->pre);
        free(m->post);
        free(m->aliases);
        free(m->parameters);
        free(m->misc);
}

struct module *module_find(struct sim *s, const char *name) {
        for (struct module *m = s->modules; m; m = m->next)
                if (streq(m->name, name))
                        return m;
        return NULL;
}

struct module *module_new(struct sim *s, const char *name) {
        struct module *m = must_alloc(sizeof(*m)), **end;
        _cleanup_free_ char *label = must_format("module/%s", name);

        object_init(&m->object, label, module_destroy);
        m->name = must_dup(name);
        m->state = MODULE_LIVE;
        for (char *p = m->name; *p; p++)
                if (*p == '-')
                        *p = '_';
        for (end = &s->modules; *end; end = &(*end)->next)
                ;
        *end = m;
        return m;
}

static int show_state(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "%s\n", states[MODULE(o)->state]);
        return 0;
}

static int show_refcnt(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "0\n");
        return 0;
}

static int store_uevent(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        if (!MODULE(o)->directory)
                return -ENODEV;
        return uevent_synthesize(s, MODULE(o)->directory, "module", NULL, data);
}

static bool is_loadable(const struct object *o) {
        return ((const struct module *) o)->state != MODULE_BUILTIN;
}

static const struct attribute attributes[] = {
        { "uevent", 0200, NULL, store_uevent },
        { "initstate", 0444, show_state, .visible = is_loadable },
        { "refcnt", 0444, show_refcnt, .visible = is_loadable },
};

/* ---- parameters: "name:value" words, all of them single letters or digits ---- */

static char *find_parameter(struct module *m, const char *name) {
        _cleanup_free_ char *key = must_format(" %s:", name);
        char *at = m->parameters ? strstr(m->parameters, key) : NULL;

        return at ? at + strlen(key) : NULL;
}

bool module_parameter(struct module *m, const char *name, char *ret_value) {
        const char *at = find_parameter(m, name);

        if (!at)
                return false;
        *ret_value = *at;
        return true;
}

static int show_parameter(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "%c\n", *find_parameter(MODULE(o), a->name));
        return 0;
}

static int store_parameter(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                           size_t len) {
        if (len == 0 || !strchr("01yYnN", data[0]))
                return -EINVAL;
        *find_parameter(MODULE(o), a->name) = strchr("1yY", data[0]) ? 'Y' : 'N';
        return 0;
}

static void add_parameters(struct sim *s, struct module *m) {
        _cleanup_free_ char *copy = must_dup(m->parameters ?: "");
        struct node *n = NULL;
        char *words[16];
        size_t count = split_words(copy, words, ELEMENTSOF(words));

        for (size_t i = 0; i < count; i++) {
                /* lives as long as the simulation: open files may outlive the module */
                struct attribute *a = must_alloc(sizeof(*a));

                words[i][strcspn(words[i], ":")] = '\0';
                *a = (struct attribute) { must_dup(words[i]), 0644, show_parameter, store_parameter };
                n = n ?: tree_directory(&s->tree, m->directory, "parameters");
                tree_file(&s->tree, n, a, &m->object);
        }
}

static void add_misc(struct sim *s, struct module *m) {
        _cleanup_free_ char *devname = must_dup(m->misc);
        char *colon = devname ? strrchr(devname, ':') : NULL, *name;
        unsigned long minor;

        if (!colon || parse_number(colon + 1, 10, UINT16_MAX, &minor) < 0)
                return;
        *colon = '\0';
        name = strrchr(devname, '/');
        m->misc_device = class_device_add(s, tree_permanent(&s->tree, "devices/virtual/misc"), "misc",
                                          name ? name + 1 : devname, devname, 10, minor, 0666);
}

/* What is built in has a directory only for its parameters. */
static void add_directory(struct sim *s, struct module *m) {
        if (m->state == MODULE_BUILTIN && !m->parameters)
                return;
        m->directory = tree_directory(&s->tree, s->modules_dir, m->name);
        tree_files(&s->tree, m->directory, attributes, ELEMENTSOF(attributes), &m->object);
        if (m->state != MODULE_BUILTIN)
                tree_directory(&s->tree, m->directory, "holders");
        add_parameters(s, m);
}

/* Its directory, then its init function. */
static void enter(struct sim *s, struct module *m) {
        add_directory(s, m);
        add_misc(s, m);
        for (struct driver *d = s->drivers; d; d = d->next)
                if (d->module == m)
                        driver_register(s, d);
}

static void leave(struct sim *s, struct module *m) {
        for (struct driver *d = s->drivers; d; d = d->next)
                if (d->module == m && d->registration > 0)
                        driver_unregister(s, d);
        class_device_remove(s, m->misc_device);
        m->misc_device = NULL;
        tree_remove(&s->tree, m->directory);
        m->directory = NULL;
}

void module_start(struct sim *s, struct module *m) {
        if (m->state != MODULE_AVAILABLE)
                enter(s, m);
}

int module_insert(struct sim *s, const char *name) {
        struct module *m = module_find(s, name);
        int r;

        if (!m)
                return -ENOEXEC;
        while (m->state == MODULE_COMING || m->state == MODULE_GOING)
                sim_wait(s);
        if (m->state != MODULE_AVAILABLE)
                return -EEXIST;

        m->state = MODULE_COMING;
        r = fault_strike(s, FAULT_LOAD, false, m->name, NULL, NULL);
        if (r == 0) {
                enter(s, m);
                r = fault_strike(s, FAULT_LOAD, true, m->name, NULL, NULL);
                if (r < 0)
                        leave(s, m);
        }
        m->state = r < 0 ? MODULE_AVAILABLE : MODULE_LIVE;
        if (r == 0)
                uevent_send(s, "add", m->directory, "module", NULL);
        sim_changed(s);
        return r;
}

int module_delete(struct sim *s, const char *name) {
        struct module *m = module_find(s, name);

        if (!m || m->state == MODULE_AVAILABLE)
                return -ENOENT;
        if (m->state != MODULE_LIVE)
                return -EBUSY;
        m->state = MODULE_GOING;
        uevent_send(s, "remove", m->directory, "module", NULL);
        leave(s, m);
        m->state = MODULE_AVAILABLE;
        sim_changed(s);
        return 0;
}

static void dump_id(const struct driver_id *id, FILE *out) {
        const unsigned long ids[] = { id->vendor, id->device, id->subvendor, id->subdevice };
        static const char *const names[] = { "v", "d", "sv", "sd" };

        fprintf(out, " alias=%s:", id->override_only ? "vfio_pci" : "pci");
        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                if (ids[i] == ANY_ID)
                        fprintf(out, "%s*", names[i]);
                else
                        fprintf(out, "%s%08lX", names[i], ids[i]);
        for (int i = 2; i >= 0; i--) {
                static const char *const parts[] = { "i", "sc", "bc" };

                if ((id->class_mask >> (i * 8) & 0xff) == 0xff)
                        fprintf(out, "%s%02X", parts[i], id->class >> (i * 8) & 0xff);
                else
                        fprintf(out, "%s*", parts[i]);
        }
        if ((id->class_mask & 0xff) == 0xff)
                fputc('*', out);
}

static void dump_words(const char *key, const char *list, FILE *out) {
        _cleanup_free_ char *copy = must_dup(list ?: "");
        char *words[64];
        size_t n = split_words(copy, words, ELEMENTSOF(words));

        for (size_t i = 0; i < n; i++)
                fprintf(out, " %s=%s", key, words[i]);
}

void module_dump(struct sim *s, FILE *out) {
        for (struct module *m = s->modules; m; m = m->next) {
                fprintf(out, "%s %s", m->name, states[m->state]);
                dump_words("depends", m->depends, out);
                dump_words("pre", m->pre, out);
                dump_words("post", m->post, out);
                dump_words("alias", m->aliases, out);
                for (struct driver *d = s->drivers; d; d = d->next)
                        for (size_t i = 0; d->module == m && !d->unlisted && i < d->n_ids; i++)
                                dump_id(d->ids + i, out);
                fputc('\n', out);
        }
}
