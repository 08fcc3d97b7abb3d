/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups and what VFIO makes of them: drivers/iommu/iommu.c, drivers/vfio/vfio_main.c (6.1). */

#include <errno.h>
#include <stdio.h>

#include "fault.h"
#include "pci.h"

#define GROUP(o) ((struct group *) (o))

static void group_destroy(struct object *o) {
        free(GROUP(o)->type);
}

struct group *group_find(struct sim *s, int id) {
        for (struct group *g = s->groups; g; g = g->next)
                if (g->id == id)
                        return g;
        return NULL;
}

static int show_type(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "%s\n", GROUP(o)->type);
        return 0;
}

/* iommu_group_store_type() */
static int store_type(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                      size_t len) {
        static const char *const types[] = { "identity", "DMA", "DMA-FQ", "auto" };
        _cleanup_free_ char *type = must_dup(data);
        struct group *g = GROUP(o);

        type[strcspn(type, "\n")] = '\0';
        for (struct function *f = s->functions; f; f = f->next)
                if (f->group == g && f->driver)
                        return -EBUSY;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(type, types[i])) {
                        free(g->type);
                        g->type = must_dup(types[i]);
                        return 0;
                }
        return -EINVAL;
}

static int show_reserved(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "0x00000000fee00000 0x00000000feefffff msi\n");
        return 0;
}

static int show_name(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "vfio-noiommu\n");
        return 0;
}

static bool is_noiommu(const struct object *o) {
        return ((const struct group *) o)->noiommu;
}

static const struct attribute attributes[] = {
        { "type", 0644, show_type, store_type },
        { "reserved_regions", 0444, show_reserved },
        { "name", 0444, show_name, .visible = is_noiommu },
};

static struct group *group_new(struct sim *s, int id, bool noiommu) {
        struct group *g = must_alloc(sizeof(*g));
        _cleanup_free_ char *label = NULL;
        char name[16];

        if (id < 0)
                for (id = 0; group_find(s, id); id++)
                        ;
        label = must_format("groups/%d", id);
        snprintf(name, sizeof(name), "%d", id);
        object_init(&g->object, label, group_destroy);
        g->id = id;
        g->noiommu = noiommu;
        g->type = must_dup(noiommu ? "unknown" : "DMA");
        g->directory = tree_directory(&s->tree, s->groups_dir, name);
        tree_files(&s->tree, g->directory, attributes, ELEMENTSOF(attributes), &g->object);
        g->next = s->groups;
        s->groups = g;
        return g;
}

void group_join(struct sim *s, struct function *f, int id, bool noiommu) {
        struct group *g = (id < 0 ? NULL : group_find(s, id)) ?: group_new(s, id, noiommu);

        g->members++;
        f->group = g;
        tree_link(&s->tree, f->directory, "iommu_group", g->directory);
        tree_link(&s->tree, tree_directory(&s->tree, g->directory, "devices"), f->object.label,
                  f->directory);
}

void group_leave(struct sim *s, struct function *f) {
        struct group *g = f->group;

        if (!g)
                return;
        f->group = NULL;
        tree_remove_child(&s->tree, f->directory, "iommu_group");
        tree_remove_child(&s->tree, tree_directory(&s->tree, g->directory, "devices"), f->object.label);
        if (--g->members > 0)
                return;

        for (struct group **p = &s->groups; *p; p = &(*p)->next)
                if (*p == g) {
                        *p = g->next;
                        break;
                }
        tree_remove(&s->tree, g->directory);
        g->directory = NULL;
        object_unref(&g->object);
}

int group_use(const struct group *g) {
        return g->opened > 0 ? -EBUSY : 0;
}

/* ---- VFIO ---- */

static void add_node(struct sim *s, struct group *g) {
        struct node *parent = tree_permanent(&s->tree, "devices/virtual/vfio");
        char name[32], devname[64];

        if (g->vfio || g->vfio_members == 0)
                return;
        snprintf(name, sizeof(name), "%s%d", g->noiommu ? "noiommu-" : "", g->id);
        snprintf(devname, sizeof(devname), "vfio/%s", name);
        g->vfio = class_device_add(s, parent, "vfio", name, devname, s->node_major, g->id, 0600);
        sim_changed(s);
}

struct late {
        struct group *group;
        unsigned delay_ms;
        char *device;
};

static void add_late(struct sim *s, void *data) {
        struct late *l = data;
        char subject[16];

        pthread_mutex_lock(&s->lock);
        snprintf(subject, sizeof(subject), "%d", l->group->id);
        sim_sleep(s, l->delay_ms);
        if (fault_strike(s, FAULT_NODE, false, subject, l->device, NULL) == 0)
                add_node(s, l->group);
        object_unref(&l->group->object);
        s->busy--;
        sim_changed(s);
        pthread_mutex_unlock(&s->lock);
        free(l->device);
        free(l);
}

void group_vfio_add(struct sim *s, struct function *f) {
        unsigned delay = f->node_delay_ms >= 0 ? (unsigned) f->node_delay_ms : s->node_delay_ms;
        struct group *g = f->group;
        struct node *parent = tree_directory(&s->tree, f->directory, "vfio-dev");
        struct late *l;
        char name[32];

        g->vfio_members++;
        if (!s->started || (delay == 0 && !fault_any(s, FAULT_NODE)))
                add_node(s, g);
        else if (!g->vfio) {
                l = must_alloc(sizeof(*l));
                *l = (struct late) { g, delay, must_dup(f->object.label) };
                object_ref(&g->object);
                s->busy++;
                sim_thread(s, add_late, l);
        }
        snprintf(name, sizeof(name), "vfio%u", s->vfio_index++);
        f->vfio_device = class_device_add(s, parent, "vfio-dev", name, NULL, 0, 0, 0);
}

void group_vfio_remove(struct sim *s, struct function *f) {
        struct group *g = f->group;

        class_device_remove(s, f->vfio_device);
        f->vfio_device = NULL;
        tree_remove_child(&s->tree, f->directory, "vfio-dev");
        if (--g->vfio_members > 0)
                return;
        class_device_remove(s, g->vfio);
        g->vfio = NULL;
        sim_changed(s);
}

int group_open(struct sim *s, struct function *f, char **ret_error) {
        if (!f->driver || !streq(f->driver->kind->name, "vfio") || f->vfio_open) {
                *ret_error = must_format("%s is not free on a VFIO driver", f->object.label);
                return -EBUSY;
        }
        for (struct function *m = s->functions; m; m = m->next)
                if (m->group == f->group && m->driver && !m->driver->kind->manages_dma) {
                        *ret_error = must_format("group %d is not viable: %s", f->group->id,
                                                 m->object.label);
                        return -EPERM;
                }
        f->vfio_open = true;
        f->group->opened++;
        return 0;
}

void group_close(struct sim *s, struct function *f) {
        if (!f->vfio_open)
                return;
        f->vfio_open = false;
        f->group->opened--;
        sim_changed(s);
}
