/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From the kernel into the model, and telling the listener what has changed. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/host/model-rooms.h"
#include "service/host/sysfs.h"
#include "service/host/variant.h"

static int add_group(struct model *model, int id, struct group **ret) {
        size_t at = model_group_place(model, id);
        struct group *g;
        int r;

        r = group_new(model->root, (unsigned) id, &g);
        if (r < 0)
                return r;
        g->model = model;

        r = array_insert(&model->groups, &model->n_groups, at, g);
        if (r < 0) {
                group_free(g);
                return r;
        }

        *ret = g;
        return 0;
}

/* Puts F into the group that it names. */
static int join_group(struct model *model, struct function *f) {
        struct group *g;
        bool is_new;
        int r;

        if (f->group < 0)
                return 0;

        g = model_group(model, f->group);
        is_new = !g;
        if (is_new) {
                r = add_group(model, f->group, &g);
                if (r < 0)
                        return r;
        }

        r = group_add(g, f);
        if (r < 0)
                return r;

        g->n_blockers = group_count_blockers(g);
        if (is_new)
                tell(model, group_added, g);
        else
                tell(model, group_changed, g, GROUP_MEMBERS | GROUP_VIABLE);
        return 0;
}

/* Takes F out of group ID, and drops the group with its last member, as the kernel does. */
static void leave_group(struct model *model, struct function *f, int id) {
        struct group *g = model_group(model, id);

        if (!g)
                return;

        group_remove(g, f);
        if (g->n_members > 0) {
                g->n_blockers = group_count_blockers(g);
                tell(model, group_changed, g, GROUP_MEMBERS | GROUP_VIABLE);
                return;
        }

        tell(model, group_removed, g);
        array_remove(model->groups, &model->n_groups, model_group_place(model, id));
        group_free(g);
}

/* What a look at F says of its group. An administrator can change the type, and no uevent tells of it. */
static void review_group(struct model *model, struct function *f) {
        struct group *g = model_group(model, f->group);
        unsigned changes = 0, n;

        if (!g)
                return;

        n = group_count_blockers(g);
        if (n != g->n_blockers)
                changes |= GROUP_VIABLE;
        g->n_blockers = n;
        if (group_read_type(model->root, g) > 0)
                changes |= GROUP_TYPE;
        if (changes != 0)
                tell(model, group_changed, g, changes);
}

static int review_vfio_driver(const struct model *model, struct function *f) {
        char driver[NAME_MAX + 1];
        int r;

        if (streq(f->vfio_driver, vfio_driver(model->root, model->aliases, f, driver, sizeof(driver))))
                return 0;

        r = free_and_copy(&f->vfio_driver, driver);
        return r < 0 ? r : FUNCTION_VFIO_DRIVER;
}

static bool is_moving(const struct model *model, const struct pci_address *address) {
        const struct function *f = model_function(model, address);

        return f && f->moving;
}

/* The number of the last uevent: whoever asks for it before he reads fields knows that these reflect it. */
static uint64_t read_seqnum(const struct model *model) {
        int64_t number;

        return sysfs_read_number(model->root->sys, "kernel/uevent_seqnum", &number) < 0 ? 0
                                                                                        : (uint64_t) number;
}

static int add_function(struct model *model, const struct pci_address *address, uint64_t seqnum) {
        _cleanup_(function_freep) struct function *f = NULL;
        int r;

        r = function_read(model->root, address, &f);
        if (r < 0)
                return r;

        f->model = model;
        f->seqnum = seqnum;

        /* Of one that is being changed, they are part of the change. */
        f->moving = f->is_virtual && is_moving(model, &f->physical);
        f->vendor_name = names_vendor(model->names, f->vendor);
        f->device_name = names_device(model->names, f->vendor, f->device);
        f->class_name = names_class(model->names, f->class_code);

        r = review_vfio_driver(model, f);
        if (r >= 0)
                r = array_insert(&model->functions, &model->n_functions, model_place(model, address), f);
        if (r < 0)
                return r;

        tell(model, function_added, f);
        r = join_group(model, f);
        f = NULL;
        return r;
}

int model_note_driver(struct model *model, struct function *f, const char *driver, uint64_t seqnum) {
        _cleanup_free_ char *from = NULL;
        int r;

        if (f->moving || seqnum <= f->seqnum || streq(f->driver, driver))
                return 0;

        from = strdup(f->driver);
        r = from ? free_and_copy(&f->driver, driver) : -ENOMEM;
        if (r < 0)
                return r;

        f->seqnum = seqnum;
        f->kind = driver_kind(driver);
        f->binding = 0;
        tell(model, function_changed, f, FUNCTION_DRIVER);
        review_group(model, f);
        tell(model, function_moved, f, from, MOVED_BY_KERNEL);
        return 0;
}

/* Refreshes F and tells what changed. Passes on what function_refresh() says of a function that has gone. */
static int refresh_function(struct model *model, struct function *f, enum moved_by mover, uint64_t seqnum) {
        _cleanup_free_ char *driver = NULL;
        int changes, group = f->group;

        driver = strdup(f->driver);
        if (!driver)
                return -ENOMEM;

        changes = function_refresh(model->root, f);
        if (changes < 0)
                return changes;
        f->seqnum = seqnum;
        changes |= MAX_OF(review_vfio_driver(model, f), 0);

        if (changes != 0)
                tell(model, function_changed, f, (unsigned) changes);
        if (changes & FUNCTION_GROUP) {
                leave_group(model, f, group);
                join_group(model, f);
        }
        review_group(model, f);
        if (!streq(f->driver, driver))
                tell(model, function_moved, f, driver, mover);
        return 0;
}

static void remove_function(struct model *model, struct function *f) {
        struct function *physical = f->is_virtual ? model_function(model, &f->physical) : NULL;

        tell(model, function_removed, f);
        leave_group(model, f, f->group);
        array_remove(model->functions, &model->n_functions, model_place(model, &f->address));
        function_free(f);

        /* Virtual functions go all together, and no uevent tells of it for the physical function
         * (sriov_disable() in drivers/pci/iov.c). */
        if (physical && physical->n_virtual_functions > 0 && !physical->moving)
                (void) refresh_function(model, physical, MOVED_BY_KERNEL, read_seqnum(model));
}

static int update(struct model *model, const struct pci_address *address, enum moved_by mover,
                  uint64_t seqnum) {
        struct function *f = model_function(model, address);
        int r;

        if (f) {
                if (f->moving && function_exists(model->root, f))
                        return 0;

                r = refresh_function(model, f, mover, seqnum);
                if (r != -ENOENT && r != -ENODEV && r != -ESTALE)
                        return r;

                remove_function(model, f);
                if (r != -ESTALE)
                        return 0;
        }

        r = add_function(model, address, seqnum);
        return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int model_update(struct model *model, const struct pci_address *address, enum moved_by mover) {
        return update(model, address, mover, read_seqnum(model));
}

static int scan_entry(const char *name, void *userdata) {
        struct pci_address address, *found;
        struct {
                struct pci_address *array;
                size_t n;
        } *list = userdata;

        if (pci_address_parse(name, &address) < 0)
                return 0;

        found = array_append(&list->array, &list->n, sizeof(*found));
        if (!found)
                return -ENOMEM;

        *found = address;
        return 0;
}

static int compare_addresses(const void *a, const void *b) {
        return pci_address_compare(a, b);
}

int model_scan(struct model *model) {
        struct {
                struct pci_address *array;
                size_t n;
        } list = {};
        uint64_t seqnum = read_seqnum(model);
        int r;

        r = sysfs_foreach(model->root->sys, "bus/pci/devices", scan_entry, &list);

        /* In order, so that inserting is appending. */
        if (list.n > 0)
                qsort(list.array, list.n, sizeof(*list.array), compare_addresses);
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                if (update(model, &list.array[i], MOVED_BY_KERNEL, seqnum) == -ENOMEM)
                        r = -ENOMEM;

        for (size_t i = model->n_functions; r >= 0 && i > 0; i--) {
                struct function *f = model->functions[i - 1];

                if (!bsearch(&f->address, list.array, list.n, sizeof(*list.array), compare_addresses))
                        remove_function(model, f);
        }

        free(list.array);
        return r;
}
