/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The records of udev's database about block devices. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/lines.h"
#include "service/usage/pools.h"

/* What is on a device, in the words of udev's rules. */
struct content {
        bool is_pool;
        char label[NAME_MAX + 1];
};

static int read_property(const char *line, void *userdata) {
        struct content *content = userdata;
        const char *label = startswith(line, "E:ID_FS_LABEL=");

        if (streq(line, "E:ID_FS_TYPE=zfs_member"))
                content->is_pool = true;
        if (label)
                snprintf(content->label, sizeof(content->label), "%s", label);
        return 0;
}

static int note_device(const char *name, void *userdata) {
        struct look *look = userdata;
        struct content content = {};
        struct pool_member *member;
        char path[PATH_MAX];
        dev_t device;
        int r;

        snprintf(path, sizeof(path), "class/block/%s", name);
        if (look_read_number(look, path, &device) < 0)
                return 0;

        snprintf(path, sizeof(path), "/run/udev/data/b%u:%u", major(device), minor(device));
        r = foreach_line(look->root, path, read_property, &content);
        if (r < 0 || !content.is_pool)
                return r;

        member = array_append(&look->pool_members, &look->n_pool_members, sizeof(*member));
        if (!member)
                return -ENOMEM;

        *member = (struct pool_member){ device, strdup(content.label) };
        return member->pool ? 0 : -ENOMEM;
}

/* udev has put underscores in place of spaces. */
static bool is_in_pool(const char *dataset, const char *pool) {
        size_t length = strcspn(dataset, "/@");

        if (strlen(pool) != length)
                return false;
        for (size_t i = 0; i < length; i++)
                if (pool[i] != (dataset[i] == ' ' ? '_' : dataset[i]))
                        return false;

        return true;
}

int pools_foreach(struct look *look, const char *dataset, int (*function)(dev_t device, void *userdata),
                  void *userdata) {
        int r = 0;

        if (!look->knows_pools)
                r = sysfs_foreach(look->root->sys, "class/block", note_device, look);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        look->knows_pools = true;

        for (size_t i = 0; r >= 0 && i < look->n_pool_members; i++)
                if (is_in_pool(dataset, look->pool_members[i].pool))
                        r = function(look->pool_members[i].device, userdata);
        return r;
}
