/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What one look gathers. */

#include <errno.h>
#include <libmount.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/look.h"

static int add(struct look *look, const struct part *template) {
        struct part *part = array_append(&look->parts, &look->n_parts, sizeof(*part));
        const char *slash;

        if (!part)
                return -ENOMEM;

        *part = *template;
        part->path = strdup(template->path);
        part->subsystem = strdup(template->subsystem);
        if (!part->path || !part->subsystem)
                return -ENOMEM;

        slash = strrchr(part->path, '/');
        part->name = slash ? slash + 1 : part->path;
        return 0;
}

int look_add_part(struct look *look, const struct function *f, const char *path, const char *subsystem,
                  dev_t number) {
        return add(look, &(struct part){ f, -1, (char *) path, NULL, (char *) subsystem, number });
}

int look_add_way(struct look *look, int group, const char *path, const char *subsystem, dev_t number) {
        return add(look, &(struct part){ NULL, group, (char *) path, NULL, (char *) subsystem, number });
}

int look_read_number(const struct look *look, const char *path, dev_t *ret) {
        return sysfs_read_device(look->root->sys, path, ret);
}

void openers_free(struct opener *openers, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(openers[i].command);
                free(openers[i].node);
        }
        free(openers);
}

void look_clear(struct look *look) {
        openers_free(look->openers, look->n_openers);
        for (size_t i = 0; i < look->n_parts; i++) {
                free(look->parts[i].path);
                free(look->parts[i].subsystem);
        }
        for (size_t i = 0; i < look->n_dependants; i++)
                function_free(look->dependants[i].function);
        for (size_t i = 0; i < look->n_pool_members; i++)
                free(look->pool_members[i].pool);
        mnt_unref_table(look->mounts);
        free(look->pool_members);
        free(look->mounted);
        free(look->groups);
        free(look->parts);
        free(look->dependants);
        free(look->functions);
        findings_clear(&look->found);
        *look = (struct look){};
}
