/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Groups and their members. */

#include <errno.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/host/group.h"
#include "service/host/sysfs.h"

int group_read_type(const struct root *root, struct group *g) {
        char path[64], type[32] = "";
        int r;

        snprintf(path, sizeof(path), "kernel/iommu_groups/%u/type", g->id);
        if (sysfs_read(root->sys, path, type, sizeof(type)) < 0)
                type[0] = '\0';
        if (g->type && streq(g->type, type))
                return 0;

        r = free_and_copy(&g->type, type);
        return r < 0 ? r : 1;
}

int group_new(const struct root *root, unsigned id, struct group **ret) {
        struct group *g;

        g = calloc(1, sizeof(*g));
        if (!g)
                return -ENOMEM;
        g->id = id;

        if (group_read_type(root, g) < 0) {
                free(g);
                return -ENOMEM;
        }

        *ret = g;
        return 0;
}

struct group *group_free(struct group *g) {
        if (!g)
                return NULL;

        free(g->members);
        free(g->type);
        free(g);
        return NULL;
}

int group_add(struct group *g, struct function *f) {
        return array_insert(
                        &g->members, &g->n_members,
                        array_lower_bound(g->members, g->n_members, &f->address, function_compare_address),
                        f);
}

void group_remove(struct group *g, struct function *f) {
        size_t at = array_lower_bound(g->members, g->n_members, &f->address, function_compare_address);

        if (at < g->n_members && g->members[at] == f)
                array_remove(g->members, &g->n_members, at);
}

bool function_blocks_group(const struct function *f) {
        return !driver_keeps_group_viable(f->driver, f->kind);
}

unsigned group_count_blockers(const struct group *g) {
        unsigned n = 0;

        for (size_t i = 0; i < g->n_members; i++)
                n += function_blocks_group(g->members[i]);

        return n;
}
