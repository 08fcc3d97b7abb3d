/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Two sorted arrays, of functions and of groups, and telling the listener how they change. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "service/host/model.h"
#include "service/host/names.h"
#include "service/host/sysfs.h"

struct model {
        const struct root *root;
        struct aliases *aliases;
        struct names *names;

        struct function **functions;
        size_t n_functions;
        struct group **groups;
        size_t n_groups;

        const struct model_listener *listener;
        void *userdata;
};

static const struct model_listener nobody;

#define tell(model, what, ...)                                                                \
        ({                                                                                    \
                if ((model)->listener->what)                                                  \
                        (model)->listener->what(__VA_ARGS__, (model)->userdata);              \
        })

int model_new(const struct root *root, struct aliases *aliases, struct model **ret) {
        struct model *model;

        model = calloc(1, sizeof(*model));
        if (!model)
                return -ENOMEM;

        model->root = root;
        model->aliases = aliases;
        model->listener = &nobody;
        model->names = names_new();
        if (!model->names) {
                free(model);
                return -ENOMEM;
        }

        *ret = model;
        return 0;
}

static void group_free(struct group *g) {
        free(g->members);
        free(g->type);
        free(g);
}

struct model *model_free(struct model *model) {
        if (!model)
                return NULL;

        for (size_t i = 0; i < model->n_functions; i++)
                function_free(model->functions[i]);
        for (size_t i = 0; i < model->n_groups; i++)
                group_free(model->groups[i]);
        free(model->functions);
        free(model->groups);
        names_free(model->names);
        free(model);
        return NULL;
}

void model_set_listener(struct model *model, const struct model_listener *listener, void *userdata) {
        model->listener = listener ?: &nobody;
        model->userdata = userdata;
}

const struct root *model_root(const struct model *model) {
        return model->root;
}

struct aliases *model_aliases(const struct model *model) {
        return model->aliases;
}

void model_trim(struct model *model) {
        names_unload(model->names);
}

/* The place of KEY in a sorted array of pointers: the first element that is not less. */
static size_t lower_bound(void *const *array, size_t n, const void *key, int (*compare)(const void *key, const void *element)) {
        size_t from = 0, to = n;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (compare(key, array[middle]) > 0)
                        from = middle + 1;
                else
                        to = middle;
        }

        return from;
}

static int insert_at(void *array, size_t *n, size_t at, void *element) {
        void **slot;

        if (!array_append(array, n, sizeof(void *)))
                return -ENOMEM;

        slot = *(void ***) array + at;
        memmove(slot + 1, slot, (*n - 1 - at) * sizeof(void *));
        *slot = element;
        return 0;
}

static void remove_at(void *array, size_t *n, size_t at) {
        memmove((void **) array + at, (void **) array + at + 1, (*n - at - 1) * sizeof(void *));
        (*n)--;
}

static int compare_to_function(const void *key, const void *element) {
        return pci_address_compare(key, &((const struct function *) element)->address);
}

static int compare_to_group(const void *key, const void *element) {
        int a = *(const int *) key, b = (int) ((const struct group *) element)->id;

        return (a > b) - (a < b);
}

static size_t find_function(const struct model *model, const struct pci_address *address) {
        return lower_bound((void *const *) model->functions, model->n_functions, address, compare_to_function);
}

struct function *model_function(const struct model *model, const struct pci_address *address) {
        size_t at = find_function(model, address);

        if (at < model->n_functions && pci_address_compare(&model->functions[at]->address, address) == 0)
                return model->functions[at];
        return NULL;
}

struct group *model_group(const struct model *model, int id) {
        size_t at = lower_bound((void *const *) model->groups, model->n_groups, &id, compare_to_group);

        return at < model->n_groups && (int) model->groups[at]->id == id ? model->groups[at] : NULL;
}

struct function *const *model_functions(const struct model *model, size_t *ret_n) {
        *ret_n = model->n_functions;
        return model->functions;
}

struct group *const *model_groups(const struct model *model, size_t *ret_n) {
        *ret_n = model->n_groups;
        return model->groups;
}

bool function_blocks_group(const struct function *f) {
        return !driver_keeps_group_viable(f->driver, f->kind);
}

static unsigned count_blockers(const struct group *g) {
        unsigned n = 0;

        for (size_t i = 0; i < g->n_members; i++)
                n += function_blocks_group(g->members[i]);

        return n;
}

static int read_group_type(const struct model *model, struct group *g) {
        char path[64], type[32] = "";

        snprintf(path, sizeof(path), "kernel/iommu_groups/%u/type", g->id);
        if (sysfs_read(model->root->sys, path, type, sizeof(type)) < 0)
                type[0] = '\0';

        return free_and_copy(&g->type, type);
}

static int add_group(struct model *model, int id, struct group **ret) {
        size_t at = lower_bound((void *const *) model->groups, model->n_groups, &id, compare_to_group);
        struct group *g;

        g = calloc(1, sizeof(*g));
        if (!g)
                return -ENOMEM;
        g->model = model;
        g->id = (unsigned) id;

        if (read_group_type(model, g) < 0 || insert_at(&model->groups, &model->n_groups, at, g) < 0) {
                group_free(g);
                return -ENOMEM;
        }

        *ret = g;
        return 0;
}

/* Puts F into the group that it names. */
static int join_group(struct model *model, struct function *f) {
        struct group *g;
        bool is_new;
        size_t at;
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

        at = lower_bound((void *const *) g->members, g->n_members, &f->address, compare_to_function);
        r = insert_at(&g->members, &g->n_members, at, f);
        if (r < 0)
                return r;

        g->n_blockers = count_blockers(g);
        if (is_new)
                tell(model, group_added, g);
        else
                tell(model, group_changed, g, GROUP_MEMBERS | GROUP_VIABLE);
        return 0;
}

/* Takes F out of group ID, and drops the group with its last member, as the kernel does. */
static void leave_group(struct model *model, struct function *f, int id) {
        struct group *g = model_group(model, id);
        size_t at;

        if (!g)
                return;

        at = lower_bound((void *const *) g->members, g->n_members, &f->address, compare_to_function);
        if (at < g->n_members && g->members[at] == f)
                remove_at(g->members, &g->n_members, at);

        if (g->n_members > 0) {
                g->n_blockers = count_blockers(g);
                tell(model, group_changed, g, GROUP_MEMBERS | GROUP_VIABLE);
                return;
        }

        tell(model, group_removed, g);
        remove_at(model->groups, &model->n_groups,
                  lower_bound((void *const *) model->groups, model->n_groups, &id, compare_to_group));
        group_free(g);
}

static void review_group(struct model *model, struct function *f) {
        struct group *g = model_group(model, f->group);
        unsigned n;

        if (!g)
                return;

        n = count_blockers(g);
        if (n == g->n_blockers)
                return;

        g->n_blockers = n;
        tell(model, group_changed, g, GROUP_VIABLE);
}

static int take_driver_of_module(const char *name, void *userdata) {
        const char *driver = startswith(name, "pci:");

        if (!driver)
                return 0;

        snprintf(userdata, NAME_MAX + 1, "%s", driver);
        return 1;
}

char *model_vfio_driver(const struct model *model, const struct function *f, char *buffer, size_t size) {
        const char *module = aliases_vfio_module(model->aliases, f);
        char path[PATH_MAX], driver[NAME_MAX + 1];

        snprintf(path, sizeof(path), "module/%s/drivers", module);
        if (streq(module, "vfio_pci"))
                snprintf(buffer, size, "vfio-pci");
        else if (sysfs_foreach(model->root->sys, path, take_driver_of_module, driver) > 0)
                snprintf(buffer, size, "%s", driver);
        else
                snprintf(buffer, size, "%s", module);

        return buffer;
}

static int review_vfio_driver(const struct model *model, struct function *f) {
        char driver[NAME_MAX + 1];
        int r;

        if (streq(f->vfio_driver, model_vfio_driver(model, f, driver, sizeof(driver))))
                return 0;

        r = free_and_copy(&f->vfio_driver, driver);
        return r < 0 ? r : FUNCTION_VFIO_DRIVER;
}

static int add_function(struct model *model, const struct pci_address *address) {
        _cleanup_(function_freep) struct function *f = NULL;
        int r;

        r = function_read(model->root, address, &f);
        if (r < 0)
                return r;

        f->model = model;
        f->vendor_name = names_vendor(model->names, f->vendor);
        f->device_name = names_device(model->names, f->vendor, f->device);
        f->class_name = names_class(model->names, f->class_code);

        r = review_vfio_driver(model, f);
        if (r >= 0)
                r = insert_at(&model->functions, &model->n_functions, find_function(model, address), f);
        if (r < 0)
                return r;

        tell(model, function_added, f);
        r = join_group(model, f);
        f = NULL;
        return r;
}

static void remove_function(struct model *model, struct function *f) {
        tell(model, function_removed, f);
        leave_group(model, f, f->group);
        remove_at(model->functions, &model->n_functions, find_function(model, &f->address));
        function_free(f);
}

/* The number of the last uevent. */
static uint64_t read_seqnum(const struct model *model) {
        int64_t number;

        return sysfs_read_number(model->root->sys, "kernel/uevent_seqnum", &number) < 0 ? 0 : (uint64_t) number;
}

static void announce_driver(struct model *model, struct function *f, const char *from, enum moved_by mover) {
        review_group(model, f);
        tell(model, function_moved, f, from, mover);
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
        tell(model, function_changed, f, FUNCTION_DRIVER);
        announce_driver(model, f, from, MOVED_BY_KERNEL);
        return 0;
}

/* Refreshes F and tells what changed. Passes on what function_refresh() says of a function that has gone. */
static int refresh_function(struct model *model, struct function *f, enum moved_by mover) {
        _cleanup_free_ char *driver = NULL;
        int changes, group = f->group;
        uint64_t seqnum;

        driver = strdup(f->driver);
        if (!driver)
                return -ENOMEM;

        /* Before the fields: an event up to this number came before them. */
        seqnum = read_seqnum(model);
        changes = function_refresh(model->root, f);
        if (changes < 0)
                return changes;
        f->seqnum = seqnum;
        if (changes & FUNCTION_DRIVER)
                changes |= MAX_OF(review_vfio_driver(model, f), 0);
        if (changes == 0)
                return 0;

        tell(model, function_changed, f, (unsigned) changes);
        if (changes & FUNCTION_GROUP) {
                leave_group(model, f, group);
                join_group(model, f);
        }
        if (changes & FUNCTION_DRIVER)
                announce_driver(model, f, driver, mover);
        return 0;
}

int model_update(struct model *model, const struct pci_address *address, enum moved_by mover) {
        struct function *f = model_function(model, address);
        int r;

        if (f) {
                if (f->moving && function_exists(model->root, f))
                        return 0;

                r = refresh_function(model, f, mover);
                if (r >= 0 || r == -ENOMEM)
                        return r;

                remove_function(model, f);
                if (r != -ESTALE)
                        return 0;
        }

        r = add_function(model, address);
        return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static int scan_entry(const char *name, void *userdata) {
        struct pci_address address, *found;
        struct { struct pci_address *array; size_t n; } *list = userdata;

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
        struct { struct pci_address *array; size_t n; } list = {};
        int r;

        r = sysfs_foreach(model->root->sys, "bus/pci/devices", scan_entry, &list);

        /* In order, so that inserting is appending. */
        if (list.n > 0)
                qsort(list.array, list.n, sizeof(*list.array), compare_addresses);
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                r = model_update(model, &list.array[i], MOVED_BY_KERNEL);

        for (size_t i = model->n_functions; r >= 0 && i > 0; i--) {
                struct function *f = model->functions[i - 1];

                if (!bsearch(&f->address, list.array, list.n, sizeof(*list.array), compare_addresses))
                        remove_function(model, f);
        }

        free(list.array);
        return r;
}

int model_set_override(struct model *model, struct function *f, const char *override) {
        int r;

        if (streq(f->override, override))
                return 0;

        r = free_and_copy(&f->override, override);
        if (r < 0)
                return r;

        tell(model, function_changed, f, FUNCTION_OVERRIDE);
        return 0;
}

int model_set_home(struct model *model, struct function *f, const char *home) {
        int r;

        if (streq(f->home, home))
                return 0;

        r = free_and_copy(&f->home, home);
        if (r < 0)
                return r;

        tell(model, function_changed, f, FUNCTION_HOME);
        return 0;
}

void model_set_busy(struct model *model, struct function *f, bool busy) {
        if (f->busy == busy)
                return;

        f->busy = busy;
        tell(model, function_changed, f, FUNCTION_BUSY);
}

void model_set_moving(struct function *f, bool moving) {
        f->moving = moving;
}
